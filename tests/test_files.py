"""Files appear whole or not at all."""

import errno
import os
import shutil

import pytest

from speechbrain_mmsed.files import (
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


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.EDQUOT, "Disk quota exceeded"),
        OSError(errno.EFBIG, "File too large", "/out/a"),
        # Of numpy, torch and shutil, which have no number.
        OSError("300000 requested and 5104 written"),
        RuntimeError("[enforce fail at x.cc:672] . unexpected pos 576 vs 534"),
        RuntimeError("PytorchStreamWriter failed: file write failed"),
        shutil.Error([("a", "b", "[Errno 28] No space left on device: 'a'")]),
    ],
)
@pytest.mark.parametrize("path", ["/out/a", None])
def test_every_error_of_a_full_disk_says_what_to_do(error, path):
    wanted = pytest.raises(DiskFullError, match="is full.* Make room")
    with wanted as found, disk_full_explained(path):
        raise error
    assert found.value.errno in (errno.EDQUOT, errno.EFBIG, errno.ENOSPC)
    told = str(found.value)
    assert ("/out/a" in told) == bool(path or error.args[0] == errno.EFBIG)


@pytest.mark.parametrize(
    "error", [RuntimeError("CUDA out of memory"), OSError(13, "denied", "a")]
)
def test_other_errors_are_what_they_were(error):
    with pytest.raises(type(error)) as found, disk_full_explained("b"):
        raise error
    assert found.value is error
