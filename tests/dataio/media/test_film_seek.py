"""Clips out of the middle of long films, and what bounds memory."""

import subprocess
import sys

import numpy as np
import pytest

from speechbrain_mmsed.dataio.media import film as film_module
from speechbrain_mmsed.dataio.media.film import Film
from speechbrain_mmsed.dataio.media.frames import (
    grid_times,
    probe_video,
    read_frames,
    read_frames_at_sizes,
)

STEADY = np.arange(200) * 0.1  # 20 s at ten pictures a second
KINDS = [
    ("a.mp4", "libx264", {"bf": "3", "preset": "veryfast"}),
    ("a.mkv", "libx264", {"bf": "2", "x264-params": "open-gop=1"}),
    ("a.ts", "libx264", {"bf": "2"}),
    ("a.webm", "libvpx-vp9", {"deadline": "realtime", "cpu-used": "8"}),
    ("a.mkv", "libsvtav1", {"preset": "12"}),
    ("a.mp4", "libsvtav1", {"preset": "12"}),
]


@pytest.fixture(scope="module", params=range(len(KINDS)))
def long_film(request, tmp_path_factory, numbered_film):
    """A film of 20 s in several codecs and containers."""
    import av

    name, codec, options = KINDS[request.param]
    try:
        av.codec.Codec(codec, "w")
    except ValueError:
        pytest.skip(f"no encoder {codec}")
    path = tmp_path_factory.mktemp("long") / name
    return numbered_film(path, STEADY, codec, options=options)


def from_the_beginning(path, times, start):
    """Slow twin: every picture from the first on is decoded."""
    return read_frames(path, np.asarray(times) + start)


@pytest.mark.parametrize("start", [0.0, 4.9, 6.0, 11.37, 15.0])
def test_a_clip_of_a_long_film(long_film, numbers_of, start, monkeypatch):
    times = grid_times(32, 5.0)
    frames, covered = read_frames(long_film, times, start=start)
    monkeypatch.setattr(film_module, "SEEK_FROM", np.inf)
    slow, slow_covered = from_the_beginning(long_film, times, start)
    assert numbers_of(frames) == numbers_of(slow)
    assert (covered == slow_covered).all() and covered[:30].all()
    expected = np.floor((times + start) * 10 + 1e-6)
    assert numbers_of(frames)[:30] == expected[:30].tolist()


def test_only_the_clip_is_decoded(long_film, monkeypatch):
    decoded = []
    frames = Film.frames

    def counted(self, seconds):
        for frame in frames(self, seconds):
            decoded.append(frame)
            yield frame

    monkeypatch.setattr(Film, "frames", counted)
    read_frames(long_film, grid_times(10, 1.0), start=15.0)
    assert 10 <= len(decoded) <= 90


def test_beyond_the_end_of_the_film(long_film):
    frames, covered = read_frames(long_film, grid_times(10, 5.0), start=18.0)
    assert covered.tolist() == [True] * 4 + [False] * 6
    info = probe_video(long_film, 18.0, 5.0)
    assert info.present and info.start == 0
    assert info.duration == pytest.approx(2.0, abs=0.15)
    assert probe_video(long_film, 30.0, 5.0).duration == 0.0


def test_probe_of_a_part(long_film):
    whole = probe_video(long_film)
    assert whole.duration == pytest.approx(20.0, abs=0.15)
    part = probe_video(long_film, 12.0, 5.0)
    assert (part.start, part.duration) == (0.0, 5.0)
    early = probe_video(long_film, 0.0, 5.0)
    assert (early.start, early.duration) == (whole.start, 5.0 - whole.start)


def test_where_seeking_is_not_possible(long_film, numbers_of, monkeypatch):
    times = grid_times(8, 4.0)
    expected = numbers_of(read_frames(long_film, times, start=12.0)[0])

    def refused(self, seconds):
        return False

    def too_far(self, seconds):
        return seek(self, seconds + 5.0)

    seek = Film._seek
    for replacement in (refused, too_far):
        monkeypatch.setattr(Film, "_seek", replacement)
        frames, covered = read_frames(long_film, times, start=12.0)
        assert numbers_of(frames) == expected and covered.all()
        assert probe_video(long_film, 12.0, 4.0).duration == 4.0


def test_a_late_start_counts_when_seeking(tmp_path, numbered_film, numbers_of):
    path = numbered_film(tmp_path / "late.mkv", STEADY[:100] + 3.0)
    frames, covered = read_frames(path, grid_times(8, 4.0), start=7.0)
    expected = np.floor((grid_times(8, 4.0) + 4.0) * 10 + 1e-6)
    assert numbers_of(frames) == expected.tolist() and covered.all()
    assert probe_video(path, 0.0, 5.0).start == pytest.approx(3.0, abs=0.05)


def test_a_gap_of_bad_packets_is_not_covered(
    tmp_path, numbered_film, monkeypatch
):
    """Pictures are held over a second of damage and no longer."""
    path = numbered_film(tmp_path / "a.mkv", STEADY[:100])
    bad = set(range(30, 70))
    count, decode = iter(range(1000)), Film.decode

    def damaged(self, packet):
        if packet is not None and next(count) in bad:
            self.failed.append(self.seconds(packet.pts))
            return iter(())
        return decode(self, packet)

    monkeypatch.setattr(Film, "decode", damaged)
    times = np.arange(0.05, 10, 0.1)
    _, covered = read_frames(path, times)
    # The decoder takes up again at the key frame (every twelfth) behind.
    assert covered[:30].all() and covered[72:99].all()
    assert not covered[41:69].any()


def test_slides_are_covered(tmp_path, numbered_film, numbers_of):
    """The same gaps without damage: one picture for four seconds."""
    path = numbered_film(tmp_path / "a.mkv", [0.0, 4.0, 8.0, 8.1])
    frames, covered = read_frames(path, np.arange(0.05, 8, 0.1))
    assert covered.all() and set(numbers_of(frames)) == {0, 1}


@pytest.mark.parametrize("false", [1e6, 7.05, -1e6])
def test_a_false_time_stamp_hides_no_other_picture(
    tmp_path, numbered_film, numbers_of, monkeypatch, false
):
    path = numbered_film(tmp_path / "a.mkv", STEADY[:100])
    times = STEADY[:99] + 0.05
    intact = numbers_of(read_frames(path, times)[0])
    frames = Film.frames

    def damaged(self, seconds=0.0):
        for number, frame in enumerate(frames(self, seconds)):
            if number == 30:
                frame.pts = round((false + self.zero) / self.time_base)
            yield frame

    monkeypatch.setattr(Film, "frames", damaged)
    pictures, covered = read_frames(path, times)
    intact[30] = 29
    assert numbers_of(pictures) == intact and covered.all()


def test_pixels_that_are_not_square(tmp_path):
    import av

    path = str(tmp_path / "wide.mp4")
    with av.open(path, "w") as film:
        track = film.add_stream("libx264", rate=5)
        track.width, track.height, track.pix_fmt = 64, 64, "yuv420p"
        track.codec_context.sample_aspect_ratio = 2
        for _ in range(5):
            pixels = np.full((64, 64, 3), 90, np.uint8)
            film.mux(
                track.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24"))
            )
        film.mux(track.encode())
    sizes = [32, None, (8, 8)]
    frames, _ = read_frames_at_sizes(path, [0.1], sizes)
    shapes = [array.shape[1:3] for array in frames]
    assert shapes == [(32, 64), (64, 64), (8, 8)]


def test_reducers_see_each_picture_once_and_alone(tmp_path, numbered_film):
    path = numbered_film(tmp_path / "a.mp4", STEADY[:20])
    seen = []

    def mean(picture):
        seen.append(picture.shape)
        return picture.mean((0, 1), keepdims=True).astype(np.float32)

    times = grid_times(40, 2.0)
    frames, _ = read_frames_at_sizes(path, times, [None, 8], [mean, None])
    assert frames[0].shape == (40, 1, 1, 3) and frames[0].dtype == np.float32
    assert seen == [(32, 128, 3)] * 20
    slow = read_frames(path, times)[0].mean((1, 2), keepdims=True)
    np.testing.assert_allclose(frames[0], slow, atol=1e-4)
    assert frames[1].shape == (40, 8, 32, 3)


MEMORY = """
import resource, sys
import numpy as np
from speechbrain_mmsed.dataio.media.frames import grid_times, read_frames
def small(picture):
    return picture[::9, ::9].copy()
read_frames(sys.argv[1], grid_times(64, 2.0), 64)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
read_frames(sys.argv[2], grid_times(64, 2.0), 64)
read_frames(sys.argv[2], grid_times(64, 2.0), None, small)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def test_memory_does_not_grow_with_the_clip(tmp_path, numbered_film):
    """64 pictures of a 4K film: as coded they were 1.6 gigabytes."""
    import av

    small = numbered_film(tmp_path / "small.mp4", STEADY[:20])
    large = str(tmp_path / "large.mp4")
    with av.open(large, "w") as film:
        track = film.add_stream(
            "libx264", rate=4, options={"preset": "ultrafast"}
        )
        track.width, track.height, track.pix_fmt = 3840, 2160, "yuv420p"
        for number in range(8):
            frame = av.VideoFrame(3840, 2160, "yuv420p")
            for plane in frame.planes:
                plane.update(bytes([number]) * plane.buffer_size)
            film.mux(track.encode(frame))
        film.mux(track.encode())
    result = subprocess.run(
        [sys.executable, "-c", MEMORY, small, large],
        capture_output=True,
        text=True,
        check=True,
    )
    grown = int(result.stdout) / 1024
    assert grown < 300, f"{grown:.0f} MB more"


@pytest.mark.parametrize(
    "name, codec, options",
    [
        # No key frame but the first: pictures are built up bit by bit.
        ("a.mp4", "libx264", {"bf": "0", "x264-params": "intra-refresh=1"}),
        # Some pictures only have a time stamp.
        ("a.mpg", "mpeg2video", {"bf": "2"}),
        # An index of frames, not of times.
        ("a.avi", "mpeg4", {"bf": "2"}),
    ],
)
def test_where_seeking_leads_astray(
    tmp_path, numbers_of, monkeypatch, name, codec, options
):
    import av

    path = str(tmp_path / name)
    with av.open(path, "w") as film:
        track = film.add_stream(codec, rate=25, options=options)
        track.width, track.height, track.pix_fmt = 128, 32, "yuv420p"
        track.codec_context.gop_size = 12
        for number in range(250):
            picture = np.repeat([number >> k & 1 for k in range(8)], 16)
            picture = np.full((32, 128, 3), 255 * picture[:, None], np.uint8)
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            film.mux(track.encode(frame))
        film.mux(track.encode())
    times = np.arange(0.02, 2, 0.04)
    clips = [read_frames(path, times, start=k) for k in (5.6, 6.4, 7.2)]
    monkeypatch.setattr(film_module, "SEEK_FROM", np.inf)
    for start, (frames, covered) in zip((5.6, 6.4, 7.2), clips, strict=True):
        slow, slow_covered = from_the_beginning(path, times, start)
        assert (frames == slow).all() and (covered == slow_covered).all()
        first = numbers_of(frames)[0]
        assert numbers_of(frames) == list(range(first, first + 50))
        assert first == pytest.approx(25 * start, abs=2)
