"""Items found, predicted and wanted: what every F1 is made of.

One table for all of them. Its axes are clips, classes, thresholds and
windows, in this order; those that are summed are left out. Counts of a whole
grid come from one pass over the scores, and equal sed_eval's on the events
that `decode` makes (section 3.1.3); those by clip are counted by the official
libraries in `counts_by_clip.py`.

Authors
 * The speechbrain_mmsed authors, 2026
"""

from dataclasses import dataclass

import numpy as np

from speechbrain_mmsed.evaluation.counts.matching import (
    EventCounter,
    SegmentCounter,
    events_of_clips,
    reference_events,
)
from speechbrain_mmsed.evaluation.metrics.f1 import summarise
from speechbrain_mmsed.evaluation.metrics.truth import check_same_clips
from speechbrain_mmsed.postprocessing.decode import frames_inside
from speechbrain_mmsed.postprocessing.majority import MajorityFilter

COUNTERS = {"segment": SegmentCounter, "event": EventCounter}
METRICS = tuple(COUNTERS)


@dataclass
class Counts:
    """True positives, predicted and reference items.

    Arguments
    ---------
    filenames : list of str or None
        N clips; None where they are summed.
    labels : list of str
        C class labels.
    tp, nsys : numpy.ndarray
        Items found and items predicted: (N, C) by clip, (C, H, W) on a grid.
    n_reference : numpy.ndarray
        Reference items, (N, C) or (C,).
    definition : str
        What an item is and when it is found.
    computed_by : str
        Library and version.
    thresholds, windows : numpy.ndarray or None
        (H,) and (W,); a median window of 1 for clips, which have no frames.

    Example
    -------
    >>> counts = Counts(
    ...     ["a", "b"],
    ...     ["Dog"],
    ...     tp=np.array([[2], [0]]),
    ...     nsys=np.array([[2], [1]]),
    ...     n_reference=np.array([[2], [1]]),
    ... )
    >>> counts.f1()[0].item()
    1.0
    >>> counts.figures(np.array([[1, 1], [2, 0]]))["micro"].round(3).tolist()
    [0.667, 1.0]
    """

    filenames: list | None
    labels: list
    tp: np.ndarray
    nsys: np.ndarray
    n_reference: np.ndarray
    definition: str = ""
    computed_by: str = ""
    thresholds: np.ndarray | None = None
    windows: np.ndarray | None = None

    def f1(self):
        """F1 of each class, of the shape of `tp`; NaN without reference."""
        missing = self.tp.ndim - self.n_reference.ndim
        reference = self.n_reference[(..., *[None] * missing)]
        return _f1(self.tp, self.nsys, reference)

    def result(self):
        """As `summarise`; also definition, n_classes and computed_by."""
        counts = {"tp": self.tp, "nsys": self.nsys, "nref": self.n_reference}
        sums = {name: a.sum(axis=0).tolist() for name, a in counts.items()}
        result = summarise(
            {
                label: {name: int(total[c]) for name, total in sums.items()}
                for c, label in enumerate(self.labels)
            }
        )
        result["definition"] = self.definition
        result["n_classes"] = len(result["averaged_classes"])
        result["computed_by"] = self.computed_by
        return result

    def figures(self, weights):
        """ "micro", "macro" and every label -> F1s (R,) of resampled clips.

        `weights` (R, N) say how often each clip is taken. NaN where a resample
        has no reference; such a class leaves that resample's macro average.
        """
        weights = np.asarray(weights, dtype=np.float64)
        tp, nsys, nref = (
            weights @ counts
            for counts in (self.tp, self.nsys, self.n_reference)
        )
        f1 = _f1(tp, nsys, nref)
        present = (nref > 0).sum(axis=1)
        macro = np.nansum(f1, axis=1) / np.maximum(present, 1)
        macro[present == 0] = np.nan
        return {
            "micro": _f1(*(a.sum(axis=1) for a in (tp, nsys, nref))),
            "macro": macro,
            **dict(zip(self.labels, f1.T, strict=True)),
        }


def count_clips(scores, truth, thresholds):
    """Counts (C, H, 1) of clip labels over thresholds (H,), clips summed.

    A label is given where p > threshold.
    """
    check_same_clips(scores, truth)
    thresholds = np.asarray(thresholds, dtype=np.float64)
    tags = truth.tags(scores.filenames)
    given = scores.clip.astype(np.float64)[..., None] > thresholds
    return Counts(
        None,
        scores.labels,
        (given & tags[..., None]).sum(axis=0)[..., None],
        given.sum(axis=0)[..., None],
        tags.sum(axis=0),
        thresholds=thresholds,
        windows=np.array([1]),
    )


def count_grid(
    scores, truth, thresholds, windows, metrics=METRICS, clips_at_once=2048
):
    """Segment and event counts at every threshold and window.

    Arguments
    ---------
    scores, truth : ClipScores, GroundTruth
        Of the same N clips.
    thresholds, windows : numpy.ndarray
        (H,) thresholds (a frame is active where p > threshold) and (W,) odd
        median windows in frames.
    metrics : sequence of str
        Which of "segment" and "event".
    clips_at_once : int
        Clips in one batch; bounds the memory (some 13 kB a clip for ten
        classes). Any number gives the same counts.

    Returns
    -------
    dict
        Counts (C, H, W) for each metric, clips summed.

    Example
    -------
    >>> from speechbrain_mmsed.evaluation.metrics.truth import GroundTruth
    >>> from speechbrain_mmsed.postprocessing.scores import ClipScores
    >>> frame = np.zeros((1, 64, 1))
    >>> frame[0, :10] = 0.8
    >>> scores = ClipScores(
    ...     ["a.wav"], [10.0], ["Dog"], [[0.8]], frame, [True], 0.1565
    ... )
    >>> rows = [["a.wav", 0.0, 1.5, "Dog"]]
    >>> truth = GroundTruth.of_rows(rows, {"a.wav": 10.0}, ["Dog"])
    >>> grid = count_grid(scores, truth, [0.5, 0.7, 0.9], [1, 3])
    >>> grid["event"].tp.shape, grid["event"].tp[0, :, 0].tolist()
    ((1, 3, 2), [1, 1, 0])
    """
    check_same_clips(scores, truth)
    if unknown := set(metrics) - set(METRICS):
        raise ValueError(f"metrics {sorted(unknown)}: expected {METRICS}")
    thresholds = np.asarray(thresholds, dtype=np.float64)
    windows = np.asarray(windows, dtype=np.int64)
    n_classes, n_frames = len(scores.labels), scores.frame.shape[1]
    shape = (n_classes, len(thresholds), len(windows))
    grid = {
        metric: Counts(
            None,
            scores.labels,
            tp=np.zeros(shape, dtype=np.int64),
            nsys=np.zeros(shape, dtype=np.int64),
            n_reference=np.zeros(n_classes, dtype=np.int64),
            thresholds=thresholds,
            windows=windows,
        )
        for metric in metrics
    }
    events = reference_events(truth, scores.filenames)
    for start in range(0, len(scores.filenames), clips_at_once):
        batch = slice(start, start + clips_at_once)
        durations = scores.durations[batch]
        counters = {
            metric: COUNTERS[metric](
                events_of_clips(events, batch),
                durations,
                n_classes,
                n_frames,
                scores.frame_hop,
            )
            for metric in metrics
        }
        frame = scores.frame[batch].transpose(2, 1, 0).astype(np.float64)
        inside = frames_inside(durations, n_frames, scores.frame_hop)
        _count_batch(frame, inside.T, thresholds, windows, grid, counters)
    return grid


def _count_batch(frame, inside, thresholds, windows, grid, counters):
    """Add the counts of a batch of frames (C, T, n) to the grid."""
    for metric, counter in counters.items():
        grid[metric].n_reference += counter.nref
    all_inside = inside.all()
    for i, threshold in enumerate(thresholds):
        smooth = MajorityFilter(frame > threshold, int(windows.max()))
        for j, window in enumerate(windows):
            active = smooth.median(int(window))
            if not all_inside:
                active &= inside
            for metric, counter in counters.items():
                tp, nsys = counter.count(active)
                grid[metric].tp[:, i, j] += tp
                grid[metric].nsys[:, i, j] += nsys


def _f1(tp, nsys, nref):
    """F1 fractions, NaN without reference."""
    return np.where(nref > 0, 2 * tp / np.maximum(nref + nsys, 1), np.nan)
