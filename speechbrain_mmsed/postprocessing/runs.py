"""Runs of frames at all thresholds: where each appears, and where it goes.

Filtered here are the scores, where `decode` filters what a threshold leaves.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import numpy as np
from scipy.ndimage import median_filter

from speechbrain_mmsed.postprocessing.majority import reflected_frames


def median_scores(frame, windows):
    """Median-filtered scores (N, T, C), at the edges as `decode` filters."""
    filtered, n_frames = frame.astype(np.float64), frame.shape[1]
    for window in np.unique(windows).tolist():
        if window % 2 != 1 or window < 1:
            raise ValueError(
                f"median window {window}: expected an odd number of frames"
            )
        mine = np.flatnonzero(np.asarray(windows) == window)
        index = reflected_frames(n_frames, window // 2)
        rows = filtered[:, index][:, :, mine].swapaxes(1, 2)
        # scipy is fast on one long row; the margins keep rows apart.
        smooth = median_filter(rows.ravel(), window).reshape(rows.shape)
        smooth = smooth[..., window // 2 : window // 2 + n_frames]
        filtered[:, :, mine] = smooth.swapaxes(1, 2)
    return filtered


def distinct_runs(values):
    """Row, first frame, frame past the end, birth and death of all runs.

    Scores (R, T) of minus infinity are never active. A run exists at the
    thresholds t with death <= t < birth.
    """
    width = values.shape[1] + 1
    # All rows in one line, a silent frame before each and after the last.
    line = np.full(len(values) * width + 1, -np.inf)
    line[:-1].reshape(-1, width)[:, 1:] = values
    # Equal neighbours are one stretch.
    start = np.append(0, np.flatnonzero(line[1:] != line[:-1]) + 1)
    level = line[start]
    active = np.flatnonzero(level > -np.inf)
    before = _nearest(level, active, -1, np.greater)
    past = _nearest(level, active, 1, np.greater_equal)
    # A run belongs to the first of its stretches with the smallest score.
    mine = level[before] < level[active]
    before, past, birth = before[mine], past[mine], level[active[mine]]
    row, first = np.divmod(start[before + 1], width)
    death = np.maximum(level[before], level[past])
    return row, first - 1, start[past] - row * width - 1, birth, death


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
