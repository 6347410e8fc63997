"""Workers have room, do not wait for ever, and their errors are one line."""

import os
import signal
import time

import pytest
import torch
from torch.utils.data import DataLoader, Dataset

from speechbrain_mmsed.dataio.corpus import loaders
from speechbrain_mmsed.dataio.corpus.loaders import (
    LoaderError,
    checked_loader,
    clear_loader_errors,
    make_loader,
)
from speechbrain_mmsed.dataio.media.sound import SoundError
from speechbrain_mmsed.dataio.streams.records import StreamError
from speechbrain_mmsed.files import ClearError


class Clips(Dataset):
    """Clips of 1024 bytes; reading the second one does as it is told."""

    def __init__(self, act=None):
        self.act = act

    def __len__(self):
        return 8

    def __getitem__(self, index):
        if index == 1 and self.act is not None:
            self.act()
        return {"id": str(index), "x": torch.zeros(256)}


@pytest.fixture(autouse=True)
def machine(monkeypatch):
    """Sets what a machine has: free shared memory and processors."""

    def have(free=10**9, processors=4):
        monkeypatch.setattr(loaders, "_free_shared", lambda: free)
        monkeypatch.setattr(loaders, "_processors", lambda: processors)
        loaders.logger.warning_once.cache_clear()

    have()
    return have


def raises(error):
    def act():
        raise error

    return act


def in_turn():
    """As readers do: their own error, from one of the system."""
    try:
        os.stat("/nowhere")
    except OSError as error:
        raise StreamError("a.npy: cannot be read. Run:\n  that") from error


def dies():
    os.kill(os.getpid(), signal.SIGKILL)


def hangs():
    time.sleep(60)


@pytest.mark.parametrize(
    ("free", "workers"),
    # A batch has 4096 bytes; each worker holds two, and one is trained on.
    [(0, 0), (12_287, 0), (12_288, 1), (20_479, 1), (20_480, 2), (10**9, 2)],
)
def test_as_many_workers_as_have_room(machine, caplog, free, workers):
    machine(free)
    asked = {"batch_size": 4, "num_workers": 2, "prefetch_factor": 2}
    for _ in range(2):
        found = checked_loader(Clips(), asked)
    assert found.get("num_workers", 0) == workers
    assert caplog.text.count("0.0 MB need") == (workers < 2)
    assert ("timeout" in found) == (workers > 0)
    # It is what a DataLoader takes, and all clips come.
    batches = DataLoader(Clips(), **found)
    assert sum(len(batch["id"]) for batch in batches) == 8
    assert asked["num_workers"] == 2


def test_no_more_workers_than_processors(machine, caplog, monkeypatch):
    machine(processors=3)
    loader = {"batch_size": 4, "num_workers": 5, "timeout": 7}
    loader["worker_init_fn"] = print
    assert checked_loader(Clips(), loader) == {**loader, "num_workers": 3}
    assert "num_workers is 3, not 5; there are 3 processors" in caplog.text
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "4")
    assert checked_loader(Clips(), loader)["num_workers"] == 1


def test_batches_of_a_sampler_and_other_processes_count(machine, monkeypatch):
    machine(20_480)
    loader = {"batch_sampler": [[0, 1, 2, 3]], "num_workers": 2}
    assert checked_loader(Clips(), loader)["num_workers"] == 2
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
    assert "num_workers" not in checked_loader(Clips(), loader)


def test_without_workers_nothing_is_looked_at(monkeypatch):
    assert checked_loader(None, {"num_workers": 0}) == {"num_workers": 0}
    monkeypatch.undo()
    assert loaders._free_shared() > 0 and loaders._processors() > 0


@pytest.mark.parametrize(
    ("act", "said"),
    [
        (in_turn, "a.npy: cannot be read. Run:\n  that"),
        (raises(SoundError("b.wav", "damaged")), "b.wav: sound is damaged"),
        (raises(FileNotFoundError(2, "No file", "c.wav")), "No file: 'c.wav'"),
        (raises(RuntimeError("resize </torch_1>: full")), "memory is short"),
        pytest.param(dies, "memory is short", marks=pytest.mark.faults),
        pytest.param(hangs, "out after 1 seconds", marks=pytest.mark.faults),
    ],
)
def test_what_fails_in_a_worker_is_told_plainly(act, said):
    batches = make_loader(Clips(act), batch_size=2, num_workers=1, timeout=1)
    begun = time.time()
    with pytest.raises(ClearError) as raised:
        list(batches)
    assert said in str(raised.value) and "Traceback" not in str(raised.value)
    assert time.time() - begun < 20


def test_bugs_stay_as_they_are():
    for bug in (KeyError("x"), RuntimeError("x")):
        batches = make_loader(Clips(raises(bug)), num_workers=1)
        with pytest.raises(type(bug), match="Traceback"):
            list(batches)
    with pytest.raises(RuntimeError, match="bug"), clear_loader_errors():
        raise RuntimeError("bug")
    with pytest.raises(StreamError, match="^plain$"), clear_loader_errors():
        raise StreamError("plain")
    assert issubclass(LoaderError, ClearError)
