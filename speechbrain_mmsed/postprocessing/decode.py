"""From scores to events: median filter, threshold, runs of frames.

Section 3.1.3. One rule is used everywhere, here and in the counts that
tuning makes: scores and thresholds are compared as float64, so a float32
score of 0.3 (0.30000001...) lies above the threshold 0.3. Median filtering
scores and then comparing equals comparing and then filtering, so the filter
works on booleans, where the median of an odd window is a majority vote.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import numpy as np
import pandas as pd

EVENT_COLUMNS = ["filename", "onset", "offset", "event_label"]


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


def frames_inside(durations, n_frames, frame_hop):
    """Whether a frame starts before its clip ends: (N, T) booleans.

    Example
    -------
    >>> frames_inside(np.array([1.0]), 4, 0.5).tolist()
    [[True, True, False, False]]
    """
    return np.arange(n_frames) * frame_hop < np.asarray(durations)[:, None]


def active_frames(scores, thresholds, windows):
    """Frames (N, T, C) in which classes are active, as `decode` takes them."""
    thresholds = _for_each_class("thresholds", thresholds, scores.labels)
    windows = _for_each_class("windows", windows, scores.labels)
    active = np.empty(scores.frame.shape, dtype=bool)
    for index, (threshold, window) in enumerate(
        zip(thresholds, windows, strict=True)
    ):
        above = scores.frame[:, :, index].astype(np.float64) > threshold
        smooth = MajorityFilter(above[:, :, None], int(window))
        active[:, :, index] = smooth.median(int(window))[:, :, 0]
    n_frames = scores.frame.shape[1]
    inside = frames_inside(scores.durations, n_frames, scores.frame_hop)
    return active & inside[:, :, None]


def decode(scores, thresholds, windows):
    """Events of every clip: filename, onset, offset (seconds), event_label.

    A run of active frames first..last becomes the event
    [first * frame_hop, min((last + 1) * frame_hop, duration)]; a frame is
    active where p > threshold (C,), after a median filter of odd windows
    (C,). Ordered by clip, class and onset; clips without events have no row.

    Example
    -------
    >>> from speechbrain_mmsed.postprocessing.scores import ClipScores
    >>> frame = np.zeros((1, 64, 1))
    >>> frame[0, 4:8] = 0.9
    >>> scores = ClipScores(
    ...     ["a.wav"], [10.0], ["Dog"], [[0.9]], frame, [True], 0.1565
    ... )
    >>> decode(scores, [0.5], [1]).values.tolist()
    [['a.wav', 0.626, 1.252, 'Dog']]
    """
    active = active_frames(scores, thresholds, windows)
    padded = np.pad(active, ((0, 0), (1, 1), (0, 0))).transpose(0, 2, 1)
    clips, classes, first = np.nonzero(padded[..., 1:] > padded[..., :-1])
    past = np.nonzero(padded[..., 1:] < padded[..., :-1])[2]
    ends = np.minimum(past * scores.frame_hop, scores.durations[clips])
    return pd.DataFrame(
        {
            "filename": np.array(scores.filenames, dtype=object)[clips],
            "onset": first * scores.frame_hop,
            "offset": ends,
            "event_label": np.array(scores.labels, dtype=object)[classes],
        },
        columns=EVENT_COLUMNS,
    )


def decode_tags(scores, thresholds):
    """Labels of every clip (filename, event_label), by (C,) thresholds."""
    thresholds = _for_each_class("thresholds", thresholds, scores.labels)
    clips, classes = np.nonzero(scores.clip.astype(np.float64) > thresholds)
    return pd.DataFrame(
        {
            "filename": np.array(scores.filenames, dtype=object)[clips],
            "event_label": np.array(scores.labels, dtype=object)[classes],
        }
    )


def _for_each_class(name, values, labels):
    """The values as an array, checked to be one for each class."""
    values = np.asarray(values)
    if values.shape != (len(labels),):
        raise ValueError(
            f"{name} have shape {values.shape}, expected ({len(labels)},), "
            "one for each class"
        )
    return values.astype(np.float64) if name == "thresholds" else values
