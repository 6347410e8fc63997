"""Films that are cut off, damaged, or none at all."""

import pathlib

import numpy as np
import pytest

from speechbrain_mmsed.dataio.media.frames import (
    MediaError,
    grid_times,
    probe_video,
    read_frames,
)

STEADY = np.arange(100) * 0.1  # 10 s at ten pictures a second
NUMBERS = [int((t + 1e-9) / 0.1) for t in grid_times()]


def test_cut_off_mkv_yields_its_first_part(tmp_path, numbered_film, numbers_of):
    path = numbered_film(tmp_path / "whole.mkv", STEADY)
    content = pathlib.Path(path).read_bytes()
    cut = tmp_path / "cut.mkv"
    cut.write_bytes(content[: len(content) // 2])
    frames, covered = read_frames(cut, grid_times())
    assert 10 < covered.sum() < 54
    # Up to the cut everything is where it was.
    assert not (np.diff(covered.astype(int)) > 0).any()
    expected = NUMBERS
    assert numbers_of(frames[covered]) == expected[: covered.sum()]
    # The header still says 10 s; measured is what is left.
    info = probe_video(cut)
    assert info.present and 2.0 < info.duration < 8.0


def test_cut_off_mp4(tmp_path, numbered_film):
    fast = numbered_film(
        tmp_path / "fast.mp4",
        STEADY,
        container_options={"movflags": "faststart"},
    )
    slow = numbered_film(tmp_path / "slow.mp4", STEADY)
    for path in (fast, slow):
        content = pathlib.Path(path).read_bytes()
        pathlib.Path(path).write_bytes(content[: len(content) * 2 // 3])
    _, covered = read_frames(fast, grid_times())
    assert 5 < covered.sum() < 60
    # Its index stood at the end: nothing is left of it.
    assert probe_video(slow).status.startswith("unreadable: cannot be opened")
    with pytest.raises(MediaError, match="unreadable: cannot be opened"):
        read_frames(slow, grid_times())


def test_damage_in_the_middle_is_passed_over(
    tmp_path, numbered_film, numbers_of
):
    path = numbered_film(tmp_path / "a.mkv", STEADY)
    content = bytearray(pathlib.Path(path).read_bytes())
    middle = len(content) // 2
    content[middle : middle + 200] = bytes(200)
    pathlib.Path(path).write_bytes(content)
    frames, covered = read_frames(path, grid_times())
    numbers = numbers_of(frames)
    assert covered.all()
    assert numbers[:16] == NUMBERS[:16]
    assert numbers[-1] == NUMBERS[-1]


def sound_file(path, cover=None):
    """A sound file, with a cover picture if asked for."""
    import av

    with av.open(str(path), "w") as file:
        track = file.add_stream("aac", rate=16000, layout="mono")
        art = None
        if cover is not None:
            art = file.add_stream("mjpeg", rate=1)
            art.width, art.height = cover.shape[1::-1]
            art.pix_fmt = "yuvj420p"
            art.disposition = av.stream.Disposition.attached_pic.value
        sound = av.AudioFrame.from_ndarray(
            np.zeros((1, 16000), np.float32), format="fltp", layout="mono"
        )
        sound.sample_rate = 16000
        if art is not None:
            picture = av.VideoFrame.from_ndarray(cover, format="rgb24")
            file.mux(art.encode(picture))
            file.mux(art.encode())
        file.mux(track.encode(sound))
        file.mux(track.encode())
    return path


def test_no_picture_track(tmp_path):
    path = sound_file(tmp_path / "sound.mp4")
    assert probe_video(path).status == "unreadable: no picture track"
    with pytest.raises(MediaError, match="no picture track"):
        read_frames(path, grid_times())


def test_cover_art_is_no_film(tmp_path):
    import av

    path = sound_file(tmp_path / "a.mp4", np.full((32, 32, 3), 200, np.uint8))
    with av.open(str(path)) as file:
        assert len(file.streams.video) == 1  # else nothing is tested
    assert probe_video(path).status == "unreadable: no picture track"


def test_no_decoder(tmp_path, numbered_film):
    path = pathlib.Path(numbered_film(tmp_path / "a.mp4", STEADY[:10]))
    path.write_bytes(path.read_bytes().replace(b"avc1", b"zzzz"))
    assert probe_video(path).status == "unreadable: no decoder for it"
    with pytest.raises(MediaError, match="a.mp4: unreadable: no decoder"):
        read_frames(path, grid_times())


def test_no_film_at_all(tmp_path):
    assert probe_video(tmp_path / "none.mp4").status == "absent"
    text = tmp_path / "text.mp4"
    text.write_text("not a film")
    assert probe_video(text).status.startswith("unreadable: cannot be opened")
    empty = tmp_path / "empty.mp4"
    empty.write_bytes(b"")
    assert probe_video(empty).status.startswith("unreadable: cannot be opened")


def test_no_picture_at_the_wanted_times(tmp_path, numbered_film):
    path = numbered_film(tmp_path / "a.mp4", STEADY[:10])
    with pytest.raises(MediaError, match="no picture at the wanted times"):
        read_frames(path, [5.0, 6.0])
