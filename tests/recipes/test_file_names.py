"""Files as download programs call them, and the clips they belong to."""

import os

import pytest
from file_names import match_downloads
from hypothesis import given, settings
from hypothesis import strategies as st

CLIP = "Y-0A1_JR5f34_16.000_26.000.wav"
ID = "-0A1_JR5f34"


def found_of(folder, *names, clips=(CLIP,), suffixes=None):
    """Names found of the first clip, by layout, and those of no clip."""
    for name in names:
        (folder / name).touch()
    found, strangers = match_downloads(str(folder), list(clips), suffixes)
    of_clip = {
        layout: [os.path.basename(path) for path in files.get(clips[0], [])]
        for layout, files in found.items()
    }
    return of_clip["clip"], of_clip["source"], strangers


@pytest.mark.parametrize(
    "name",
    [
        f"Y{ID}_16.000_26.000.mp4",  # as the clip
        f"{ID}_16_26.mkv",  # as DESED's evaluation set
        f"{ID}_16000_26000.mp4",  # audiosetdl, milliseconds
        f"Y{ID}_16000_26000.mp4",
        f"{ID}_000016.mp4",  # VGGSound: six digits
        f"{ID}_16.mp4",
        f"{ID}_16000.mp4",
        f"{ID}-16-26.mp4",
        f"{ID}-16.0-26.0.webm",
        f"{ID}_16.0-26.0.mp4",
        f"{ID} 16s-26s.mp4",
        f"{ID}.16-26.mov",
        f"{ID}_16.000_26.000_360p.mp4",
        f"Dogs bark [{ID}] 16-26.mp4",
        f"Dogs bark [{ID}]_(16.00,26.00).mp4",
        f"y{ID}_16.000_26.000.MP4".lower(),
        f"Y{ID}_16.000_26.000.MP4".upper(),
        f"video_{ID}_16_26.avi",
    ],
)
def test_cut_films(tmp_path, name):
    assert found_of(tmp_path, name) == ([name], [], [])


@pytest.mark.parametrize(
    "name",
    [
        f"{ID}.mp4",
        f"Y{ID}.mkv",
        f"Dogs 10 20 [{ID}].webm",  # yt-dlp
        f"Dogs 10-20-{ID}.mp4",  # youtube-dl
        f"{ID}.f137.mp4",
        f"{ID} - Dogs and 12 cats.mp4",
        f"20240101_{ID}_Dogs.MP4",
        f"Dogs [{ID}].MP4".lower(),
    ],
)
def test_whole_films(tmp_path, name):
    assert found_of(tmp_path, name) == ([], [name], [])


@pytest.mark.parametrize(
    "name",
    [
        "Dogs bark.mp4",
        "Dogs [aaaaaaaaaaa].mp4",
        f"{ID}_17_27.mp4",  # another part of the video
        f"{ID}_000017.mp4",
        f"{ID}_16_27.mp4",
        f"{ID[:-1]}_16_26.mp4",
        f"{ID}.mp4.part",
    ],
)
def test_films_of_no_clip(tmp_path, name):
    cut, whole, strangers = found_of(tmp_path, name)
    assert (cut, whole) == ([], [])
    # A download that was broken off is no film at all.
    assert len(strangers) == (not name.endswith(".part"))


def test_the_own_name_comes_first_and_then_the_alphabet(tmp_path):
    names = [f"{ID}-16-26.mp4", f"A [{ID}] 16 26.mp4", f"{ID}_16_26.webm"]
    cut, whole, strangers = found_of(tmp_path, *names, f"{ID}.mp4")
    # The last one has the clip's own key.
    assert cut == [names[2], *sorted(names[:2])]
    assert (whole, strangers) == ([f"{ID}.mp4"], [])


def test_a_whole_film_is_of_all_clips_of_its_video(tmp_path):
    clips = [f"Y{ID}_{start}.000_{start + 10}.000.wav" for start in (0, 16)]
    (tmp_path / f"Dogs [{ID}].mp4").touch()
    (tmp_path / f"{ID}_000016.mp4").touch()
    found, _ = match_downloads(str(tmp_path), clips)
    assert list(found["source"]) == clips
    assert list(found["clip"]) == clips[1:]


def test_bare_names_match_in_any_case_but_their_own_first(tmp_path):
    clips = ["Bark.wav", "bark.wav", "Meow.wav"]
    for name in ("bark.MP4", "MEOW.mp4", "bark 2.mp4"):
        (tmp_path / name).touch()
    found, strangers = match_downloads(str(tmp_path), clips)
    names = {c: os.path.basename(*paths) for c, paths in found["clip"].items()}
    assert names == {"bark.wav": "bark.MP4", "Meow.wav": "MEOW.mp4"}
    assert [os.path.basename(path) for path in strangers] == ["bark 2.mp4"]


def test_sound_is_matched_alike(tmp_path):
    name = f"{ID}_16000_26000.WAV"
    found = found_of(tmp_path, name, "notes.txt", suffixes=(".wav",))
    assert found == ([name], [], [])


ids = st.text("YabcXYZ0189_-", min_size=11, max_size=11)
# Not a dot alone: between two numbers it is that of a decimal number.
signs = st.sampled_from(["_", "-", " ", "__", " - ", ") (", ". "])


@settings(deadline=None, max_examples=60)
@given(
    ids, st.integers(0, 900), st.integers(1, 11), signs, signs, st.booleans()
)
def test_times_behind_any_id(tmp_path_factory, video, start, seconds, a, b, ms):
    """Ids may look like times and signs themselves."""
    folder, unit = tmp_path_factory.mktemp("films"), 1000 if ms else 1
    end = start + seconds
    clip = f"Y{video}_{start}.000_{end}.000.wav"
    other = f"Y{video}_{start + 20}.000_{end + 20}.000.wav"
    name = f"{video}{a}{unit * start}{b}{unit * end}.mp4"
    assert found_of(folder, name, clips=(clip, other)) == ([name], [], [])
