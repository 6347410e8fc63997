"""What a report says about its run."""

import json
import pathlib
import re
import subprocess

import pytest
import torch

from speechbrain_mmsed.training.record import git_revision, run_record

CHECKOUT = pathlib.Path(__file__).resolve().parents[2]


@pytest.fixture
def hparams():
    return {
        "seed": 7,
        "streams": ["openl3"],
        "fusion": 0.5,
        "number_of_epochs": 3,
        "batches_per_epoch": 5,
        "batch_strong": 1,
        "batch_weak": 2,
        "batch_unlabelled": 4,
        "data_folder": pathlib.Path("/data/DESED"),
    }


def test_record_is_plain_and_complete(hparams):
    training = {"training_steps": 15, "training_seconds": 1.5}
    record = run_record(hparams, torch.nn.Linear(3, 2), training)
    assert json.loads(json.dumps(record, allow_nan=False)) == record
    assert {**record, **training} == record
    assert record["parameters"] == 8
    assert record["batch"] == {"strong": 1, "weak": 2, "unlabelled": 4}
    assert record["data_folder"] == "/data/DESED"
    assert torch.__version__.startswith(record["versions"]["torch"])
    assert set(record["versions"]) >= {"speechbrain", "speechbrain_mmsed"}


def test_revision_is_that_of_the_checkout():
    if not (CHECKOUT / ".git").exists():
        pytest.skip("not a git checkout")
    head = subprocess.run(
        ["git", "-C", str(CHECKOUT), "rev-parse", "HEAD"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    commit = re.search(r"([0-9a-f]{7,40})(-dirty)?$", git_revision())[1]
    assert head.startswith(commit)


def test_no_git_is_no_error(monkeypatch, tmp_path, hparams):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert git_revision() is None
    record = run_record(hparams, torch.nn.Linear(3, 2), {})
    assert record["git_revision"] is None
