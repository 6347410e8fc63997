"""Files appear whole or not at all."""

import os

import pytest

from speechbrain_mmsed.files import atomic_path, write_json, write_text


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
