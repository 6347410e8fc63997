"""Counts of a whole grid of thresholds and windows in one pass.

Tuning (section 3.1.3) needs the counts behind F1 at 9 thresholds x 16
windows for each class. Going through event lists and sed_eval takes minutes;
here every grid point is a batch of boolean operations over frames, clips and
classes. The counts equal sed_eval's on the events that `decode` makes.

Authors
 * The speechbrain_mmsed authors, 2026
"""

from dataclasses import dataclass

import numpy as np

from speechbrain_mmsed.evaluation.counts.matching import EventCounter
from speechbrain_mmsed.evaluation.counts.segments import SegmentCounter
from speechbrain_mmsed.evaluation.metrics.truth import check_same_clips
from speechbrain_mmsed.postprocessing.decode import (
    MajorityFilter,
    frames_inside,
)

METRICS = ("segment", "event")


@dataclass
class GridCounts:
    """True positives, reference and predicted items at every grid point.

    Arguments
    ---------
    labels : list of str
        C class labels.
    thresholds : numpy.ndarray
        (H,) thresholds.
    windows : numpy.ndarray
        (W,) median windows; [1] for clips, which have no frames to filter.
    tp : numpy.ndarray
        (C, H, W) matched items.
    nsys : numpy.ndarray
        (C, H, W) predicted items.
    nref : numpy.ndarray
        (C,) reference items; they do not depend on the grid point.

    Example
    -------
    >>> counts = GridCounts(
    ...     ["Dog"],
    ...     np.array([0.5]),
    ...     np.array([1]),
    ...     np.array([[[2]]]),
    ...     np.array([[[3]]]),
    ...     np.array([5]),
    ... )
    >>> counts.f1().shape, counts.fp.item(), counts.fn.item()
    ((1, 1, 1), 1, 3)
    """

    labels: list
    thresholds: np.ndarray
    windows: np.ndarray
    tp: np.ndarray
    nsys: np.ndarray
    nref: np.ndarray

    @property
    def fp(self):
        """False positives, (C, H, W)."""
        return self.nsys - self.tp

    @property
    def fn(self):
        """False negatives, (C, H, W)."""
        return self.nref[:, None, None] - self.tp

    def f1(self):
        """Class F1 at every grid point.

        Returns
        -------
        numpy.ndarray
            (C, H, W) fractions; NaN for classes without reference.
        """
        nref = self.nref[:, None, None].astype(np.float64)
        f1 = 2 * self.tp / np.maximum(nref + self.nsys, 1)
        return np.where(nref > 0, f1, np.nan)


def count_clips(scores, truth, thresholds):
    """Counts of clip labels over thresholds.

    Arguments
    ---------
    scores : ClipScores
        Scores of N clips.
    truth : GroundTruth
        Reference of the same clips.
    thresholds : numpy.ndarray
        (H,) thresholds; a label is given where p > threshold.

    Returns
    -------
    GridCounts
        With one window.
    """
    check_same_clips(scores, truth)
    thresholds = np.asarray(thresholds, dtype=np.float64)
    tags = truth.tags(scores.filenames)
    given = scores.clip.astype(np.float64)[..., None] > thresholds
    return GridCounts(
        labels=scores.labels,
        thresholds=thresholds,
        windows=np.array([1]),
        tp=(given & tags[..., None]).sum(axis=0)[..., None],
        nsys=given.sum(axis=0)[..., None],
        nref=tags.sum(axis=0),
    )


def count_grid(
    scores, truth, thresholds, windows, metrics=METRICS, clips_at_once=2048
):
    """Segment and event counts at every threshold and window.

    Arguments
    ---------
    scores : ClipScores
        Scores of N clips.
    truth : GroundTruth
        Reference of the same clips.
    thresholds : numpy.ndarray
        (H,) thresholds; a frame is active where p > threshold.
    windows : numpy.ndarray
        (W,) odd median windows in frames.
    metrics : sequence of str
        Which of "segment" and "event".
    clips_at_once : int
        Clips in one batch; bounds the memory (some 13 kB a clip for ten
        classes). Any number gives the same counts.

    Returns
    -------
    dict
        A GridCounts for each metric.

    Example
    -------
    >>> import pandas as pd
    >>> from speechbrain_mmsed.evaluation.metrics.truth import GroundTruth
    >>> from speechbrain_mmsed.postprocessing.scores import ClipScores
    >>> frame = np.zeros((1, 64, 1))
    >>> frame[0, :10] = 0.8
    >>> scores = ClipScores(
    ...     ["a.wav"], [10.0], ["Dog"], [[0.8]], frame, [True], 0.1565
    ... )
    >>> events = pd.DataFrame(
    ...     [["a.wav", 0.0, 1.5, "Dog"]],
    ...     columns=["filename", "onset", "offset", "event_label"],
    ... )
    >>> truth = GroundTruth(events, {"a.wav": 10.0}, ["Dog"])
    >>> grid = count_grid(scores, truth, [0.5, 0.7, 0.9], [1, 3])
    >>> grid["event"].tp.shape, grid["event"].tp[0, :, 0].tolist()
    ((1, 3, 2), [1, 1, 0])
    """
    check_same_clips(scores, truth)
    unknown = set(metrics) - set(METRICS)
    if unknown:
        raise ValueError(f"metrics {sorted(unknown)}: expected {METRICS}")
    thresholds = np.asarray(thresholds, dtype=np.float64)
    windows = np.asarray(windows, dtype=np.int64)
    shape = (len(scores.labels), len(thresholds), len(windows))
    grid = {
        metric: GridCounts(
            labels=scores.labels,
            thresholds=thresholds,
            windows=windows,
            tp=np.zeros(shape, dtype=np.int64),
            nsys=np.zeros(shape, dtype=np.int64),
            nref=np.zeros(shape[0], dtype=np.int64),
        )
        for metric in metrics
    }
    counters = {"segment": SegmentCounter, "event": EventCounter}
    references = _references(scores, truth)
    for start in range(0, len(scores.filenames), clips_at_once):
        batch = slice(start, start + clips_at_once)
        inside = frames_inside(
            scores.durations[batch], scores.frame.shape[1], scores.frame_hop
        )
        here = references["clip"] - start
        here = (here >= 0) & (here < len(inside))
        batch_references = {k: v[here] for k, v in references.items()}
        batch_references["clip"] -= start
        batch_counters = {
            metric: counters[metric](
                batch_references,
                scores.durations[batch],
                len(scores.labels),
                scores.frame.shape[1],
                scores.frame_hop,
            )
            for metric in metrics
        }
        for metric, counter in batch_counters.items():
            grid[metric].nref += counter.nref
        frame = scores.frame[batch].transpose(2, 1, 0).astype(np.float64)
        _count_batch(frame, inside.T, grid, batch_counters)
    return grid


def _count_batch(frame, inside, grid, counters):
    """Add the counts of a batch of frames (C, T, n) to the grid."""
    some = next(iter(grid.values()), None)
    if some is None:
        return
    all_inside = inside.all()
    for i, threshold in enumerate(some.thresholds):
        smooth = MajorityFilter(frame > threshold, int(some.windows.max()))
        for j, window in enumerate(some.windows):
            active = smooth.median(int(window))
            if not all_inside:
                active &= inside
            for metric, counter in counters.items():
                tp, nsys = counter.count(active)
                grid[metric].tp[:, i, j] += tp
                grid[metric].nsys[:, i, j] += nsys


def _references(scores, truth):
    """The reference events as arrays, sorted by clip, class and onset."""
    clips = {name: index for index, name in enumerate(scores.filenames)}
    labels = {name: index for index, name in enumerate(scores.labels)}
    clip = truth.events["filename"].map(clips).to_numpy(dtype=np.int64)
    label = truth.events["event_label"].map(labels).to_numpy(dtype=np.int64)
    onset = truth.events["onset"].to_numpy(dtype=np.float64)
    offset = truth.events["offset"].to_numpy(dtype=np.float64)
    order = np.lexsort((offset, onset, label, clip))
    return {
        "clip": clip[order],
        "label": label[order],
        "onset": onset[order],
        "offset": offset[order],
    }
