"""Both naming styles of a cut, and which files are films."""

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speechbrain_mmsed.dataio.corpus.matching import (
    candidates,
    clip_key,
    clip_stem,
    index_folder,
)

ids = st.text("YabcXYZ0189_-", min_size=11, max_size=11)


@settings(deadline=None, max_examples=100)
@given(ids, st.integers(0, 900), st.integers(1, 11))
def test_every_spelling_of_a_cut_has_one_key(video, start, seconds):
    end = start + seconds
    spellings = [
        f"Y{video}_{start}.000_{end}.000.wav",
        f"{video}_{start}_{end}.wav",
        f"Y{video}_{start}_{end}.webm",
        f"folder/{video}_{start}.0_{end}.00.3gp",
        f"{video}_{start}.000_{end}.000",
    ]
    assert {clip_key(name) for name in spellings} == {
        (video, 1000 * start, 1000 * end)
    }


def test_other_cuts_and_other_names_stay_apart():
    assert clip_key("Yabcdefghijk_0.000_10.000.wav") != clip_key(
        "Yabcdefghijk_10.000_20.000.wav"
    )
    assert clip_key("Yabcdefghijk_0.500_10.wav")[1] == 500
    assert clip_key("0.wav") == ("0",)
    assert clip_key("10.wav") != clip_key("1.wav")
    assert clip_stem("a/b.c/17.WAV") == "17"


def test_folders_are_indexed_without_sidecars(tmp_path):
    for name in (
        "Yabcdefghijk_0.000_10.000.mkv",
        "abcdefghijk_0_10.mp4",
        "Yabcdefghijk_0.000_10.000.info.json",
        "Yabcdefghijk_0.000_10.000.jpg",
        "Yabcdefghijk_0.000_10.000.mp4.part",
        ".hidden.mp4",
    ):
        (tmp_path / name).touch()
    (tmp_path / "folder.mp4").mkdir()
    index = index_folder(tmp_path)
    assert list(index) == [("abcdefghijk", 0, 10000)]
    found = candidates(index, "abcdefghijk_0_10.wav")
    assert [path.rsplit(".")[-1] for path in found] == ["mkv", "mp4"]
    assert index_folder(tmp_path, (".wav",)) == {}
    assert index_folder(tmp_path / "absent") == {}


def test_the_file_of_exactly_the_name_comes_first(tmp_path):
    for name in ("Yabcdefghijk_0.000_10.000.wav", "abcdefghijk_0_10.wav"):
        (tmp_path / name).touch()
    index = index_folder(tmp_path)
    assert index == {}  # sound is no film
    index = index_folder(tmp_path, (".wav",))
    for name in ("Yabcdefghijk_0.000_10.000.wav", "abcdefghijk_0_10.wav"):
        first, second = candidates(index, name)
        assert first == str(tmp_path / name) != second


@pytest.mark.parametrize(
    "name",
    [
        "train/weak",
        "train/unlabel_in_domain",
        "validation/validation",
        "eval/public",
    ],
)
def test_all_real_names_are_understood(shared_folder, name):
    path = shared_folder / f"desed_metadata/{name}.tsv"
    names = pd.read_csv(path, sep="\t")["filename"].unique()
    keys = {clip_key(clip) for clip in names}
    assert len(keys) == len(names)
    assert all(len(key) == 3 and key[1] < key[2] for key in keys)
