"""Runs go on with their own settings only."""

import pytest

from speechbrain_mmsed.training.continuation import (
    check_continuation,
    note_settings,
    training_settings,
)
from speechbrain_mmsed.training.hparams import HparamsError

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
