"""Synthetic pictures and films, to go with the sounds of `synthetic.py`.

Each kind has its own colours, texture and shape, so that a network trained on
photographs tells them apart; a film shows the kinds that are active.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import numpy as np
from synthetic import SAMPLE_RATE, check_kind

from speechbrain_mmsed.files import atomic_path

FPS = 8
_TEXTURES = (
    lambda x, y: np.sin(25 * x) > 0,  # vertical stripes
    lambda x, y: np.sin(25 * y) > 0,
    lambda x, y: np.sin(18 * (x + y)) > 0,
    lambda x, y: np.sin(22 * x) * np.sin(22 * y) > 0,  # checkerboard
    lambda x, y: np.cos(30 * np.hypot(x, y)) > 0,  # rings
    lambda x, y: np.cos(20 * x) + np.cos(20 * y) > 0.9,  # dots
    lambda x, y: np.sin(8 * np.arctan2(y, x)) > 0,  # rays
    lambda x, y: np.sin(20 * y + 4 * np.sin(6 * x)) > 0,  # waves
    lambda x, y: (x > 0) ^ (y > 0),  # quarters
    lambda x, y: y > x,
)
_SHAPES = (
    lambda x, y: np.hypot(x, y) < 0.5,  # disc
    lambda x, y: np.maximum(abs(x), abs(y)) < 0.45,  # square
    lambda x, y: (y < 0.45) & (y > 2 * abs(x) - 0.5),  # triangle
    lambda x, y: np.minimum(abs(x), abs(y)) < 0.15,  # cross
    lambda x, y: abs(x) + abs(y) < 0.6,  # diamond
    lambda x, y: abs(np.hypot(x, y) - 0.5) < 0.13,  # ring
    lambda x, y: abs(y) < 0.2,  # bar
    lambda x, y: np.hypot(x * 0.5, y) < 0.35,  # ellipse
    lambda x, y: np.hypot(abs(x) - 0.45, y) < 0.3,  # two discs
    lambda x, y: abs(x) < 0.15,
)
_COLOURS = (  # dark and light texture, shape
    ((150, 0, 0), (240, 60, 40), (255, 255, 255)),
    ((0, 60, 0), (60, 200, 60), (0, 0, 0)),
    ((20, 20, 120), (80, 120, 255), (255, 220, 0)),
    ((160, 120, 0), (255, 230, 60), (30, 30, 200)),
    ((70, 0, 90), (190, 70, 220), (120, 255, 120)),
    ((0, 90, 100), (60, 230, 230), (200, 0, 0)),
    ((150, 60, 0), (255, 150, 40), (60, 20, 0)),
    ((160, 190, 220), (235, 245, 255), (0, 80, 160)),
    ((120, 60, 70), (255, 180, 190), (40, 120, 40)),
    ((60, 40, 20), (150, 110, 60), (255, 0, 255)),
)


def make_picture(kind, size=96, rng=None):
    """A picture of one kind (0 to 9), (size, size, 3) uint8.

    Kind None is the idle picture, a dark grey gradient. A generator `rng`
    varies position, scale and brightness a little.

    Example
    -------
    >>> make_picture(0, size=32).shape
    (32, 32, 3)
    """
    right, down, scale, brightness = 0.0, 0.0, 1.0, 1.0
    if rng is not None:
        right, down = rng.uniform(-0.15, 0.15, 2)
        scale, brightness = rng.uniform(0.9, 1.1), rng.uniform(0.85, 1.0)
    axis = np.linspace(-1, 1, size)
    x = scale * (axis[None, :] - right)
    y = scale * (axis[:, None] - down)
    if kind is None:
        grey = (60 + 30 * y + 0 * x)[..., None]
        picture = np.broadcast_to(grey, (size, size, 3))
    else:
        check_kind(kind)
        colours = np.asarray(_COLOURS[kind], float)
        light = np.broadcast_to(_TEXTURES[kind](x, y), (size, size))
        picture = colours[light.astype(int)]
        picture[np.broadcast_to(_SHAPES[kind](x, y), (size, size))] = colours[2]
    return np.clip(np.round(brightness * picture), 0, 255).astype(np.uint8)


def tile_pictures(pictures):
    """One to four pictures in one: in two rows of two, if there are several."""
    if len(pictures) == 1:
        return pictures[0]
    if not 2 <= len(pictures) <= 4:
        raise ValueError(f"1 to 4 pictures fit a frame, not {len(pictures)}.")
    halves = [picture[::2, ::2] for picture in pictures]
    order = {2: (0, 1, 1, 0), 3: (0, 1, 2, 0), 4: (0, 1, 2, 3)}[len(pictures)]
    top = np.concatenate([halves[i] for i in order[:2]], axis=1)
    bottom = np.concatenate([halves[i] for i in order[2:]], axis=1)
    return np.concatenate([top, bottom])


def film_frames(events, seconds, rng):
    """Frames of a film that shows what is active and is idle otherwise.

    `events` are (onset, offset, kind) in seconds; `rng` draws each kind's
    look, one for the whole film. Gives a list of (size, size, 3) uint8;
    unchanged frames are one object, the last may reach beyond the film.

    Example
    -------
    >>> len(film_frames([(0.5, 1.5, 3)], 2.0, np.random.default_rng(0)))
    16
    """
    kinds = sorted({kind for _, _, kind in events})
    looks = {kind: make_picture(kind, rng=rng) for kind in [None, *kinds]}
    shown, frames = {}, []
    for index in range(int(np.ceil(seconds * FPS - 1e-9))):
        now = index / FPS
        active = tuple(sorted({e[2] for e in events if e[0] <= now < e[1]}))
        if active not in shown:
            shown[active] = tile_pictures(
                [looks[kind] for kind in active or (None,)]
            )
        frames.append(shown[active])
    return frames


def write_film(path, frames, sound=None):
    """Writes (H, W, 3) uint8 frames, and int16 sound, as an H.264 film.

    Frames are coded without loss of the 4:2:0 picture: an unchanged picture
    then decodes to the same bytes, so that a network that embeds each
    distinct frame once has little to do.
    """
    import av

    height, width = frames[0].shape[:2]
    with atomic_path(path) as partial, av.open(partial, "w") as container:
        options = {"qp": "0", "preset": "ultrafast"}
        video = container.add_stream("libx264", rate=FPS, options=options)
        video.width, video.height = width, height
        video.pix_fmt = "yuv420p"
        video.thread_count = 1
        track = None
        if sound is not None:
            track = container.add_stream("aac", rate=SAMPLE_RATE)
            track.layout = "mono"
        previous = converted = None
        for index, frame in enumerate(frames):
            if frame is not previous:
                converted = av.VideoFrame.from_ndarray(
                    frame, format="rgb24"
                ).reformat(format="yuv420p")
                previous = frame
            converted.pts = index
            container.mux(video.encode(converted))
        container.mux(video.encode())
        if track is not None:
            packed = av.AudioFrame.from_ndarray(sound[None], "s16", "mono")
            packed.sample_rate = SAMPLE_RATE
            container.mux(track.encode(packed))
            container.mux(track.encode())
