"""Counts behind an F1, kept by clip.

Confidence intervals and paired comparisons draw clips anew thousands of
times. Counts add over clips, so each clip is matched once, by the official
library, and a resample is a weighted sum.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import importlib.metadata
from dataclasses import dataclass

import numpy as np

from speechbrain_mmsed.evaluation.metrics.f1 import (
    COLLAR_SECONDS,
    COLLAR_SHARE,
    SEGMENT_SECONDS,
    evaluated_clips,
    event_metrics,
    segment_metrics,
    summarise,
)
from speechbrain_mmsed.evaluation.metrics.truth import check_predictions


@dataclass
class CountsByClip:
    """True positives, predicted and reference items of every clip.

    Arguments
    ---------
    filenames : list of str
        N clips.
    labels : list of str
        C class labels.
    tp : numpy.ndarray
        (N, C) items found.
    nsys : numpy.ndarray
        (N, C) predicted items.
    n_reference : numpy.ndarray
        (N, C) reference items.
    definition : str
        What an item is and when it is found.
    computed_by : str
        Library and version.

    Example
    -------
    >>> counts = CountsByClip(
    ...     ["a", "b"],
    ...     ["Dog"],
    ...     tp=np.array([[2], [0]]),
    ...     nsys=np.array([[2], [1]]),
    ...     n_reference=np.array([[2], [1]]),
    ...     definition="example",
    ...     computed_by="hand",
    ... )
    >>> counts.figures(np.array([[1, 1], [2, 0]]))["micro"].round(3).tolist()
    [0.667, 1.0]
    """

    filenames: list
    labels: list
    tp: np.ndarray
    nsys: np.ndarray
    n_reference: np.ndarray
    definition: str
    computed_by: str

    def result(self):
        """The figures of all clips.

        Returns
        -------
        dict
            As `summarise`, with definition, n_classes (in the macro
            average) and computed_by.
        """
        sums = [a.sum(axis=0) for a in (self.tp, self.nsys, self.n_reference)]
        result = summarise(
            {
                label: {"tp": int(tp), "nsys": int(nsys), "nref": int(nref)}
                for label, tp, nsys, nref in zip(
                    self.labels, *sums, strict=True
                )
            }
        )
        result["definition"] = self.definition
        result["n_classes"] = len(result["averaged_classes"])
        result["computed_by"] = self.computed_by
        return result

    def figures(self, weights):
        """F1 of resampled clips.

        Arguments
        ---------
        weights : numpy.ndarray
            (R, N) how often each clip is taken.

        Returns
        -------
        dict
            "micro", "macro" and every label -> (R,) fractions; NaN where
            a resample has no reference. A class without reference in a
            resample leaves that resample's macro average.
        """
        weights = np.asarray(weights, dtype=np.float64)
        tp, nsys, nref = (
            weights @ counts
            for counts in (self.tp, self.nsys, self.n_reference)
        )
        f1 = _f1(tp, nsys, nref)
        present = nref > 0
        macro = np.where(present, f1, 0.0).sum(axis=1)
        n_present = present.sum(axis=1)
        macro = np.where(
            n_present > 0, macro / np.maximum(n_present, 1), np.nan
        )
        return {
            "micro": _f1(*(a.sum(axis=1) for a in (tp, nsys, nref))),
            "macro": macro,
            **dict(zip(self.labels, f1.T, strict=True)),
        }


def clip_counts(tags, truth):
    """Labels found in each clip, as `clip_f1` counts them.

    Arguments
    ---------
    tags : pandas.DataFrame
        Columns filename, event_label; a pair given twice counts once.
    truth : GroundTruth
        Reference.

    Returns
    -------
    CountsByClip
    """
    check_predictions(tags, truth)
    filenames = list(truth.durations)
    reference = truth.tags(filenames)
    predicted = np.zeros_like(reference)
    clips = {name: index for index, name in enumerate(filenames)}
    labels = {name: index for index, name in enumerate(truth.labels)}
    predicted[
        tags["filename"].map(clips).to_numpy(dtype=np.int64),
        tags["event_label"].map(labels).to_numpy(dtype=np.int64),
    ] = True
    return CountsByClip(
        filenames,
        list(truth.labels),
        (reference & predicted).astype(np.int64),
        predicted.astype(np.int64),
        reference.astype(np.int64),
        "F1 of clip labels: a label of a clip is found where it is predicted",
        "speechbrain_mmsed",
    )


def segment_counts(events, truth):
    """Active segments of each clip, as `segment_f1` counts them.

    Arguments
    ---------
    events : pandas.DataFrame
        Columns filename, onset, offset (seconds), event_label.
    truth : GroundTruth
        Reference.

    Returns
    -------
    CountsByClip
    """
    metrics = segment_metrics(truth.labels)
    definition = f"F1 of segments of {SEGMENT_SECONDS:g} s"
    return _count_clips(metrics, events, truth, definition)


def event_counts(events, truth):
    """Events of each clip, as `event_f1` counts them.

    Arguments
    ---------
    events : pandas.DataFrame
        Columns filename, onset, offset (seconds), event_label.
    truth : GroundTruth
        Reference.

    Returns
    -------
    CountsByClip
    """
    metrics = event_metrics(truth.labels)
    definition = (
        f"F1 of events: onset within {COLLAR_SECONDS:g} s, offset within the "
        f"larger of {COLLAR_SECONDS:g} s and {COLLAR_SHARE:.0%} of the event"
    )
    return _count_clips(metrics, events, truth, definition)


def _count_clips(metrics, events, truth, definition):
    """What a sed_eval metric adds to its counts at every clip."""
    sums = np.zeros((len(truth.durations) + 1, 3, len(truth.labels)))
    for number, _ in enumerate(evaluated_clips(metrics, events, truth), 1):
        sums[number] = [
            [metrics.class_wise[label][name] for label in truth.labels]
            for name in ("Ntp", "Nsys", "Nref")
        ]
    tp, nsys, nref = np.diff(sums, axis=0).astype(np.int64).swapaxes(0, 1)
    version = importlib.metadata.version("sed_eval")
    return CountsByClip(
        list(truth.durations),
        list(truth.labels),
        tp,
        nsys,
        nref,
        definition,
        f"sed_eval {version}",
    )


def _f1(tp, nsys, nref):
    """F1 fractions, NaN without reference."""
    return np.where(nref > 0, 2 * tp / np.maximum(nref + nsys, 1), np.nan)
