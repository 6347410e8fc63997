"""One writer for an output folder, whatever became of the one before."""

import os
import signal
import socket
import subprocess
import sys

import pytest

from speechbrain_mmsed.cli import main
from speechbrain_mmsed.in_use import (
    CLAIM_FILE,
    FolderInUseError,
    claim_folder,
    claimed,
    release_folder,
)

HOLD = """
import os, sys, time
from speechbrain_mmsed.in_use import claim_folder
claim_folder(sys.argv[1])
if os.fork() == 0:  # as a loader's worker, which may outlive it
    time.sleep(60)
print("held", flush=True)
time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path):
    """A process that writes to a folder, with a worker."""
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path / "run")],
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    assert holder.stdout.readline() == b"held\n"
    yield holder
    os.killpg(holder.pid, signal.SIGKILL)
    holder.wait()
    holder.stdout.close()


def test_a_second_one_is_refused_until_the_first_is_gone(holder, tmp_path):
    said = f"process {holder.pid} on {socket.gethostname()}"
    with pytest.raises(FolderInUseError, match="is in use by") as raised:
        claim_folder(tmp_path / "run")
    text = str(raised.value)
    assert said in text and str(tmp_path / "run") in text
    assert "\n" not in text
    # By another name.
    (tmp_path / "link").symlink_to(tmp_path / "run")
    with pytest.raises(FolderInUseError, match=said):
        claim_folder(tmp_path / "link")
    claim_folder(tmp_path / "other")
    release_folder(tmp_path / "other")
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait()
    claim_folder(tmp_path / "run")
    text = (tmp_path / "run" / CLAIM_FILE).read_text().strip()
    assert text == f"process {os.getpid()} on {socket.gethostname()}"
    release_folder(tmp_path / "run")
    assert not list((tmp_path / "run").iterdir())


def test_commands_do_not_write_where_another_does(holder, tmp_path, capsys):
    words = ["evaluate", "--predictions", "p", "--ground-truth", "t"]
    out = str(tmp_path / "run")
    assert main([*words, "--durations", "d", "--out", out]) == 2
    said = capsys.readouterr().err
    assert f"is in use by process {holder.pid}" in said
    assert said.count("\n") == 1


def test_nothing_is_left_of_a_block_that_wrote_nothing(tmp_path):
    with claimed(tmp_path / "a"):
        assert (tmp_path / "a" / CLAIM_FILE).is_file()
    assert not list(tmp_path.iterdir())
    with claimed(tmp_path / "a"):
        (tmp_path / "a" / "result").touch()
    left = tmp_path / "a" / "inside" / f".{'0' * 32}.tmp.npz"
    left.parent.mkdir()
    left.touch()
    os.utime(left, (0, 0))
    with claimed(tmp_path / "a"):  # what a kill left is removed
        assert not list(left.parent.iterdir())
    left.parent.rmdir()
    assert [p.name for p in (tmp_path / "a").iterdir()] == ["result"]
    # A file, a place nobody may write to, nothing: the block's own affair.
    for folder in (tmp_path / "a" / "result", "/proc/nowhere", None, ""):
        with claimed(folder):
            pass
