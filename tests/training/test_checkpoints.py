"""A run that dies while it saves goes on from the checkpoint before."""

import pathlib

import pytest
import torch
from speechbrain.utils.checkpoints import Checkpointer

from speechbrain_mmsed.training.checkpoints import (
    CheckpointError,
    WholeCheckpointer,
)

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
    # The next ones clear up, and two are kept.
    for epoch in (2, 3):
        resumed.save_and_keep_only(meta={"epoch": epoch}, keep_recent=True)
    assert [c.meta["epoch"] for c in resumed.find_checkpoints()] == [3, 2]
    assert len(list(tmp_path.iterdir())) == 2


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


def two_kept(folder):
    layers = parts(0.0)
    checkpointer = WholeCheckpointer(folder, layers)
    for epoch in (1, 2, 3):
        for layer in layers.values():
            torch.nn.init.constant_(layer.weight, float(epoch))
        checkpointer.save_and_keep_only(meta={"epoch": epoch})
    return sorted(folder.glob("CKPT*"))


def cut(path):
    path.write_bytes(path.read_bytes()[:-7])


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(bytes(content))


DAMAGES = {
    "cut": ("second.ckpt", cut, "bytes instead of"),
    "flipped": ("second.ckpt", flip, "other content"),
    "missing": ("second.ckpt", pathlib.Path.unlink, "is missing"),
    "empty yaml": ("CKPT.yaml", lambda p: p.write_text(""), "CKPT.yaml"),
    "no yaml": ("CKPT.yaml", pathlib.Path.unlink, "CKPT.yaml"),
    "other yaml": ("CKPT.yaml", lambda p: p.write_text("a: 1\n"), "CKPT.yaml"),
    "hashes": ("hashes.json", cut, "hashes.json"),
    "odd hashes": ("hashes.json", lambda p: p.write_text('{"a": 1}'), ""),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_checkpoint_falls_back(tmp_path, damage, caplog):
    name, harm, said = DAMAGES[damage]
    before, last = two_kept(tmp_path)
    harm(last / name)
    layers = parts(0.0)
    resumed = WholeCheckpointer(tmp_path, layers)
    assert resumed.recover_if_possible().path == before
    assert all(layer.weight.item() == 2.0 for layer in layers.values())
    assert last.name in caplog.text and before.name in caplog.text
    assert said in caplog.text
    # Two good ones replace both, sooner or later.
    for epoch in (3, 4):
        resumed.save_and_keep_only(meta={"epoch": epoch})
    epochs = [c.meta["epoch"] for c in resumed.find_checkpoints()]
    assert epochs == [4, 3] and len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("hashed", [True, False])
def test_without_a_good_one_it_says_what_to_do(tmp_path, hashed):
    for path in two_kept(tmp_path):
        cut(path / "first.ckpt")
        if not hashed:  # of an earlier version
            (path / "hashes.json").unlink()
    with pytest.raises(CheckpointError, match="to train anew") as raised:
        WholeCheckpointer(tmp_path, parts(0.0)).recover_if_possible()
    assert "\n" not in str(raised.value)
    assert str(raised.value).count("CKPT+") == 2


def test_values_that_are_not_finite_are_neither_saved_nor_loaded(tmp_path):
    two_kept(tmp_path)
    layers = parts(1.0)
    layers["norm"] = torch.nn.BatchNorm1d(1)
    layers["norm"].running_var.fill_(float("inf"))
    bad = WholeCheckpointer(tmp_path / "bad", layers)
    with pytest.raises(CheckpointError, match="norm has values that are not"):
        bad.save_checkpoint()
    assert not list((tmp_path / "bad").glob("*"))
    # As a version that did not look saved it.
    layers = parts(float("nan"))
    Checkpointer(tmp_path, layers).save_checkpoint()
    layers = parts(0.0)
    found = WholeCheckpointer(tmp_path, layers).recover_if_possible()
    assert found.meta["epoch"] == 3 and layers["first"].weight.item() == 3.0
