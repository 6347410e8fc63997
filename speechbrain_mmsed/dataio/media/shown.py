"""Which frame of a film is shown at a given time.

Presentation times are the only sound base for choosing pictures: a frame is
shown from its own time to that of the next one, whatever their numbers are.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import numpy as np

from speechbrain_mmsed.dataio.media.film import DENSE_FORMATS

# Over a damaged passage a picture is not held longer than this, in seconds.
# Without damage it may: slides have one picture for minutes.
MAX_HOLD = 1.0


def shown_frames(film, times):
    """Yields each frame that is shown at one of the times.

    Arguments
    ---------
    film : Film
        Open, nothing read yet.
    times : np.ndarray
        (T,) seconds from the file's zero, ascending.

    Yields
    ------
    frame : av.VideoFrame
        The frame, not converted.
    rows : np.ndarray
        Indices into `times` at which it is shown.
    """
    if not len(times):
        return
    held, held_at = None, -np.inf
    for frame in film.frames(times[0]):
        if frame.pts is None:
            continue
        at = film.seconds(frame.pts)
        if held is not None and at > held_at:
            rows = _rows(times, held_at, _held_until(film, held_at, at))
            if len(rows):
                yield held, rows
        if at >= held_at:
            held, held_at = frame, at
        if held_at > times[-1]:
            return
    if held is not None:
        lasts = (held.duration or 0) * film.time_base
        rows = _rows(times, held_at, held_at + (lasts or film.frame_seconds))
        if len(rows):
            yield held, rows


def _rows(times, begin, end):
    """Indices of the times from begin on and before end."""
    return np.arange(*np.searchsorted(times, [begin, end], side="left"))


def _held_until(film, begin, end):
    """Until when a frame is shown that is followed by another.

    Bad packets make decoders fail, or (AV1) just yield nothing. A long time
    without any packet is a long picture, even if a damaged file lost some
    there: Matroska, which skips to the next good cluster, does not let the
    two be told apart.
    """
    lost = [at for at in film.pending if begin < at < end]
    failed = [at for at in film.failed if begin < at < end]
    film.pending = [at for at in film.pending if at >= end]
    film.failed = [at for at in film.failed if at >= end]
    if end - begin <= MAX_HOLD:
        return end
    if film.container.format.name in DENSE_FORMATS:
        return begin + MAX_HOLD
    # A single packet without a picture is no fault: VP8 has some that are
    # not to be shown.
    if len(lost) > 1 or failed:
        first = min(lost + failed)
        return end if end - first <= MAX_HOLD else first
    return end
