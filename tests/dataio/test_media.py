"""Pictures by presentation time, on films whose pictures bear numbers."""

import pathlib
import struct

import numpy as np
import pytest

from speechbrain_mmsed.dataio import media
from speechbrain_mmsed.dataio.media import (
    MediaError,
    grid_times,
    probe_video,
    read_frames,
    read_frames_at_sizes,
)

STEADY = np.arange(100) * 0.1  # 10 s at ten pictures a second


def shown_number(stamps, time):
    """Slow twin: the last picture whose stamp is not after the time."""
    number = None
    for k, stamp in enumerate(stamps):
        if round(stamp * 1000) <= time * 1000:
            number = k
    return number


def needs_encoder(codec):
    """Skips where this build of FFmpeg lacks an encoder."""
    import av

    try:
        av.codec.Codec(codec, "w")
    except ValueError:
        pytest.skip(f"no encoder {codec}")


@pytest.mark.parametrize(
    "name, codec, options",
    [
        ("a.mp4", "libx264", {}),
        ("a.mkv", "libx264", {}),
        ("a.mov", "libx264", {"bf": "3", "preset": "veryfast"}),
        ("a.ts", "libx264", {"bf": "0"}),
        ("a.webm", "libvpx-vp9", {"deadline": "realtime", "cpu-used": "8"}),
        ("a.mkv", "libsvtav1", {"preset": "12"}),
        ("a.mkv", "mpeg4", {"qscale": "2"}),
    ],
)
def test_each_time_shows_its_picture(
    tmp_path, numbered_film, numbers_of, name, codec, options
):
    needs_encoder(codec)
    path = numbered_film(tmp_path / name, STEADY, codec, options=options)
    times = grid_times()
    frames, covered = read_frames(path, times)
    assert frames.shape == (64, 32, 128, 3) and frames.dtype == np.uint8
    assert covered.all()
    assert numbers_of(frames) == [shown_number(STEADY, t) for t in times]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
def test_variable_frame_rate(tmp_path, numbered_film, numbers_of, name, seed):
    gaps = np.random.default_rng(seed).choice([0.02, 0.1, 0.7], 60)
    stamps = np.cumsum(gaps) - gaps[0]
    path = numbered_film(tmp_path / name, stamps)
    # Away from the stamps themselves, which containers round.
    times = np.arange(0, stamps[-1], 0.1) + 0.005
    frames, covered = read_frames(path, times)
    assert covered.all()
    assert numbers_of(frames) == [shown_number(stamps, t) for t in times]


@pytest.mark.parametrize("name", ["late.mp4", "late.mkv"])
def test_a_film_that_starts_late_stays_late(
    tmp_path, numbered_film, numbers_of, name
):
    stamps = STEADY[:50] + 2.0
    path = numbered_film(tmp_path / name, stamps)
    times = grid_times()
    frames, covered = read_frames(path, times)
    shown = [shown_number(stamps, t) for t in times]
    expected = [
        number is not None and t < stamps[-1] + 0.1
        for number, t in zip(shown, times, strict=True)
    ]
    # The last picture is held for one frame, whose length a container
    # may not know to the millisecond.
    unsure = np.abs(times - stamps[-1] - 0.1) < 0.1
    assert (covered == expected)[~unsure].all()
    first, last = shown[covered.argmax()], shown[63 - covered[::-1].argmax()]
    filled = [
        number if here else last if t > 4 else first
        for number, here, t in zip(shown, covered, times, strict=True)
    ]
    assert numbers_of(frames) == filled
    info = probe_video(path)
    assert info.present
    assert info.start == pytest.approx(2.0, abs=0.01)
    assert info.duration == pytest.approx(5.0, abs=0.1)


def test_rows_past_the_end_repeat_the_last_picture(
    tmp_path, numbered_film, numbers_of
):
    path = numbered_film(tmp_path / "short.mp4", STEADY[:30])
    frames, covered = read_frames(path, grid_times())
    assert covered.sum() == (grid_times() < 3.0).sum()
    last = frames[covered][-1]
    assert (frames[~covered] == last).all()


def test_times_in_any_order(tmp_path, numbered_film, numbers_of):
    path = numbered_film(tmp_path / "a.mp4", STEADY[:20])
    times = [1.55, 0.15, 9.0, 0.95]
    frames, covered = read_frames(path, times)
    assert numbers_of(frames) == [15, 1, 15, 9]
    assert covered.tolist() == [True, True, False, True]


def test_only_wanted_pictures_are_converted(
    tmp_path, numbered_film, monkeypatch
):
    path = numbered_film(tmp_path / "a.mp4", STEADY)
    convert, calls = media._to_rgb, []
    monkeypatch.setattr(
        media, "_to_rgb", lambda *args: calls.append(1) or convert(*args)
    )
    read_frames(path, [0.05, 1.05, 1.06, 2.05])
    assert len(calls) == 3


def test_cut_off_mkv_yields_its_first_part(tmp_path, numbered_film, numbers_of):
    path = numbered_film(tmp_path / "whole.mkv", STEADY)
    content = pathlib.Path(path).read_bytes()
    cut = tmp_path / "cut.mkv"
    cut.write_bytes(content[: len(content) // 2])
    frames, covered = read_frames(cut, grid_times())
    assert 10 < covered.sum() < 54
    # Up to the cut everything is where it was.
    assert not (np.diff(covered.astype(int)) > 0).any()
    expected = [shown_number(STEADY, t) for t in grid_times()]
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
    assert numbers[:16] == [shown_number(STEADY, t) for t in grid_times()[:16]]
    assert numbers[-1] == shown_number(STEADY, grid_times()[-1])


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
            art.disposition = av.stream.Disposition.attached_pic
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


@pytest.mark.parametrize(
    "matrix, corner",
    [
        ((1, 0, 0, 1), (0, 0)),
        ((0, 1, -1, 0), (0, -1)),  # clockwise: top left goes to top right
        ((-1, 0, 0, -1), (-1, -1)),
        ((0, -1, 1, 0), (-1, 0)),
    ],
)
def test_pictures_are_upright(tmp_path, numbered_film, matrix, corner):
    """A film's display matrix says how it was held."""
    picture = np.zeros((32, 128, 3), np.uint8)
    picture[:16, :64] = 255  # top left
    path = numbered_film(tmp_path / "a.mp4", STEADY[:5], pictures=[picture] * 5)
    content = bytearray(pathlib.Path(path).read_bytes())
    at = content.index(b"tkhd") + 44
    a, b, c, d = (value << 16 for value in matrix)
    content[at : at + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    pathlib.Path(path).write_bytes(content)
    frames, _ = read_frames(path, [0.05])
    turned = matrix[0] == 0
    assert frames.shape[1:3] == ((128, 32) if turned else (32, 128))
    bright = frames[0].mean(-1) > 127
    assert bright[corner] and bright.sum() == pytest.approx(1024, rel=0.1)
    for size in (16, (20, 24)):
        small, _ = read_frames(path, [0.05], size)
        assert (small[0].mean(-1) > 127)[corner]
    assert small.shape == (1, 20, 24, 3)


def test_sizes(tmp_path, numbered_film):
    path = numbered_film(tmp_path / "a.mp4", STEADY[:5])
    sizes = [None, 16, 64, (10, 30)]
    frames, covered = read_frames_at_sizes(path, [0.05, 0.35], sizes)
    shapes = [array.shape[1:3] for array in frames]
    assert shapes == [(32, 128), (16, 64), (64, 256), (10, 30)]
    for size, array in zip(sizes, frames, strict=True):
        alone, _ = read_frames(path, [0.05, 0.35], size)
        np.testing.assert_array_equal(array, alone)


def test_real_films(shared_folder):
    paths = sorted((shared_folder / "videos").iterdir())
    assert len(paths) == 11
    for path in paths:
        info = probe_video(path)
        assert info.present and 0.9 < info.duration < 14, path
        # The first second only, to be quick.
        frames, covered = read_frames(path, grid_times(4, 1.0), (32, 32))
        assert covered.all() and frames.shape == (4, 32, 32, 3), path
        assert frames.std() > 5, path
