"""Several processes give what one gives."""

import os
import pathlib
import signal
import subprocess
import sys
import time

import pytest
from programs import is_alive

from speechbrain_mmsed.inference.folders import processes
from speechbrain_mmsed.inference.folders.inputs import collect
from speechbrain_mmsed.inference.folders.processes import ProcessFinder
from speechbrain_mmsed.inference.folders.run import Finder, Outputs


@pytest.fixture
def files(tmp_path, sounds):
    folder = tmp_path / "sounds"
    folder.mkdir()
    for n in range(5):
        sounds.write_wav(folder / f"{n}.wav", sounds.noise(4, seed=n))
    (folder / "3.wav").write_bytes(b"no sound")
    return collect([folder]).files


class Death:
    """Ends the process that unpickles it."""

    def __reduce__(self):
        return os._exit, (1,)


@pytest.mark.slow
def test_two_processes_give_the_results_of_one(
    exported, detector, files, tmp_path, monkeypatch
):
    monkeypatch.setattr(processes, "CHUNK", 1)
    folders = [tmp_path / name for name in ("one", "two")]
    one, two = (Outputs(folder, ["tsv", "webvtt"]) for folder in folders)
    alone = Finder(detector, one, metric="sbf1", progress=False)
    model = (exported[0], "cpu", False)
    several = ProcessFinder(model, 2, two, Finder(detector), metric="sbf1")
    expected = [result for result, _ in alone(files)]
    found = [result for result, _ in several(files)]
    assert [r.file.name for r in found] == [f"{n}.wav" for n in range(5)]
    assert [r.reason for r in found] == [r.reason for r in expected]
    assert found[3].failed and sum(len(r.events) for r in found) > 5
    assert_same(found, expected)
    subtitles = [
        {path.name: path.read_text() for path in folder.glob("*.vtt")}
        for folder in folders
    ]
    assert subtitles[0] == subtitles[1] and len(subtitles[0]) == 4

    # A process that dies leaves the rest to this one.
    monkeypatch.setattr(processes, "_find", Death())
    again = ProcessFinder(model, 1, None, alone)
    assert_same([result for result, _ in again(files)], expected)


def assert_same(found, expected):
    """Equal events; scores differ by rounding, as batches are others."""
    for one, two in zip(found, expected, strict=True):
        assert [e[:3] for e in one.events] == [e[:3] for e in two.events]
        scores = [[e[3] for e in result.events] for result in (one, two)]
        assert scores[0] == pytest.approx(scores[1], abs=1e-5)


def children(pid):
    """Processes that a process started, and those that they started."""
    found = []
    for path in pathlib.Path(f"/proc/{pid}/task").glob("*/children"):
        for child in path.read_text().split():
            found += [int(child), *children(int(child))]
    return found


@pytest.mark.slow
@pytest.mark.faults
@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.parametrize("how", ["SIGTERM", "SIGINT", "SIGKILL"])
def test_no_process_of_the_command_stays(exported, sounds, tmp_path, how):
    (tmp_path / "in").mkdir()
    for number in range(200):
        sounds.write_wav(tmp_path / f"in/{number}.wav", sounds.noise(20.0))
    command = [sys.executable, "-m", "speechbrain_mmsed.cli", "detect"]
    arguments = [tmp_path / "in", "--model", exported[0], "--jobs", "2"]
    command += [*arguments, "--out", tmp_path / "out"]
    said = tmp_path / "said"
    with said.open("w") as file:
        first = subprocess.Popen(command, stderr=file)
    # Some results: they are at work.
    begin = time.monotonic()
    while not list((tmp_path / "out").glob("*.tsv")):
        assert first.poll() is None and time.monotonic() - begin < 200
        time.sleep(0.1)
    others = children(first.pid)
    assert len(others) >= 2
    first.send_signal(getattr(signal, how))
    begin = time.monotonic()
    while first.poll() is None or any(map(is_alive, others)):
        assert time.monotonic() - begin < 10  # 5 on a machine that is free
        time.sleep(0.05)
    assert len(list((tmp_path / "out").glob("*.tsv"))) < 200
    # Of a semaphore, which may be told after a moment, by Python's tracker.
    assert how != "SIGINT" or "leaked" not in said.read_text()
