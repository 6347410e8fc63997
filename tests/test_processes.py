"""Processes of a pool end with the one that started them."""

import pathlib
import signal
import subprocess
import sys
import time

import pytest
from programs import is_alive, session_of

pytestmark = pytest.mark.faults

# The pool of `mmsed detect --jobs`, with a task that never ends.
PARENT = """
import concurrent.futures, multiprocessing, os, pickle, sys, time
from speechbrain_mmsed.processes import begin

if __name__ == "__main__":
    context = multiprocessing.get_context("spawn")
    theirs, own = context.Pipe(duplex=False)
    work = pickle.dumps((time.sleep, (float(sys.argv[1]),)))
    pool = concurrent.futures.ProcessPoolExecutor(
        2, context, begin, (theirs, work)
    )
    tasks = [pool.submit(time.sleep, 1000) for _ in range(2)]
    try:
        while len(pool._processes) < 2:
            time.sleep(0.05)
        print(*pool._processes, flush=True)
        tasks[0].result()
    finally:
        own.close()
        pool.shutdown(cancel_futures=True)
"""

LOADER = """
import sys, time, torch
from speechbrain_mmsed.dataio.corpus.loaders import make_loader

if __name__ == "__main__":
    clips = [{"x": torch.ones(1)}] * 99
    for _ in make_loader(
        clips, num_workers=2, multiprocessing_context=sys.argv[1]
    ):
        print("begun", flush=True)
        time.sleep(1000)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.parametrize("how", ["SIGTERM", "SIGINT", "SIGKILL"])
@pytest.mark.parametrize(
    "loading", [0, pytest.param(1000, marks=pytest.mark.slow)]
)
def test_they_end_whatever_the_first_one_dies_of(tmp_path, how, loading):
    (tmp_path / "parent.py").write_text(PARENT)
    parent = subprocess.Popen(
        [sys.executable, tmp_path / "parent.py", str(loading)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    workers = list(map(int, parent.stdout.readline().split()))
    assert len(workers) == 2
    time.sleep(0.5)  # until they watch
    assert all(map(is_alive, workers))
    parent.send_signal(getattr(signal, how))
    begin = time.monotonic()
    while any(map(is_alive, [*workers, parent.pid])):
        assert time.monotonic() - begin < 5
        time.sleep(0.05)
        parent.poll()


def of_session(leader):
    """Processes that a session's first one has started, and theirs."""
    pids = (path.name for path in pathlib.Path("/proc").glob("[0-9]*"))
    return [pid for pid in pids if session_of(pid) == leader]


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.parametrize("method", ["fork", "forkserver", "spawn"])
def test_workers_of_a_loader_end_with_it(tmp_path, method):
    (tmp_path / "loader.py").write_text(LOADER)
    parent = subprocess.Popen(
        [sys.executable, tmp_path / "loader.py", method],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    assert parent.stdout.readline() == b"begun\n"
    assert len(of_session(parent.pid)) >= 3
    parent.kill()
    parent.wait()
    begin = time.monotonic()
    while of_session(parent.pid):
        assert time.monotonic() - begin < 10
        time.sleep(0.05)
