"""Claims of several processes on the clips of one corpus."""

import pathlib
import signal
import subprocess
import sys
import time

import pytest
import stream_claims
from stream_claims import Claims

from speechbrain_mmsed.dataio.streams.records import StreamError

RECIPE = pathlib.Path(__file__).resolve().parents[2] / "recipes/DESED"
HOLD = (
    f"import sys\nsys.path.append({str(RECIPE)!r})"
    + """
from stream_claims import Claims
with Claims(sys.argv[1]) as claims:
    print(claims.take("weak/a"), flush=True)
    for line in sys.stdin:
        if line == "release\\n":
            claims.release("weak/a")
            print("released", flush=True)
"""
)


@pytest.fixture
def other(tmp_path):
    """Another process that holds a claim on weak/a."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "True\n"
    yield process
    process.kill()
    process.communicate()


def test_another_process_holds_a_clip(tmp_path, other):
    with Claims(tmp_path) as claims:
        assert not claims.take("weak/a")
        assert claims.take("weak/b")
        other.stdin.write("release\n")
        other.stdin.flush()
        other.stdout.readline()
        assert claims.take("weak/a") and not claims.take("weak/a")
        claims.release("weak/a")
        with pytest.raises(KeyError):
            claims.release("weak/a")


def test_a_killed_process_holds_nothing(tmp_path, other):
    with Claims(tmp_path) as claims:
        assert not claims.take("weak/a")
        other.send_signal(signal.SIGKILL)
        other.wait()
        assert claims.take("weak/a")


def test_waiting_until_it_is_free(tmp_path, other):
    with Claims(tmp_path) as claims:
        other.stdin.write("release\n")
        other.stdin.flush()
        begin = time.monotonic()
        with claims.waiting("weak/a"):
            assert time.monotonic() - begin < 30
            assert not claims.take("weak/a")
        assert claims.take("weak/a")


def test_two_clips_with_one_lock_do_not_share_it(tmp_path, monkeypatch):
    monkeypatch.setattr(stream_claims, "_offset", lambda clip_id: 7)
    with Claims(tmp_path) as claims:
        assert claims.take("weak/a") and not claims.take("weak/b")
        with pytest.raises(KeyError):
            claims.release("weak/b")
        claims.release("weak/a")
        assert claims.take("weak/b")


def test_a_file_system_without_locks(tmp_path, monkeypatch):
    def no_locks(*args):
        raise OSError(37, "No locks available")

    monkeypatch.setattr(stream_claims.fcntl, "lockf", no_locks)
    message = "cannot be locked"
    with (
        Claims(tmp_path) as claims,
        pytest.raises(StreamError, match=message),
    ):
        claims.take("weak/a")
