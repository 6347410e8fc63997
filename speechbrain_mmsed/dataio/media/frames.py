"""Pictures out of media files, by presentation time, through PyAV.

Films start late, have a variable frame rate, carry cover art, are rotated or
cut off, and each of these silently shifts a reader that counts frames. Hence:

- a time t shows the last frame whose presentation time is at or before t;
- the last frame is held for its own duration and no longer, and no frame
  for more than about a second of packets that cannot be decoded;
- time zero is the file's zero, so a film that starts late stays late (only
  formats with an arbitrary clock, such as MPEG-TS, are counted from their
  first time stamp);
- what cannot be decoded is passed over: a damaged film yields the rest.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import dataclasses

import numpy as np

from speechbrain_mmsed.dataio.media.film import LIMIT, Film, MediaError

# Beyond this ratio of the sides a picture is squeezed, because a film of a
# few pixels' height would otherwise be enlarged to gigabytes.
MAX_ASPECT = 4.0


@dataclasses.dataclass(frozen=True)
class VideoInfo:
    """What a film holds, measured from its packets."""

    status: str  # "present", or why not: "absent", "unreadable: ..."
    duration: float = 0.0  # seconds, first picture to the end of the last one
    start: float = 0.0  # seconds from the file's zero to the first picture
    width: int = 0  # pixels, of the coded pictures
    height: int = 0

    @property
    def present(self):
        """Whether pictures can be had."""
        return self.status == "present"


def grid_times(n_frames=64, clip_seconds=10.0):
    """Times at which a clip is looked at: the middles of its frames.

    Arguments
    ---------
    n_frames : int
        Number of frames T of a clip.
    clip_seconds : float
        Length of the clip.

    Returns
    -------
    np.ndarray
        (T,) seconds.

    Example
    -------
    >>> grid_times(4, 10.0).tolist()
    [1.25, 3.75, 6.25, 8.75]
    """
    return (np.arange(n_frames) + 0.5) * clip_seconds / n_frames


def probe_video(path, start=0.0, seconds=None):
    """Says whether a film yields pictures and how long they last.

    The packets of the picture track are counted, since the header of a film
    that was cut off still announces its old length, but only the first
    picture is decoded: damage further on shows when the film is read.

    Arguments
    ---------
    path : str
        The file.
    start : float
        Seconds from the file's zero to the part that is asked about, from
        which the times of the answer count.
    seconds : float or None
        Length of this part; None: all of the film.

    Returns
    -------
    VideoInfo
        Its `status` is "present" or the reason why there is nothing.
    """
    try:
        with Film(path) as film:
            return _probe(film, start, np.inf if seconds is None else seconds)
    except MediaError as error:
        return VideoInfo(error.reason)


def _probe(film, start, seconds):
    """What the packets of an open film say of a part of it."""
    first, begin, end = None, np.inf, -np.inf
    for packet in film.packets_from(start):
        if first is None:
            first = next(film.decode(packet), None)
        if packet.pts is not None:
            at = film.seconds(packet.pts) - start
            begin = min(begin, at)
            end = max(end, at + film.lasts(packet))
        # Packets come in the order of decoding, in which none is shown
        # before it is decoded.
        decoded = packet.pts if packet.dts is None else packet.dts
        late = decoded is not None and film.seconds(decoded) > start + seconds
        if late and first is not None:
            break
    if first is None:
        first = next(film.decode(None), None)
    if first is None:
        raise MediaError(film.path, f"unreadable: no picture decodes ({LIMIT})")
    if begin > end:
        begin, end = 0.0, film.frame_seconds
    begin = max(begin, 0.0)
    duration = max(min(end, seconds) - begin, 0.0)
    return VideoInfo("present", duration, begin, first.width, first.height)


def read_frames(path, times, size=None, reducer=None, start=0.0):
    """Pictures shown at given times.

    Only these are converted, and they are resized while being converted, so
    that memory depends on the wanted size and not on the film's.

    Arguments
    ---------
    path : str
        The film.
    times : array_like
        (T,) seconds from the clip's beginning, in any order.
    size : tuple or int or None
        (H, W): resized to exactly this; an integer: the shorter side gets
        this length and the aspect ratio is kept, that of the shown picture
        where pixels are not square; None: as coded.
    reducer : callable or None
        What to keep of each picture, (H, W, 3) uint8 -> (h, w, 3).
    start : float
        Seconds from the file's zero to the clip's beginning.

    Returns
    -------
    frames : np.ndarray
        (T, H, W, 3) uint8, RGB, upright, or what the reducer makes of it.
        Rows past the film's end repeat the last covered picture, rows
        before its start the first one.
    covered : np.ndarray
        (T,) bool: whether the film shows a picture at that time.

    Raises
    ------
    MediaError
        If no picture is shown at any of the times; with a reason.
    """
    frames, covered = read_frames_at_sizes(
        path, times, [size], [reducer], start
    )
    return frames[0], covered


def read_frames_at_sizes(path, times, sizes, reducers=None, start=0.0):
    """As `read_frames`, at several sizes in one decoding pass.

    Arguments
    ---------
    path, times, start
        As for `read_frames`.
    sizes, reducers : list
        Sizes as `read_frames` takes them, and a reducer or None for each.

    Returns
    -------
    frames : list of np.ndarray
        For each size as `read_frames` returns them.
    covered : np.ndarray
        (T,) bool.
    """
    times = np.asarray(times, dtype=float) + start
    order = np.argsort(times, kind="stable")
    covered = np.zeros(len(times), dtype=bool)
    frames = [None] * len(sizes)
    reducers = reducers or [None] * len(sizes)
    # A film may change its size; then the first picture's is kept.
    exact = list(sizes)
    with Film(path) as film:
        for frame, shown in film.shown(times[order]):
            rows, wide = order[shown], film.pixel_width
            try:
                pictures = [to_rgb(frame, size, wide) for size in exact]
            except film.errors:  # a picture that cannot be converted
                continue
            for i, picture in enumerate(pictures):
                exact[i] = picture.shape[:2]
                if reducers[i] is not None:
                    picture = reducers[i](picture)
                if frames[i] is None:
                    shape = (len(times), *picture.shape)
                    frames[i] = np.empty(shape, picture.dtype)
                before = frames[i].shape[1:]
                if picture.shape != before:
                    reason = f"reduced to {picture.shape} after {before}"
                    raise MediaError(path, f"unreadable: {reason}")
                frames[i][rows] = picture
            covered[rows] = True
    if not covered.any():
        raise MediaError(
            path, f"unreadable: no picture at the wanted times ({LIMIT})"
        )
    # For each row the last covered row up to it, else the first.
    there = np.flatnonzero(covered[order])
    missing = np.flatnonzero(~covered[order])
    source = there[np.maximum(np.searchsorted(there, missing) - 1, 0)]
    for array in frames:
        array[order[missing]] = array[order[source]]
    return frames, covered


def to_rgb(frame, size, pixel_width=1.0):
    """A decoded frame as an upright (H, W, 3) uint8 picture of a size."""
    turns = int(round(frame.rotation / 90.0)) % 4
    if isinstance(size, int):
        shown = frame.width * pixel_width
        short, long = sorted((shown, frame.height))
        long = round(size * min(long / short, MAX_ASPECT))
        wide = shown >= frame.height
        width, height = (long, size) if wide else (size, long)
    elif size is None:
        width, height = frame.width, frame.height
    else:
        height, width = size[::-1] if turns % 2 else size
    picture = frame.reformat(
        width=width, height=height, format="rgb24", interpolation="BICUBIC"
    ).to_ndarray()
    return np.rot90(picture, turns)


def resized(picture, size):
    """A picture in memory, resized as a decoded frame is."""
    import av

    return to_rgb(av.VideoFrame.from_ndarray(picture, format="rgb24"), size)
