"""What files and folders stand for, and what their results are called."""

import os
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speechbrain_mmsed.inference import DetectionError
from speechbrain_mmsed.inference.folders.inputs import (
    INNER,
    LONGEST,
    RESERVED,
    _unique_names,
    _unique_stems,
    collect,
)
from speechbrain_mmsed.inference.formats import FORMATS

PARTS = st.sampled_from(
    ["a", "A", "b", "é", "e\u0301", "events", "a.wav", "a.scores"]
)
PATHS = st.builds(
    lambda folders, stem, suffix: "/".join([*folders, stem + suffix]),
    st.lists(PARTS, max_size=2),
    PARTS,
    st.sampled_from([".wav", ".mp4", ".WAV", ""]),
)


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


def on_any_disc(name):
    return unicodedata.normalize("NFC", name).casefold()


@settings(max_examples=150, deadline=None)
@given(st.lists(PATHS, min_size=1, max_size=12, unique=True), st.data())
def test_no_two_results_share_a_name(paths, data):
    paths = [f"/root/{path}" for path in paths]
    plain = data.draw(st.lists(st.booleans(), min_size=12, max_size=12))
    relatives = [
        os.path.basename(path) if alone else os.path.relpath(path, "/root")
        for path, alone in zip(paths, plain, strict=False)
    ]
    names = _unique_names(paths, relatives)
    stems = _unique_stems(names)
    assert len(set(names)) == len(names)
    # Of all formats; what belongs to all recordings is in .tsv and .html.
    suffixes = [form.suffix for form in FORMATS.values()]
    files = [*(stem + suffix for stem in stems for suffix in suffixes)]
    files += [f"{name}.tsv" for name in RESERVED]
    keys = [on_any_disc(name) for name in files]
    assert len(set(keys)) == len(keys), files
    for stem, name in zip(stems, names, strict=True):
        assert stem in (name, os.path.splitext(name)[0]) or "~" in stem
        assert not os.path.isabs(stem) and ".." not in stem.split("/")


def test_names_are_short_where_they_can_be():
    paths = ["/x/1/a.mp4", "/x/1/b.wav", "/x/2/b.wav", "/x/2/b.mp3"]
    names = _unique_names(paths, ["a.mp4", "b.wav", "b.wav", "b.mp3"])
    assert names == ["a.mp4", "1/b.wav", "2/b.wav", "b.mp3"]
    assert _unique_stems(names) == ["a", "1/b", "2/b", "b"]
    # The long name of one may be the short name of another.
    names = ["a.wav", "a.mp4", "a.wav.mp3"]
    assert _unique_stems(names) == ["a.wav", "a.mp4", "a.wav.mp3"]


def test_names_that_differ_in_case_are_told_apart():
    assert _unique_stems(["a.wav", "A.wav"]) == ["a.wav", "A.wav~2"]
    # Tables have them as they are.
    names = ["a.wav", "A.wav"]
    assert _unique_names(["/x/a.wav", "/x/A.wav"], names) == names


def test_a_stem_is_not_anothers_with_a_suffix():
    assert _unique_stems(["a.wav", "a.Scores.wav"]) == ["a", "a.Scores~2"]
    suffixes = [form.suffix for form in FORMATS.values()]
    longer = [suffix for suffix in suffixes if suffix.count(".") > 1]
    assert {os.path.splitext(suffix)[0] for suffix in longer} == set(INNER)


@pytest.mark.parametrize("letter", ["a", "é", "語", "\udcff"])
def test_long_names_leave_room_for_every_suffix(letter):
    most = 251 // len(os.fsencode(letter))
    names = [
        *(f"deep/{letter * most}.wav", f"deep/{letter * most}.mp4"),
        *(f"deep/{letter * (most - 1)}x.wav", f"{letter * most}.wav"),
    ]
    stems = _unique_stems(names)
    assert len(set(stems)) == 4 and stems == _unique_stems(names)
    suffixes = [form.suffix for form in FORMATS.values()]
    for stem, name in zip(stems, names, strict=True):
        assert os.path.dirname(stem) == os.path.dirname(name)
        last = os.path.basename(stem)
        assert last.startswith(letter * (200 // len(os.fsencode(letter))))
        for suffix in (*suffixes, ".png"):
            assert len(os.fsencode(last + "~999999" + suffix)) <= 255
    assert _unique_stems(["a" * LONGEST + ".wav"]) == ["a" * LONGEST]
