"""Films of which a part of the packets was overwritten."""

import pathlib

import numpy as np
import pytest

from speechbrain_mmsed.dataio.media.frames import (
    MediaError,
    probe_video,
    read_frames,
)

STEADY = np.arange(80) * 0.1  # 8 s at ten pictures a second
MIDDLES = STEADY + 0.05
NUMBERS = list(range(80))
VP9 = ("libvpx-vp9", {"deadline": "realtime", "cpu-used": "8"})
AV1 = ("libsvtav1", {"preset": "12"})
KINDS = [
    ("a.mp4", "libx264", {"bf": "2", "preset": "veryfast"}),
    ("a.mkv", "libx264", {"bf": "2", "preset": "veryfast"}),
    ("a.mp4", *VP9),
    ("a.webm", *VP9),
    ("a.mp4", *AV1),
    ("a.mkv", *AV1),
]


def overwrite(path, begin, end, filling=0):
    """Fills the packets shown from begin to end (s) with one byte."""
    import av

    with av.open(str(path)) as film:
        track = film.streams.video[0]
        packets = [
            (float(packet.pts * track.time_base), bytes(packet))
            for packet in film.demux(track)
            if packet.size
        ]
    data = bytearray(pathlib.Path(path).read_bytes())
    at, count = 0, 0
    for seconds, content in packets:
        at = data.index(content, at)
        after = at + len(content)
        if begin <= seconds < end:
            data[at:after] = bytes([filling]) * len(content)
            count += 1
        at = after
    pathlib.Path(path).write_bytes(data)
    return count


@pytest.fixture(params=KINDS, ids=lambda kind: f"{kind[1]}-{kind[0]}")
def film_of(request, tmp_path, numbered_film):
    """Writes a film with given stamps in one of several formats."""
    import av

    name, codec, options = request.param
    try:
        av.codec.Codec(codec, "w")
    except ValueError:
        pytest.skip(f"no encoder {codec}")
    path = tmp_path / name
    return lambda stamps: numbered_film(path, stamps, codec, options=options)


@pytest.mark.parametrize("filling", [0, 255])
def test_no_picture_is_held_over_seconds_of_damage(
    film_of, numbers_of, filling
):
    path = film_of(STEADY)
    assert overwrite(path, 2.35, 4.75, filling) == 24
    frames, covered = read_frames(path, MIDDLES)
    assert covered[:23].all() and not covered[25:47].any()
    assert numbers_of(frames)[:23] == NUMBERS[:23]
    # Sound again from a key frame on; they are 1.2 s apart.
    assert covered[60:79].all()
    assert numbers_of(frames)[60:79] == NUMBERS[60:79]
    # Preparation counts packets, whatever is in them.
    assert probe_video(path).duration == pytest.approx(8.0, abs=0.1)


def test_a_picture_is_held_over_half_a_second(film_of, numbers_of):
    path = film_of(STEADY)
    assert overwrite(path, 3.15, 3.55) == 4
    frames, covered = read_frames(path, MIDDLES)
    assert covered[:79].all()
    numbers = numbers_of(frames)
    # What is built from a lost picture is wrong, up to the next key frame.
    assert numbers[:29] == NUMBERS[:29] and numbers[48:79] == NUMBERS[48:79]


def test_long_pictures_are_shown_up_to_the_damage(film_of, numbers_of):
    """A slide of three seconds, then bad packets, then good ones."""
    stamps = [0.0, 3.0, *(6.0 + STEADY[:30]), *(9.0 + STEADY[:30])]
    path = film_of(stamps)
    assert overwrite(path, 5.95, 8.85) == 29
    times = np.arange(0.05, 11, 0.1)
    frames, covered = read_frames(path, times)
    assert covered[:59].all()
    assert numbers_of(frames)[:59] == [0] * 30 + [1] * 29
    assert not covered[61:88].any()
    assert covered[102:].all()


def test_a_transport_stream_has_no_long_pictures(
    tmp_path, numbered_film, numbers_of
):
    """Lost transport packets leave no trace but the gap in time."""
    path = numbered_film(tmp_path / "a.ts", STEADY, options={"bf": "0"})
    content = pathlib.Path(path).read_bytes()
    packets = [content[i : i + 188] for i in range(0, len(content), 188)]
    third = len(packets) // 3
    del packets[third : 2 * third]
    pathlib.Path(path).write_bytes(b"".join(packets))
    frames, covered = read_frames(path, MIDDLES)
    lost = np.flatnonzero(~covered)
    assert 5 < len(lost) < 30 and (np.diff(lost) == 1).all()
    assert numbers_of(frames)[: lost[0] - 12] == NUMBERS[: lost[0] - 12]
    assert numbers_of(frames)[-8:-1] == NUMBERS[-8:-1]


def test_any_damage_ends_in_a_reason(film_of):
    """Random bytes anywhere: pictures, or an error of this package."""
    path = pathlib.Path(film_of(STEADY[:40]))
    content = path.read_bytes()
    rng = np.random.default_rng(len(content))
    outcomes = set()
    for _ in range(12):
        damaged = np.frombuffer(content, np.uint8).copy()
        head = rng.random() < 0.5
        places = rng.integers(0, 1000 if head else len(damaged), 12)
        damaged[places] = rng.integers(0, 256, 12)
        path.write_bytes(damaged.tobytes())
        assert isinstance(probe_video(path).status, str)
        for start in (0.0, 5.5):
            try:
                frames, _ = read_frames(path, MIDDLES[:10], 8, start=start)
                outcomes.add(frames.shape[0])
            except MediaError as error:
                outcomes.add(error.reason.split(":")[0])
    assert outcomes == {10, "unreadable"}
