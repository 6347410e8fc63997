"""Median filters of booleans for many windows at once, as tuning needs them.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import numpy as np


def reflected_frames(n_frames, margin):
    """Indices that extend T frames by `margin` as scipy's mode `reflect`.

    Example
    -------
    >>> reflected_frames(3, 2).tolist()
    [1, 0, 0, 1, 2, 2, 1]
    """
    index = np.arange(-margin, n_frames + margin) % (2 * n_frames)
    return np.where(index < n_frames, index, 2 * n_frames - 1 - index)


class MajorityFilter:
    """Median filters of booleans for many windows, from one running sum.

    Arguments
    ---------
    roll : numpy.ndarray
        (..., T, M) booleans; frames are the last axis but one.
    largest_window : int
        The largest window that will be asked for.

    Example
    -------
    >>> roll = np.array([[0, 1, 0, 1, 1, 0, 1, 1]], dtype=bool).T
    >>> MajorityFilter(roll, 3).median(3)[:, 0].astype(int).tolist()
    [0, 0, 1, 1, 1, 1, 1, 1]
    """

    def __init__(self, roll, largest_window):
        self.n_frames = roll.shape[-2]
        self.margin = largest_window // 2
        # Differences of at most `largest_window` survive an overflow of
        # the running sum, so the smallest type that holds a window will do.
        dtype = np.min_scalar_type(largest_window + 1)
        frames = reflected_frames(self.n_frames, self.margin)
        shape = list(roll.shape)
        shape[-2] = len(frames) + 1
        self.sums = np.zeros(shape, dtype=dtype)
        np.cumsum(
            roll[..., frames, :],
            axis=-2,
            dtype=dtype,
            out=self.sums[..., 1:, :],
        )

    def median(self, window):
        """The median over an odd `window` of frames, centred on each frame."""
        if window % 2 != 1 or not 1 <= window <= 2 * self.margin + 1:
            raise ValueError(
                f"median window {window}: expected an odd number of frames "
                f"from 1 to {2 * self.margin + 1}"
            )
        first = self.margin - window // 2
        last = first + window
        inside = (
            self.sums[..., last : last + self.n_frames, :]
            - self.sums[..., first : first + self.n_frames, :]
        )
        return inside > window // 2
