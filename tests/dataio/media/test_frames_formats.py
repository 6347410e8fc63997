"""Every fault of a film in every codec and container, and real films."""

import fractions
import pathlib
import struct

import numpy as np
import pytest

from speechbrain_mmsed.dataio.media.frames import (
    MediaError,
    grid_times,
    probe_video,
    read_frames,
)

STEADY = np.arange(80) * 0.1  # 8 s at ten pictures a second
MIDDLES = STEADY + 0.05
H264 = ("libx264", {"bf": "2", "preset": "veryfast"})
VP9 = ("libvpx-vp9", {"deadline": "realtime", "cpu-used": "8"})
AV1 = ("libsvtav1", {"preset": "12"})
KINDS = [
    *[(f"film.{box}", *H264) for box in ("mp4", "mkv")],
    *[(f"film.{box}", *VP9) for box in ("mp4", "mkv", "webm")],
    *[(f"film.{box}", *AV1) for box in ("mp4", "mkv", "webm")],
]


@pytest.fixture(params=KINDS, ids=lambda kind: f"{kind[1]}-{kind[0]}")
def film_of(request, tmp_path, numbered_film):
    """Writes a film with given stamps in one of the formats."""
    import av

    name, codec, options = request.param
    try:
        av.codec.Codec(codec, "w")
    except ValueError:
        pytest.skip(f"no encoder {codec}")
    index_first = {"movflags": "faststart"} if name.endswith("mp4") else {}
    return lambda stamps, pictures=None: numbered_film(
        tmp_path / name,
        stamps,
        codec,
        pictures,
        options,
        container_options=index_first,
    )


def test_variable_rate_and_late_start(film_of, numbers_of):
    gaps = np.random.default_rng(3).choice([0.02, 0.1, 0.7], 50)
    stamps = 1.5 + np.cumsum(gaps) - gaps[0]
    path = film_of(stamps)
    times = np.arange(0, stamps[-1], 0.1) + 0.005
    frames, covered = read_frames(path, times)
    # Containers keep milliseconds.
    expected = np.searchsorted(stamps.round(3), times, side="right") - 1
    assert (covered == (expected >= 0)).all()
    assert numbers_of(frames) == expected.clip(0).tolist()
    info = probe_video(path)
    assert info.present and info.start == pytest.approx(1.5, abs=0.01)
    assert info.duration == pytest.approx(stamps[-1] - 1.5, abs=0.8)


def test_cut_off(film_of, numbers_of):
    """Half a file, whose header still tells the old length."""
    path = film_of(STEADY)
    content = pathlib.Path(path).read_bytes()
    pathlib.Path(path).write_bytes(content[: len(content) * 2 // 3])
    frames, covered = read_frames(path, MIDDLES)
    n_left = covered.sum()
    assert 20 < n_left < 70 and covered[:n_left].all()
    assert numbers_of(frames) == [min(k, n_left - 1) for k in range(80)]
    info = probe_video(path)
    assert info.present
    assert info.duration == pytest.approx(0.1 * n_left, abs=0.4)
    with pytest.raises(MediaError, match="no picture at the wanted times"):
        read_frames(path, MIDDLES[:5], start=7.2)


def test_part_of_a_cut_off_film(film_of, numbers_of):
    path = film_of(STEADY)
    content = pathlib.Path(path).read_bytes()
    pathlib.Path(path).write_bytes(content[: len(content) * 9 // 10])
    whole, covered = read_frames(path, MIDDLES)
    part, part_covered = read_frames(path, MIDDLES[:25], start=5.3)
    assert (part_covered == covered[53:78]).all()
    assert (part == whole[53:78]).all()


@pytest.mark.parametrize(
    "film_of, box",
    [
        (("film.mp4", *H264), "mp4"),
        (("film.mp4", *H264), "mkv"),
        (("film.mp4", *VP9), "mp4"),
        (("film.mp4", *VP9), "webm"),
        (("film.mp4", *AV1), "mp4"),
    ],
    ids=["H.264-mp4", "H.264-mkv", "VP9-mp4", "VP9-webm", "AV1-mp4"],
    indirect=["film_of"],
)
def test_turned(film_of, tmp_path, box):
    """The display matrix of a film that was held upright."""
    import av

    picture = np.zeros((32, 128, 3), np.uint8)
    picture[:16, :64] = 255  # top left
    path = film_of(STEADY[:5], [picture] * 5)
    content = bytearray(pathlib.Path(path).read_bytes())
    at = content.index(b"tkhd") + 44
    clockwise = [value << 16 for value in (0, 1, 0, -1, 0, 0, 0, 0)]
    content[at : at + 36] = struct.pack(">9i", *clockwise, 1 << 30)
    pathlib.Path(path).write_bytes(content)
    if box != "mp4":
        copy = str(tmp_path / f"copy.{box}")
        with av.open(path) as film, av.open(copy, "w") as target:
            source = film.streams.video[0]
            track = target.add_stream_from_template(source)
            for packet in film.demux(source):
                if packet.size:
                    packet.stream = track
                    target.mux(packet)
        path = copy
    frames, _ = read_frames(path, [0.05, 0.25], 16)
    bright = frames.mean(-1) > 127
    assert frames.shape == (2, 64, 16, 3)
    assert bright[:, :24, 9:].all() and not bright[:, 40:].any()


@pytest.mark.parametrize("box", ["mp4", "webm"])
def test_a_film_that_changes_its_size(tmp_path, numbers_of, box):
    """The size of the first picture is kept."""
    import av

    path = str(tmp_path / f"film.{box}")
    with av.open(path, "w") as film:
        track = film.add_stream("libvpx-vp9", rate=10)
        track.width, track.height, track.pix_fmt = 128, 32, "yuv420p"
        track.time_base = fractions.Fraction(1, 1000)
        for begin, width, height in ((0, 128, 32), (10, 64, 48)):
            coder = av.CodecContext.create("libvpx-vp9", "w")
            coder.width, coder.height, coder.pix_fmt = width, height, "yuv420p"
            coder.time_base = fractions.Fraction(1, 1000)
            coder.options = VP9[1]
            packets = []
            for number in range(begin, begin + 10):
                picture = np.zeros((height, width, 3), np.uint8)
                for bit in np.flatnonzero([number >> k & 1 for k in range(8)]):
                    picture[:, width * bit // 8 : width * (bit + 1) // 8] = 255
                frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
                frame.pts, frame.time_base = number * 100, coder.time_base
                packets += coder.encode(frame)
            for packet in packets + coder.encode(None):
                packet.stream = track
                film.mux(packet)
    times = MIDDLES[:20]
    for size, shape in ((None, (32, 128)), (16, (16, 64)), ((20, 30),) * 2):
        frames, covered = read_frames(path, times, size)
        assert frames.shape == (20, *shape, 3) and covered.all()
        assert numbers_of(frames) == list(range(20))
    halves, _ = read_frames(path, times, None, lambda picture: picture[:16])
    assert halves.shape == (20, 16, 128, 3)


def test_reducers_must_agree(film_of):
    shapes = iter([(4, 4, 3), (4, 4, 3), (1, 1, 3)])
    path = film_of(STEADY[:5])
    with pytest.raises(MediaError, match=r"\(1, 1, 3\) after \(4, 4, 3\)"):
        read_frames(path, MIDDLES[:3], 8, lambda p: np.zeros(next(shapes)))


def test_real_films(shared_folder):
    paths = sorted((shared_folder / "videos").iterdir())
    assert len(paths) == 11
    times = grid_times()
    for path in paths:
        info = probe_video(path)
        assert info.present and info.start == 0.0, path
        assert 0.9 < info.duration < 14, path
        frames, covered = read_frames(path, times, (32, 32))
        assert frames.shape == (64, 32, 32, 3), path
        expected = (times < info.duration).sum()
        assert abs(covered.sum() - expected) <= 1, path
        assert covered[: covered.sum()].all() and frames.std() > 5, path


@pytest.mark.parametrize("name", ["dog_video_02677", "bento", "10bits"])
def test_real_films_against_all_their_frames(shared_folder, name):
    import av

    (path,) = (shared_folder / "videos").glob(f"*{name}.mp4")
    with av.open(str(path)) as film:
        shown = [(frame.time, frame) for frame in film.decode(video=0)]
    times = grid_times()
    start = 5.2 if shown[-1][0] > 5.5 else 0.0
    frames, covered = read_frames(path, times, (20, 30), start=start)
    for time, picture in zip(
        times[covered] + start, frames[covered], strict=True
    ):
        frame = [f for at, f in shown if at <= time][-1]
        twin = frame.reformat(
            30, 20, format="rgb24", interpolation="BICUBIC"
        ).to_ndarray()
        assert (twin == picture).all()
