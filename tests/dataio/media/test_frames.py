"""Pictures by presentation time, on films whose pictures bear numbers."""

import pathlib
import struct

import numpy as np
import pytest

from speechbrain_mmsed.dataio.media import frames as media
from speechbrain_mmsed.dataio.media.frames import (
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
    stamps = STEADY[:40]
    path = numbered_film(tmp_path / name, stamps, codec, options=options)
    times = grid_times(64, 3.9)
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
    convert, calls = media.to_rgb, []
    monkeypatch.setattr(
        media, "to_rgb", lambda *args: calls.append(1) or convert(*args)
    )
    read_frames(path, [0.05, 1.05, 1.06, 2.05])
    assert len(calls) == 3


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
