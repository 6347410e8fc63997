"""Every run of frames that any threshold makes, each found once.

See `psds_changes.py`.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import numpy as np
from scipy.ndimage import median_filter

from speechbrain_mmsed.postprocessing.decode import (
    reflected_frames,
)


def median_scores(frame, windows):
    """Median-filtered scores.

    Thresholding them equals thresholding first and filtering booleans, as
    `decode` does, at the edges as well.

    Arguments
    ---------
    frame : numpy.ndarray
        (N, T, C) scores.
    windows : numpy.ndarray
        (C,) odd windows in frames.

    Returns
    -------
    numpy.ndarray
        (N, T, C) float64 scores.

    Example
    -------
    >>> frame = np.array([0.1, 0.9, 0.2, 0.8]).reshape(1, 4, 1)
    >>> median_scores(frame, [3])[0, :, 0].tolist()
    [0.1, 0.2, 0.8, 0.8]
    """
    filtered = frame.astype(np.float64)
    windows = np.asarray(windows)
    for window in np.unique(windows).tolist():
        if window % 2 != 1 or window < 1:
            raise ValueError(
                f"median window {window}: expected an odd number of frames"
            )
        if window == 1 or not len(frame):
            continue
        mine = np.flatnonzero(windows == window)
        index = reflected_frames(frame.shape[1], window // 2)
        rows = filtered[:, index][:, :, mine].swapaxes(1, 2)
        # One long row is what scipy filters fast; margins keep rows apart.
        smooth = median_filter(rows.ravel(), window).reshape(rows.shape)
        smooth = smooth[:, :, window // 2 :][:, :, : frame.shape[1]]
        filtered[:, :, mine] = smooth.swapaxes(1, 2)
    return filtered


def distinct_runs(values):
    """All runs of frames of all thresholds.

    Arguments
    ---------
    values : numpy.ndarray
        (R, T) scores of R rows; minus infinity is never active.

    Returns
    -------
    tuple of numpy.ndarray
        Row, first frame, frame past the end (integers), birth and death of E
        runs, each (E,), ordered by row. A run exists at the thresholds t
        with death <= t < birth; death is minus infinity for a run that no
        threshold merges with another.

    Example
    -------
    >>> row, first, past, birth, death = distinct_runs(
    ...     np.array([[0.4, 1.0, 0.6, 0.6, 1.0, 1.0, 0.4]])
    ... )
    >>> list(zip(first.tolist(), past.tolist(), birth.tolist()))
    [(0, 7, 0.4), (1, 2, 1.0), (1, 6, 0.6), (4, 6, 1.0)]
    >>> death.tolist()
    [-inf, 0.6, 0.4, 0.6]
    """
    n_rows, n_frames = values.shape
    width = n_frames + 1
    # All rows in one line, a silent frame before each and after the last.
    line = np.full(n_rows * width + 1, -np.inf)
    line[:-1].reshape(n_rows, width)[:, 1:] = values
    # Equal neighbours are one stretch.
    start = np.append(0, np.flatnonzero(line[1:] != line[:-1]) + 1)
    level = line[start]
    active = np.flatnonzero(level > -np.inf)
    before = _nearest(level, active, -1, np.greater)
    past = _nearest(level, active, 1, np.greater_equal)
    # A run belongs to the first of its stretches with the smallest score.
    mine = level[before] < level[active]
    before, past, active = before[mine], past[mine], active[mine]
    row, first = np.divmod(start[before + 1], width)
    return (
        row,
        first - 1,
        start[past] - row * width - 1,
        level[active],
        np.maximum(level[before], level[past]),
    )


def _nearest(level, active, step, passes):
    """Nearest stretch on one side whose level does not pass one's own."""
    nearest = np.arange(len(level)) + step
    todo = active
    while True:
        todo = todo[passes(level[nearest[todo]], level[todo])]
        if not len(todo):
            return nearest[active]
        # What lies between passes too, so its own nearest is as good.
        nearest[todo] = nearest[nearest[todo]]
