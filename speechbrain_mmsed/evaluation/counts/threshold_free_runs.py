"""Every run of frames that any threshold makes, each found once.

A detection at a threshold is a run of frames whose scores lie above it. Over
all thresholds most of them repeat: a run appears where the threshold falls
below the smallest of its scores and goes where it falls below the larger of
its two neighbours, with which it then merges. So T frames have at most T
different runs, whatever the number of thresholds (the components of a
max-tree), instead of T thresholds times the runs of each.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import numpy as np

from speechbrain_mmsed.postprocessing.decode import (
    frames_inside,
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
    n_frames = frame.shape[1]
    for c, window in enumerate(np.asarray(windows).tolist()):
        if window % 2 != 1 or window < 1:
            raise ValueError(
                f"median window {window}: expected an odd number of frames"
            )
        if window == 1:
            continue
        index = reflected_frames(n_frames, window // 2)
        around = np.lib.stride_tricks.sliding_window_view(
            filtered[:, index, c], window, axis=1
        )
        filtered[:, :, c] = np.partition(around, window // 2, axis=-1)[
            ..., window // 2
        ]
    return filtered


def audible_scores(scores, windows):
    """Filtered scores, minus infinity in frames that begin past the end.

    Arguments
    ---------
    scores : ClipScores
        Scores of N clips, T frames and C classes.
    windows : numpy.ndarray
        (C,) odd windows in frames.

    Returns
    -------
    numpy.ndarray
        (N, T, C) float64.
    """
    filtered = median_scores(scores.frame, windows)
    inside = frames_inside(
        scores.durations, scores.frame.shape[1], scores.frame_hop
    )
    filtered[~inside] = -np.inf
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
    walled = np.full((n_rows, n_frames + 2), -np.inf)
    walled[:, 1:-1] = values
    before = _nearest_below(values, or_equal=True)
    past = n_frames - 1 - _nearest_below(values[:, ::-1], False)[:, ::-1]
    # A run belongs to the first of its frames with the smallest score.
    rows = np.arange(n_rows)[:, None]
    mine = (walled[rows, before + 1] < values) & (values > -np.inf)
    row, frame = np.nonzero(mine)
    first, past = before[row, frame] + 1, past[row, frame]
    death = np.maximum(walled[row, first], walled[row, past + 1])
    return row, first, past, values[row, frame], death


def _nearest_below(values, or_equal):
    """(R, T) nearest earlier frame with a smaller score, -1 where none."""
    n_rows, n_frames = values.shape
    nearest = np.full((n_rows, n_frames), -1)
    for frame in range(1, n_frames):
        rows, at = np.arange(n_rows), np.full(n_rows, frame - 1)
        while len(rows):
            here = values[rows, at]
            mine = values[rows, frame]
            found = here <= mine if or_equal else here < mine
            nearest[rows[found], frame] = at[found]
            # Everything between a frame and its nearest is larger than it.
            rows = rows[~found]
            at = nearest[rows, at[~found]]
            rows, at = rows[at >= 0], at[at >= 0]
    return nearest
