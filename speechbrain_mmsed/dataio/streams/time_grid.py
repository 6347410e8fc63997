"""Vectors at given times, put onto the times the network looks at.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import numpy as np

METHODS = ("nearest", "linear")


def to_grid(vectors, times, grid, method="nearest", spacing=None):
    """Feature vectors at any times, brought to the times of a grid.

    Arguments
    ---------
    vectors : np.ndarray
        (N, D).
    times, grid : np.ndarray
        (N,) and (T,) seconds: where the vectors stand, ascending, and where
        they are wanted.
    method : str
        "nearest": the vector nearest in time, the earlier of two; "linear":
        interpolated between the two neighbours. Both hold the first and the
        last vector beyond the ends.
    spacing : float or None
        Seconds between vectors; None: the median of what `times` say.

    Returns
    -------
    features : np.ndarray
        (T, D) float32.
    covered : np.ndarray
        (T,) bool: whether a vector stands within one spacing of that time.

    Raises
    ------
    ValueError
        If there are no vectors, the times do not ascend, or a single
        vector comes without `spacing`.

    Example
    -------
    >>> features, covered = to_grid([[5.0], [7.0]], [0, 1], [0.4, 1.6, 3.5])
    >>> features[:, 0].tolist(), covered.tolist()
    ([5.0, 7.0, 7.0], [True, True, False])
    """
    if method not in METHODS:
        raise ValueError(f"method must be one of {METHODS}, not {method!r}")
    vectors = np.asarray(vectors, dtype=np.float32)
    times, grid = np.asarray(times, float), np.asarray(grid, float)
    if vectors.ndim != 2 or not len(vectors):
        raise ValueError(f"no vectors in an array of {vectors.shape}")
    if times.shape != vectors.shape[:1]:
        raise ValueError(f"{len(vectors)} vectors, but times {times.shape}")
    if not np.isfinite(times).all() or (np.diff(times) <= 0).any():
        raise ValueError("times do not ascend")
    if spacing is None:
        if len(times) == 1:
            raise ValueError("a single vector, and nothing says its length")
        spacing = float(np.median(np.diff(times)))
    last = len(times) - 1
    right = np.clip(np.searchsorted(times, grid), min(1, last), last)
    left = np.maximum(right - 1, 0)
    to_left, to_right = np.abs(grid - times[left]), np.abs(times[right] - grid)
    # A small margin: times are often printed with few digits.
    covered = np.minimum(to_left, to_right) <= spacing * (1 + 1e-6)
    if method == "nearest":
        return vectors[np.where(to_left <= to_right, left, right)], covered
    step = np.where(right > left, times[right] - times[left], 1.0)
    share = np.clip((grid - times[left]) / step, 0.0, 1.0)
    share = share.astype(np.float32)[:, None]
    return (1 - share) * vectors[left] + share * vectors[right], covered
