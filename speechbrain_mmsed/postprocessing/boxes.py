"""Sound event bounding boxes: one confidence for each event.

A threshold on frames moves the ends of events and tears them apart; a
threshold on boxes only decides which of them are there. Boxes follow from the
scores' changes, as in Ebbers et al., "Sound Event Bounding Boxes" (Interspeech
2024, arXiv 2406.04212), section 3; details that the paper leaves open are
decided here.

Two boxes of a clip and class never touch. So boxes are again ClipScores, in
which each frame has the confidence of its box, or 0: the events that `decode`
makes of these, without a filter, are the boxes above a threshold.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import dataclasses

import numpy as np
import pandas as pd

from speechbrain_mmsed.postprocessing.decode import decode, frames_inside

# Differences that are equal but for rounding shall be equal.
DECIMALS = 9


def box_scores(scores, lengths, absolute, relative):
    """ClipScores in which each frame has the confidence of its box, or 0.

    Between the mean scores right and left of each frame's start lies a
    difference; its maxima are onsets, its minima offsets. A gap between two
    boxes stays open where its mean score lies at least `absolute`, and at
    least by the factor `relative`, below that of the more certain box; all
    gaps are judged at once. (Against the less certain one, a clear event would
    be joined to the noise beside it.) A confidence is the mean score in a box.
    Beyond its ends a clip is silent, so that a box may begin and end there. Of
    equal maxima side by side the last, and of minima the first, bounds the
    box.

    Arguments
    ---------
    scores : ClipScores
        N clips, T frames and C classes.
    lengths, absolute, relative : array_like
        (C,) each, as of BoxParameters.

    Returns
    -------
    ClipScores
        With other `frame` (N, T, C); all else is that of `scores`.

    Example
    -------
    >>> from speechbrain_mmsed.postprocessing.scores import ClipScores
    >>> frame = [[[0.0], [0.75], [0.5], [0.0], [0.25], [0.0]]]
    >>> scores = ClipScores(["a"], [6.0], ["Dog"], [[0.7]], frame, [True], 1.0)
    >>> boxes = box_scores(scores, [1.0], [0.1], [2.0])
    >>> boxes.frame[0, :, 0].tolist()
    [0.0, 0.625, 0.625, 0.0, 0.25, 0.0]
    """
    n_clips, n_frames, n_classes = scores.frame.shape
    steps = np.asarray(lengths, dtype=np.float64) / scores.frame_hop
    steps = np.maximum(np.rint(steps), 1).astype(int)
    inside = frames_inside(scores.durations, n_frames, scores.frame_hop)
    found = np.zeros((n_classes, n_clips, n_frames), dtype=np.float32)
    for step in np.unique(steps).tolist():
        mine = np.flatnonzero(steps == step)
        values = scores.frame[:, :, mine].transpose(2, 0, 1) * inside
        values = values.reshape(-1, n_frames).astype(np.float64)
        sums = np.pad(np.cumsum(values, axis=1), ((0, 0), (1, 0)))
        merge = (
            np.asarray(x)[mine].repeat(n_clips) for x in (absolute, relative)
        )
        boxes = _merged(sums, *_candidates(sums, step), *merge)
        found[mine] = _painted(sums, *boxes).reshape(len(mine), n_clips, -1)
    return dataclasses.replace(scores, frame=found.transpose(1, 2, 0))


def box_table(boxes, thresholds=None):
    """The boxes in what `box_scores` returns, as a table.

    Arguments
    ---------
    boxes : ClipScores
        Confidences of N clips, T frames and C classes.
    thresholds : numpy.ndarray or None
        (C,) those whose confidence is larger; None: all.

    Returns
    -------
    pandas.DataFrame
        filename, onset, offset (seconds), event_label, confidence; in order
        of clip, class and onset. A box of frames first..last covers
        [first * frame_hop, min((last + 1) * frame_hop, duration)].

    Example
    -------
    >>> from speechbrain_mmsed.postprocessing.scores import ClipScores
    >>> frame = [[[0.0], [0.5], [0.5], [0.0], [0.25], [0.25]]]
    >>> scores = ClipScores(["a"], [5.5], ["Dog"], [[0.7]], frame, [True], 1.0)
    >>> box_table(scores).drop(columns="filename").values.tolist()
    [[1.0, 3.0, 'Dog', 0.5], [4.0, 5.5, 'Dog', 0.25]]
    """
    ones = np.ones(len(boxes.labels), dtype=int)
    table = decode(boxes, ones * 0 if thresholds is None else thresholds, ones)
    clip = pd.Index(boxes.filenames).get_indexer(table["filename"])
    label = pd.Index(boxes.labels).get_indexer(table["event_label"])
    first = np.rint(table["onset"].to_numpy() / boxes.frame_hop).astype(int)
    confidence = boxes.frame[clip, first, label].astype(float)
    return table.assign(confidence=confidence)


def _candidates(sums, step):
    """Row, first frame and frame past the end of each box before merging."""
    last = sums.shape[1] - 1
    at = np.arange(last + 2)
    right = sums[:, np.minimum(at[:-1] + step, last)] - sums
    left = sums - sums[:, np.maximum(at[:-1] - step, 0)]
    change = np.round((right - left) / step, DECIMALS)
    # Before a clip and after it the difference rises, from and to nothing.
    slope = np.pad(
        np.sign(np.diff(change)), ((0, 0), (1, 1)), constant_values=1
    )
    before = np.maximum.accumulate(np.where(slope, at, 0), axis=1)
    after = np.where(slope, at, last + 1)[:, ::-1]
    after = np.minimum.accumulate(after, axis=1)[:, ::-1]
    rises = [np.take_along_axis(slope, i, 1) > 0 for i in (before, after)]
    # They alternate: a maximum first, then a minimum.
    row, first = np.nonzero(rises[0][:, :-1] & (slope[:, 1:] < 0))
    return row, first, np.nonzero(rises[1][:, 1:] & (slope[:, :-1] < 0))[1]


def _merged(sums, row, first, past, absolute, relative):
    """The same without the gaps that are closed; thresholds are by row."""
    mean = (sums[row, past] - sums[row, first]) / (past - first)
    left = np.flatnonzero(row[1:] == row[:-1])
    at, start, end = row[left], past[left], first[left + 1]
    gap = (sums[at, end] - sums[at, start]) / (end - start)
    higher = np.maximum(mean[left], mean[left + 1])
    near = np.round(higher - gap, DECIMALS) < absolute[at]
    near |= np.round(higher - relative[at] * gap, DECIMALS) < 0
    closed = left[near]
    return (
        *(np.delete(row, closed), np.delete(first, closed + 1)),
        np.delete(past, closed),
    )


def _painted(sums, row, first, past):
    """(R, T) confidences of boxes at their frames."""
    n_frames = sums.shape[1] - 1
    length = past - first
    mean = (sums[row, past] - sums[row, first]) / length
    painted = np.zeros(len(sums) * n_frames)
    start = row * n_frames + first - (np.cumsum(length) - length)
    frames = np.repeat(start, length) + np.arange(length.sum())
    painted[frames] = np.repeat(mean, length)
    # Sums of scores up to 1 may leave the last bit of a mean beyond it.
    return np.clip(painted, 0, 1)
