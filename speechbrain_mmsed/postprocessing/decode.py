"""From scores to events: median filter, threshold, runs of frames.

Section 3.1.3. One rule is used everywhere, here and in the counts that tuning
makes: scores and thresholds are compared as float64, so a float32 score of 0.3
(0.30000001...) lies above the threshold 0.3. Filtering scores and then
comparing equals comparing and then filtering, so the median filter works on
booleans, where it is a majority vote: more than half of a running mean.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import numpy as np
import pandas as pd
from scipy.ndimage import uniform_filter1d

EVENT_COLUMNS = ["filename", "onset", "offset", "event_label"]


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
        zip(thresholds, windows.astype(int).tolist(), strict=True)
    ):
        if window % 2 != 1 or window < 1:
            raise ValueError(
                f"median window {window}: expected an odd number of frames"
            )
        above = scores.frame[:, :, index].astype(np.float64) > threshold
        share = uniform_filter1d(above.astype(float), window, 1)
        active[:, :, index] = share > 0.5
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
