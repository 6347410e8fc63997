"""Neither length nor number of recordings decides on the memory."""

import os
import pathlib
import subprocess
import sys
import textwrap
import wave

import pytest

PACKAGE = pathlib.Path(__file__).resolve().parents[2]


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


def peaks_after(first_call, second_call, *arguments):
    """(number that a call gives, MB of memory after it) of two calls."""
    code = f"""
        import resource, sys
        from speechbrain_mmsed.inference import SoundEventDetector

        detector = SoundEventDetector.from_hparams(
            source=sys.argv[1], run_opts={{"device": "cpu"}}
        )
        paths = sys.argv[2:]
        for call in (lambda: {first_call}, lambda: {second_call}):
            found = len(call())
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            print(found, peak // 1024)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(PACKAGE)},
    )
    assert done.returncode == 0, done.stderr
    return [map(int, line.split()) for line in done.stdout.splitlines()]


@pytest.mark.parametrize(
    "minutes", [12, pytest.param(120, marks=pytest.mark.slow)]
)
def test_memory_does_not_grow(exported, tmp_path, minutes):
    short = write_silence(tmp_path / "short.wav", 180)
    long = write_silence(tmp_path / "long.wav", 60 * minutes)
    (_, before), (n_frames, after) = peaks_after(
        "detector.scores_file(paths[0], progress=False).frame",
        "detector.scores_file(paths[1], progress=False).frame",
        *(exported[0], short, long),
    )
    assert n_frames == -(-60 * minutes * 16000 // 2504)
    # The sound alone would take 3.8 MB for each minute.
    assert after - before < 25, f"{before} MB, then {after} MB"


def test_memory_does_not_grow_with_the_number(exported, tmp_path):
    paths = [write_silence(tmp_path / f"{i}.wav", 60) for i in range(50)]
    (_, before), (n_done, after) = peaks_after(
        "list(detector.scores_files(paths[:4], progress=False))",
        "list(detector.scores_files(paths, progress=False))",
        *(exported[0], *paths),
    )
    assert n_done == 50
    # All windows of the recordings together would take 220 MB.
    assert after - before < 80, f"{before} MB, then {after} MB"
