"""Films with their frames' numbers burnt into the picture."""

import fractions

import numpy as np
import pytest

BLOCK = 16
BITS = 8


def numbered_picture(number):
    """(32, 128, 3) uint8: the number in eight black or white blocks."""
    picture = np.zeros((2 * BLOCK, BITS * BLOCK, 3), np.uint8)
    for bit in range(BITS):
        if number >> bit & 1:
            picture[:, bit * BLOCK : (bit + 1) * BLOCK] = 255
    return picture


def read_number(picture):
    """The number that a picture shows, at any size."""
    blocks = np.array_split(picture.mean((0, 2)), BITS)
    return sum(1 << bit for bit, b in enumerate(blocks) if b.mean() > 127)


def write_numbered_film(
    path, stamps, codec="libx264", pictures=None, options=None, **container
):
    """Writes a film whose k-th picture is shown at stamps[k] seconds."""
    import av

    if codec == "libx264":
        options = {"preset": "ultrafast", **(options or {})}
    with av.open(str(path), "w", **container) as film:
        track = film.add_stream(codec, rate=25, options=options or {})
        track.codec_context.thread_count = 1
        track.width, track.height = BITS * BLOCK, 2 * BLOCK
        track.pix_fmt = "yuv420p"
        track.time_base = fractions.Fraction(1, 1000)
        track.codec_context.time_base = fractions.Fraction(1, 1000)
        track.codec_context.gop_size = 12
        for number, stamp in enumerate(stamps):
            picture = numbered_picture(number)
            if pictures is not None:
                picture = pictures[number]
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts = round(stamp * 1000)
            frame.time_base = fractions.Fraction(1, 1000)
            film.mux(track.encode(frame))
        film.mux(track.encode())
    return str(path)


@pytest.fixture(scope="session")
def numbered_film():
    """The writer of numbered films."""
    return write_numbered_film


@pytest.fixture(scope="session")
def numbers_of():
    """Numbers shown by (T, H, W, 3) pictures."""
    return lambda frames: [read_number(frame) for frame in frames]
