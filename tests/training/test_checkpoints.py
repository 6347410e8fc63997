"""A run that dies while it saves goes on from the checkpoint before."""

import pytest
import torch
from speechbrain.utils.checkpoints import Checkpointer

from speechbrain_mmsed.training.checkpoints import WholeCheckpointer

NAMES = ("first", "second", "third")


class Killed(BaseException):
    """Stands for a signal: nobody catches it."""


def parts(value):
    layers = {name: torch.nn.Linear(1, 1) for name in NAMES}
    for layer in layers.values():
        torch.nn.init.constant_(layer.weight, value)
    return layers


def dies_at(checkpointer, name):
    def hook(obj, path):
        path.write_bytes(b"half of it")
        raise Killed

    checkpointer.custom_save_hooks[name] = hook


@pytest.mark.parametrize("name", NAMES)
def test_the_checkpoint_before_is_found(tmp_path, name):
    checkpointer = WholeCheckpointer(tmp_path, parts(1.0))
    checkpointer.save_and_keep_only(meta={"epoch": 1})
    layers = parts(2.0)
    dying = WholeCheckpointer(tmp_path, layers)
    dies_at(dying, name)
    with pytest.raises(Killed):
        dying.save_and_keep_only(meta={"epoch": 2})
    layers = parts(0.0)
    resumed = WholeCheckpointer(tmp_path, layers)
    assert resumed.recover_if_possible().meta["epoch"] == 1
    assert all(layer.weight.item() == 1.0 for layer in layers.values())
    # The next one clears up, and only it is kept.
    resumed.save_and_keep_only(meta={"epoch": 2}, keep_recent=True)
    assert [c.meta["epoch"] for c in resumed.list_checkpoints()] == [2]
    assert len(list(tmp_path.iterdir())) == 1


def test_speechbrains_own_cannot_go_on(tmp_path):
    # Why this class is here; should this test fail, it can go.
    dying = Checkpointer(tmp_path, parts(2.0))
    dies_at(dying, "second")
    with pytest.raises(Killed):
        dying.save_checkpoint()
    with pytest.raises((RuntimeError, KeyError, EOFError, ValueError)):
        Checkpointer(tmp_path, parts(0.0)).recover_if_possible()


def test_checkpoints_of_one_second_are_told_apart(tmp_path):
    layers = parts(0.0)
    checkpointer = WholeCheckpointer(tmp_path, layers)
    for value in (1.0, 2.0, 3.0):
        torch.nn.init.constant_(layers["first"].weight, value)
        saved = checkpointer.save_checkpoint(meta={"value": value})
        assert saved.paramfiles["first"].exists()
    assert len(checkpointer.list_checkpoints()) == 3
    assert checkpointer.recover_if_possible().meta["value"] == 3.0
    assert layers["first"].weight.item() == 3.0
