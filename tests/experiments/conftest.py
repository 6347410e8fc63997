"""A plan with two systems, whose program is a dummy."""

import textwrap

import pytest

PROGRAM = """
import json, os, sys, time
values = dict(zip(sys.argv[2::2], sys.argv[3::2]))
folder, seed = values["--output_folder"], int(values["--seed"])
os.makedirs(folder, exist_ok=True)
with open(os.path.join(folder, "starts"), "a") as file:
    file.write(f"{os.getpid()}\\n")
print("epoch 1/2, batch 1/2: begun", flush=True)
time.sleep(float(values["--seconds"]))
if seed == int(values["--failing_seed"]):
    sys.exit("no luck with this seed")
with open(os.path.join(folder, "report.json"), "w") as file:
    json.dump({}, file)
"""

PLAN = """
title: Two systems
program: program.py
base_models: {transformer: base.yaml}
seeds: 3
budget: {seconds: 0.05, failing_seed: 0}
systems:
  audio: {base: transformer}
  both:
    base: transformer
    streams: [openl3]
    training: [0.5, 0.75]
    inference: [0.25, 0.875]
"""

BASE = """
seed: 1
seconds: 0.0
failing_seed: 0
streams: []
fusion: 0.5
inference_weights: []
prepared_folder: none
output_folder: none
"""


@pytest.fixture
def plan_file(tmp_path):
    folder = tmp_path / "plans"
    folder.mkdir()
    (folder / "program.py").write_text(PROGRAM)
    (folder / "base.yaml").write_text(BASE)
    path = folder / "plan.yaml"
    path.write_text(textwrap.dedent(PLAN))
    return path


@pytest.fixture
def dummy_command():
    """Job and device -> command without the options of Brain."""

    def command(job, device):
        words = job.command(device)
        return words[: words.index("--device")]

    return command
