"""Files appear whole or not at all."""

import errno
import os
import shutil
import wave

import numpy as np
import pandas as pd
import pytest
import torch

from speechbrain_mmsed.files import (
    ClearError,
    DiskFullError,
    atomic_path,
    disk_full_explained,
    write_json,
    write_text,
)


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "a.json"
    write_json(path, {"a": 1})
    before = path.read_bytes()
    with pytest.raises(ValueError):
        write_json(path, {"a": float("nan")})
    with (
        pytest.raises(OSError, match="The disk is full"),
        atomic_path(path) as name,
    ):
        with open(name, "w") as handle:
            handle.write("half")
        raise OSError(28, "No space left on device")
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["a.json"]


def test_folders_are_made_and_permissions_are_the_usual_ones(tmp_path):
    plain = tmp_path / "plain.txt"
    plain.write_text("x")
    write_text(tmp_path / "b" / "c.txt", "ä\n")
    made = tmp_path / "b" / "c.txt"
    assert made.read_bytes() == "ä\n".encode()
    assert made.stat().st_mode == plain.stat().st_mode


def write_film(path):
    import av

    with av.open(path, "w", format="mp4") as film:
        film.add_stream("libx264", rate=25)
        film.mux(film.streams[0].encode(av.VideoFrame(64, 64, "yuv420p")))
        film.mux(film.streams[0].encode())


def write_wave(path):
    with wave.open(path, "wb") as file:
        file.setparams((1, 2, 16000, 0, "NONE", ""))
        file.writeframes(bytes(100000))


WRITERS = {
    "numpy": lambda path: np.save(path, np.zeros(100000)),
    "npz": lambda path: np.savez(path, np.zeros(100000)),
    "torch": lambda path: torch.save(torch.zeros(100000), path),
    "pandas": lambda path: pd.DataFrame({"a": range(9999)}).to_csv(path),
    "wave": write_wave,
    "film": write_film,
    "copy": lambda path: shutil.copy(__file__, path),
}


@pytest.mark.parametrize("writer", WRITERS)
def test_a_full_disk_is_told_whoever_writes(writer, tmp_path):
    if not os.path.exists("/dev/full"):
        pytest.skip("no /dev/full here")
    endings = {"numpy": ".npy", "npz": ".npz", "film": ".mp4"}
    path = str(tmp_path / f"a{endings.get(writer, '.wav')}")
    os.symlink("/dev/full", path)
    wanted = pytest.raises(DiskFullError, match=f"is full.*: {path} could")
    with wanted as found, disk_full_explained(path):
        WRITERS[writer](path)
    assert "Make room" in str(found.value)


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.EDQUOT, "Disk quota exceeded"),
        OSError(errno.EFBIG, "File too large", "/in", None, "/out/a"),
        RuntimeError("PytorchStreamWriter failed: file write failed"),
        shutil.Error([("a", "b", "[Errno 28] No space left on device: 'a'")]),
    ],
)
@pytest.mark.parametrize("path", ["/out/a", None])
def test_a_limit_is_as_a_full_disk(error, path):
    wanted = pytest.raises(DiskFullError, match="is full, or .* Make room")
    with wanted as found, disk_full_explained(path):
        raise error
    named = path or getattr(error, "filename", None)
    assert ("/out/a" if named else "the output") in str(found.value)


@pytest.mark.parametrize(
    "error", [RuntimeError("CUDA out of memory"), OSError(13, "denied", "a")]
)
def test_other_errors_are_what_they_were(error):
    with pytest.raises(type(error)) as found, disk_full_explained("b"):
        raise error
    assert found.value is error


def test_a_message_stays_readable_whatever_a_file_holds():
    error = ClearError(f"a.tsv, line 3: {'x' * 1_000_000} is no number")
    assert len(str(error)) < 2000
    assert str(error).startswith("a.tsv, line 3: xxx")
    assert str(error).endswith("xxx is no number")
