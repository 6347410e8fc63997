"""The experiment's program: what it prints, and real runs that are killed."""

import os
import pathlib
import shlex
import signal
import subprocess
import sys
import time

import pytest
from sweep.plan import PlanError

from speechbrain_mmsed.training.hparams import HparamsError

ROOT = pathlib.Path(__file__).resolve().parents[2]
EXPERIMENTS = ROOT / "recipes" / "DESED" / "experiments"
PLAN = f"""
title: Tiny
program: {ROOT}/recipes/DESED/sound_event_detection/train.py
base_models:
  transformer:
    {ROOT}/recipes/DESED/sound_event_detection/hparams/quickstart.yaml
paper_figures: {EXPERIMENTS}/paper_figures.csv
stands_for: {{fake: openl3}}
seeds: 1
devices: [cpu, cpu]
budget:
  number_of_epochs: 3
  batches_per_epoch: 8
  batch_strong: 2
  batch_weak: 2
  batch_unlabelled: 2
  num_workers: 0
  stream_widths: {{fake: 8}}
  scoring_batch_size: 4
  control_untrained: False
  control_shuffled_streams: False
  class_groups: null
systems:
  audio: {{base: transformer}}
  both: {{base: transformer, streams: [fake], training: 0.5, inference: [0.5]}}
"""


@pytest.fixture
def program(load_recipe):
    return load_recipe("experiments/run.py")


def test_lines_of_a_job_array_run_one_job_each(program, tmp_path, capsys):
    plan = str(EXPERIMENTS / "search.yaml")
    words = [plan, "--folder", str(tmp_path / "e"), "--devices", "cuda:0"]
    words += ["--data_folder", "my data", "--seeds", "2", "--print", "jobs"]
    assert program.main(words) == 0
    shown = capsys.readouterr()
    lines = shown.out.splitlines()
    assert "42 configurations x 2 seeds = 84 runs, 0 of them done" in shown.err
    assert len(set(lines)) == len(lines) == 84
    assert "--job transformer_openl3_0.25/seed_1 " in lines[1]
    assert lines[1].endswith("--data_folder 'my data'")
    assert not (tmp_path / "e").exists()


@pytest.mark.parametrize("seeds", ["4", "7,9"])
def test_a_printed_line_finds_its_run(
    program, tmp_path, capsys, monkeypatch, seeds
):
    """Also where the seeds are more, or other ones, than the plan's."""
    plan = str(EXPERIMENTS / "example.yaml")
    words = [plan, "--folder", str(tmp_path / "e"), "--devices", "cpu"]
    words += ["--systems", "transformer_audio", "--seeds", seeds]
    assert program.main([*words, "--print", "jobs"]) == 0
    lines = capsys.readouterr().out.splitlines()
    ran = []
    monkeypatch.setattr(
        program, "run_experiment", lambda plan, jobs, *_: ran.extend(jobs)
    )
    for line in lines:
        assert program.main(shlex.split(line)[2:]) == 0
    expected = [1, 2, 3, 4] if seeds == "4" else [7, 9]
    assert [job.seed for job in ran] == expected
    assert {job.configuration.name for job in ran} == {"transformer_audio"}


@pytest.mark.parametrize("what", ["jobs", "commands"])
def test_a_misspelt_override_is_not_printed(program, tmp_path, capsys, what):
    words = [str(EXPERIMENTS / "paper.yaml"), "--folder", str(tmp_path)]
    words += ["--devices", "cpu", "--numbr_of_epochs", "1", "--print", what]
    with pytest.raises(HparamsError, match="number_of_epochs"):
        program.main(words)
    assert capsys.readouterr().out == ""


def test_plain_commands_of_every_system(program, tmp_path, capsys):
    plan = str(EXPERIMENTS / "paper.yaml")
    words = [plan, "--folder", str(tmp_path), "--print", "commands"]
    assert program.main(words) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 18
    assert lines[1] == (
        "python train.py hparams/transformer.yaml --streams '[openl3]' "
        "--fusion 0.5 --inference_weights '[0.75]' --seed 1"
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--devices", "cpu", "--numbr_of_epochs", "1"], "number_of_epochs"),
        (["--devices", "cpu", "--systems", "transformers*"], "fits none of"),
        ([], "--devices cuda:0,cuda:1"),
        (["--devices", "cpu", "--seeds", "one"], "1,5,7"),
        (["--devices", "cpu", "--job", "nobody/seed_1"], "no such run"),
        (["--devices", "cpu", "--number_of_epochs"], "--key value"),
    ],
)
def test_mistakes_stop_before_the_first_run(program, tmp_path, words, message):
    plan = str(EXPERIMENTS / "paper.yaml")
    folder = str(tmp_path / "e")
    with pytest.raises((PlanError, HparamsError), match=message):
        program.main([plan, "--folder", folder, *words])
    assert not (tmp_path / "e").exists()


def test_an_error_is_one_message(tmp_path):
    done = subprocess.run(
        [sys.executable, "run.py", "paper.yaml", "--folder", str(tmp_path)],
        cwd=EXPERIMENTS,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("run.py: Where to run? --devices cuda:0")
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_killed_trainings_go_on_from_their_checkpoints(tmp_path, tiny_corpus):
    """Real runs: kill -9 amid training, resume, tables; done ones stay."""
    data, prepared = tiny_corpus
    (tmp_path / "plan.yaml").write_text(PLAN)
    folder = tmp_path / "e"
    words = [sys.executable, str(EXPERIMENTS / "run.py")]
    words += [str(tmp_path / "plan.yaml"), "--folder", str(folder)]
    words += ["--data_folder", str(data), "--prepared_folder", str(prepared)]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    log = folder / "runs" / "both" / "seed_1" / "train_log.txt"
    first = subprocess.Popen(words, env=env)
    end = time.time() + 120
    while not list(log.parent.glob("save/CKPT*")):
        assert time.time() < end and first.poll() is None
        time.sleep(0.05)
    first.send_signal(signal.SIGKILL)
    first.wait()
    assert not (folder / "runs" / "both" / "seed_1" / "report.json").exists()
    second = subprocess.run(words, env=env, capture_output=True, text=True)
    assert second.returncode == 0, second.stdout + second.stderr
    # Each epoch was trained once: the second runner went on.
    epochs = [line.split(",")[0] for line in log.read_text().splitlines()]
    assert epochs == ["epoch: 1", "epoch: 2", "epoch: 3"]
    text = (folder / "tables" / "tables.md").read_text()
    assert "2 of 2 runs are done" in text and "Table 7" in text
    before = log.read_text()
    third = subprocess.run(words, env=env, capture_output=True, text=True)
    assert "2 runs, 2 of them done" in third.stdout
    assert log.read_text() == before
