"""Neither length nor number of recordings decides on the memory."""

import os
import pathlib
import subprocess
import sys
import textwrap
import wave

import pytest

PACKAGE = pathlib.Path(__file__).resolve().parents[2]
CODE = """
    import resource, sys
    from speechbrain_mmsed.inference import SoundEventDetector

    detector = SoundEventDetector.from_hparams(
        source=sys.argv[1], run_opts={"device": "cpu"}
    )
    for path in sys.argv[2:]:
        scores = detector.scores_file(path, progress=False)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        print(len(scores.frame), peak // 1024)
"""


def write_silence(path, seconds, rate=16000):
    """A wav file that takes no room on disk."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.setnframes(round(seconds * rate))
        file.writeframes(b"")
    # The header that wave wrote says 0 samples; the data are a hole.
    n_bytes = 2 * round(seconds * rate)
    with open(path, "r+b") as file:
        file.seek(4)
        file.write((36 + n_bytes).to_bytes(4, "little"))
        file.seek(40)
        file.write(n_bytes.to_bytes(4, "little"))
        file.truncate(44 + n_bytes)
    return path


@pytest.mark.parametrize(
    "minutes", [12, pytest.param(120, marks=pytest.mark.slow)]
)
def test_memory_does_not_grow(exported, tmp_path, minutes):
    short = write_silence(tmp_path / "short.wav", 180)
    long = write_silence(tmp_path / "long.wav", 60 * minutes)
    done = subprocess.run(
        [
            *(sys.executable, "-c", textwrap.dedent(CODE)),
            *(str(exported[0]), str(short), str(long)),
        ],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(PACKAGE)},
    )
    assert done.returncode == 0, done.stderr
    (_, before), (n_frames, after) = (
        map(int, line.split()) for line in done.stdout.splitlines()
    )
    assert n_frames == -(-60 * minutes * 16000 // 2504)
    # The sound alone would take 3.8 MB for each minute.
    assert after - before < 25, f"{before} MB, then {after} MB"


MANY = """
    import resource, sys
    from speechbrain_mmsed.inference import SoundEventDetector

    detector = SoundEventDetector.from_hparams(
        source=sys.argv[1], run_opts={"device": "cpu"}
    )
    paths = sys.argv[2:]
    for some in (paths[:4], paths):
        found = list(detector.scores_files(some, progress=False))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        print(len(found), peak // 1024)
"""


def test_memory_does_not_grow_with_the_number(exported, tmp_path):
    paths = [write_silence(tmp_path / f"{i}.wav", 60) for i in range(50)]
    done = subprocess.run(
        [
            *(sys.executable, "-c", textwrap.dedent(MANY)),
            *map(str, (exported[0], *paths)),
        ],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(PACKAGE)},
    )
    assert done.returncode == 0, done.stderr
    (_, before), (n_done, after) = (
        map(int, line.split()) for line in done.stdout.splitlines()
    )
    assert n_done == 50
    # All windows of the recordings together would take 220 MB.
    assert after - before < 80, f"{before} MB, then {after} MB"
