"""Training on two processes, some of whose batches have no film."""

import hashlib
import json
import os
import pathlib
import subprocess
import sys

import pytest
import torch

RECIPE = (
    pathlib.Path(__file__).resolve().parents[2]
    / "recipes/DESED/sound_event_detection"
)
SETTINGS = {
    "number_of_epochs": 2,
    "batches_per_epoch": 4,
    "batch_strong": 1,
    "batch_weak": 1,
    "batch_unlabelled": 0,
    "num_workers": 0,
    "n_layers": 1,
    "log_interval": 1,
    "streams": "[fake]",
    "stream_widths": "{fake: 8}",
    "fusion": 0.5,
    "inference_weights": "[0.5]",
    "scoring_batch_size": 4,
    "control_untrained": False,
    "control_shuffled_streams": False,
}
# Says of each process what it trained on and what came out.
SCRIPT = """
import hashlib, json, os, pathlib, sys

sys.path.insert(0, sys.argv[1])
import train


def digest(network):
    found = hashlib.sha256()
    for parameter in network.parameters():
        found.update(parameter.detach().numpy().tobytes())
    return found.hexdigest()


class Brain(train.SoundEventBrain):
    batches = []

    def compute_forward(self, batch, stage):
        if stage.name == "TRAIN":
            films = int(batch.available[:, 1:].sum())
            self.batches.append([self.epoch, films, list(batch.id)])
        return super().compute_forward(batch, stage)

    def recover_last(self):
        told = {
            "batches": self.batches,
            "steps": self.optimizer_step,
            "student": digest(self.student),
            "teacher": digest(self.teacher),
            "wrapped": type(self.modules["network"]).__name__,
        }
        path = pathlib.Path(sys.argv[2], f"rank{os.environ['RANK']}.json")
        path.write_text(json.dumps(told))
        super().recover_last()


train.SoundEventBrain = Brain
train.main(sys.argv[3:])
"""


def digest(state, names):
    found = hashlib.sha256()
    for name in names:
        found.update(state[name].numpy().tobytes())
    return found.hexdigest()


def launch(script, arguments):
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    command += ["--nproc_per_node=2", str(script), *map(str, arguments)]
    done = subprocess.run(
        command,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=800,
    )
    assert done.returncode == 0, done.stderr[-4000:]


def train_on_two(tiny_corpus, tmp_path, yaml, **more):
    """What both processes told of a training."""
    data, prepared = tiny_corpus
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    settings = {
        "data_folder": data,
        "prepared_folder": prepared,
        "output_folder": tmp_path / "run",
        # Both processes make the features, and one kind of run keeps them.
        "log_mel_folder": tmp_path / "log_mel",
        "corpus_on_device": yaml == "conformer.yaml",
        **SETTINGS,
        **more,
    }
    options = ["--device", "cpu", "--distributed_backend", "gloo"]
    options += ["--noprogressbar"]
    for key, value in settings.items():
        options += [f"--{key}", value]
    launch(script, [RECIPE, tmp_path, RECIPE / "hparams" / yaml, *options])

    return [
        json.loads((tmp_path / f"rank{rank}.json").read_text())
        for rank in (0, 1)
    ]


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("yaml", ["transformer.yaml", "conformer.yaml"])
def test_two_processes_train_one_network(tiny_corpus, tmp_path, yaml):
    one, two = train_on_two(tiny_corpus, tmp_path, yaml)
    assert one["wrapped"] == "DistributedDataParallel"
    # Four batches an epoch, dealt to two: one step for each pair.
    assert one["steps"] == two["steps"] == 4
    films = [
        (ours[1], theirs[1])
        for ours, theirs in zip(one["batches"], two["batches"], strict=True)
    ]
    assert any(min(pair) == 0 < max(pair) for pair in films), films
    weak = [ids[1] for run in (one, two) for epoch, _, ids in run["batches"]]
    assert len(weak) == 8
    # Six weak clips: all were met before any came again.
    assert len(set(weak)) == 6
    assert one["student"] == two["student"]
    assert one["teacher"] == two["teacher"]
    assert one["student"] != one["teacher"]

    *_, checkpoint = sorted((tmp_path / "run" / "save").glob("CKPT*"))
    report = json.loads((tmp_path / "run" / "report.json").read_text())
    assert {"student", "teacher"} <= set(report["metrics"])
    for name, key in (("network", "student"), ("teacher", "teacher")):
        state = torch.load(checkpoint / f"{name}.ckpt", weights_only=True)
        assert not any(k.startswith("module.") for k in state)
        buffers = ("running_mean", "running_var", "num_batches_tracked")
        names = [k for k in state if k.rsplit(".", 1)[-1] not in buffers]
        assert digest(state, names) == one[key]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_two_processes_divide_the_batches_of_one(tiny_corpus, tmp_path):
    more = {"divide_batches": True, "batch_strong": 2, "batch_weak": 2}
    one, two = train_on_two(tiny_corpus, tmp_path, "transformer.yaml", **more)
    assert one["steps"] == two["steps"] == 8
    for ours, theirs in zip(one["batches"], two["batches"], strict=True):
        assert len(ours[2]) == len(theirs[2]) == 2
        assert not set(ours[2]) & set(theirs[2])
    assert one["student"] == two["student"]
    assert one["teacher"] == two["teacher"]
