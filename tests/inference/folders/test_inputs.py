"""What files and folders stand for."""

import pytest

from speechbrain_mmsed.inference import DetectionError
from speechbrain_mmsed.inference.folders.inputs import collect


@pytest.fixture
def folder(tmp_path):
    for name in (
        *("b.mp4", "a.wav", "a.MP4", "notes.txt", "noise", ".hidden.wav"),
        *("deep/er/a.wav", ".git/c.wav", "deep/list.csv", "deep/x.txt"),
    ):
        path = tmp_path / "films" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    (tmp_path / "films/deep/back").symlink_to(tmp_path / "films")
    return tmp_path / "films"


def test_a_folder_is_its_recordings_by_name(folder):
    inputs = collect([folder])
    assert [file.name for file in inputs.files] == [
        *("a.MP4", "a.wav", "b.mp4", "deep/er/a.wav"),
    ]
    stems = [file.stem for file in inputs.files]
    assert stems == ["a.MP4", "a.wav", "b", "deep/er/a"]
    assert all(file.path.startswith(str(folder)) for file in inputs.files)
    assert inputs.other_kinds == {".txt": 2, ".csv": 1, "without suffix": 1}


def test_a_file_that_is_named_is_taken_whatever_its_suffix(folder):
    inputs = collect([folder / "noise", folder / "b.mp4", folder])
    names = [file.name for file in inputs.files]
    assert names[:3] == ["noise", "b.mp4", "a.MP4"] and len(names) == 5
    assert inputs.repeated == 1


def test_what_is_absent_or_empty_is_an_error(folder):
    with pytest.raises(DetectionError, match=r"no such file.*gone\.wav"):
        collect([folder, folder / "gone.wav"])
    (folder.parent / "empty").mkdir()
    with pytest.raises(DetectionError, match=r"empty: expected.*\.wav"):
        collect([folder.parent / "empty"])
