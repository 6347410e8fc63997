"""What a report says about its run; runs go on with their own settings."""

import importlib.metadata
import json
import pathlib
import re
import subprocess
from types import SimpleNamespace

import pytest
import torch

from speechbrain_mmsed.files import write_json
from speechbrain_mmsed.training.hparams import HparamsError
from speechbrain_mmsed.training.record import (
    check_continuation,
    git_revision,
    note_settings,
    run_record,
    training_settings,
)

CHECKOUT = pathlib.Path(__file__).resolve().parents[2]


@pytest.fixture
def hparams(tmp_path):
    counts = {"validation": (968, 1168), "evaluation": (692, 699)}
    counts = {k: {"found": a, "expected": b} for k, (a, b) in counts.items()}
    path = tmp_path / "prepared/prepare_report.json"
    write_json(path, {"subsets": counts})
    return {
        "seed": 7,
        "clip_seconds": 10.0,
        "streams": ["openl3"],
        "fusion": 0.5,
        "pseudo_labels": None,
        "number_of_epochs": 3,
        "batches_per_epoch": 5,
        "batch_strong": 1,
        "batch_weak": 2,
        "batch_unlabelled": 4,
        "clip_labels_of": None,
        "data_folder": pathlib.Path("/data/DESED"),
        "prepared_folder": tmp_path / "prepared",
        "expected_counts": {"validation": 1168},
    }


def brain(**training):
    student = torch.nn.Linear(3, 2)
    return SimpleNamespace(student=student, training_record=lambda: training)


def test_record_is_plain_and_complete(hparams):
    training = {"training_steps": 15, "training_seconds": 1.5}
    record = run_record(hparams, brain(**training))
    assert json.loads(json.dumps(record, allow_nan=False)) == record
    assert {**record, **training} == record
    assert record["parameters"] == 8
    assert record["batch"] == {"strong": 1, "weak": 2, "unlabelled": 4}
    assert record["data_folder"] == "/data/DESED"
    assert record["clips_found"] == {
        "validation": "968 of 1168",
        "evaluation": "692 of 699",
    }
    assert torch.__version__.startswith(record["versions"]["torch"])
    assert set(record["versions"]) >= {"speechbrain", "speechbrain_mmsed"}


def test_a_copy_that_is_on_the_path_only(hparams, monkeypatch):
    def version(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", version)
    versions = run_record(hparams, brain())["versions"]
    for name in versions:
        assert "not installed, at " in versions[name]
    assert versions["torch"].startswith(torch.__version__)
    assert str(CHECKOUT) in versions["speechbrain_mmsed"]


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
    record = run_record(hparams, brain())
    assert record["git_revision"] is None


YAML = """
fusion: 0.5
streams: [openl3]
number_of_epochs: 2
opt_class: !name:torch.optim.RAdam
  lr: 0.001
  betas: !tuple (0.9, 0.999)
again: &a !new:x.Y
  z: [1, true, null]
alias: *a
"""


def settings(text=YAML):
    return training_settings(text, ["number_of_epochs"])


@pytest.fixture
def run(tmp_path):
    """Folder of a run that has a checkpoint."""
    note_settings(tmp_path, settings())
    (tmp_path / "CKPT+now").mkdir()
    return tmp_path


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("fusion: 0.5", "fusion: random", "fusion: 0.5 there, 'random' now"),
        ("[openl3]", "[openl3, tce]", "streams: .*'openl3', 'tce'. now"),
        ("lr: 0.001", "lr: 0.1", "opt_class: "),
        ("torch.optim.RAdam", "torch.optim.Adam", "opt_class: "),
        ("(0.9, 0.999)", "(0.9, 0.98)", "opt_class: "),
        ("fusion: 0.5", "fusion: 0.5\nmore: 1", "more: None there, 1 now"),
    ],
)
def test_other_settings_are_told(run, old, new, said):
    with pytest.raises(HparamsError, match=said) as caught:
        check_continuation(run, settings(YAML.replace(old, new)))
    assert "another output_folder" in str(caught.value)


def test_the_same_and_free_ones_go_on(run):
    check_continuation(run, settings())
    check_continuation(run, settings(YAML.replace("epochs: 2", "epochs: 9")))


def test_nothing_trained_yet(run, tmp_path):
    (run / "CKPT+now").rmdir()
    check_continuation(run, settings(YAML.replace("0.5", "0.25")))
    check_continuation(tmp_path / "absent", settings())
