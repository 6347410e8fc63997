"""Counts behind PSDS from scores: of all clips together, or by clip.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import dataclasses

import numpy as np

from speechbrain_mmsed.evaluation.counts.matching import reference_events
from speechbrain_mmsed.evaluation.counts.psds_changes import (
    Changes,
    count_changes,
)
from speechbrain_mmsed.evaluation.counts.psds_counts import (
    ALL_CLIPS,
    PsdsCounts,
)
from speechbrain_mmsed.evaluation.metrics.psd_roc import THRESHOLDS, scenario_of
from speechbrain_mmsed.postprocessing.box_parameters import has_boxes

# Clips times frames times classes. Beyond, psds_eval takes minutes for figures
# that equal those of the counts, and all thresholds some gigabytes.
MOST_SCORES = 5_000_000


def count(scores, truth, windows, scenarios, thresholds=THRESHOLDS):
    """[scenario][set of windows] PsdsCounts, clips summed.

    `windows` (W, C) are odd median windows in frames, `scenarios` names or
    Scenarios, `thresholds` (P,) rise.
    """
    return _count(scores, truth, windows, scenarios, thresholds, True)


def psds_by_clip(scores, truth, windows, scenario, thresholds=None):
    """PsdsCounts of scored clips.

    `windows` (C,) and `thresholds` as of `count`; by default every distinct
    score is one.

    Example
    -------
    >>> from speechbrain_mmsed.evaluation.metrics.truth import GroundTruth
    >>> from speechbrain_mmsed.postprocessing.scores import ClipScores
    >>> frame = np.zeros((1, 64, 1))
    >>> frame[0, :10] = 0.013
    >>> scores = ClipScores(
    ...     ["a"], [10.0], ["Dog"], [[0.013]], frame, [True], 0.1565
    ... )
    >>> rows = [["a", 0.0, 1.5, "Dog"]]
    >>> truth = GroundTruth.of_rows(rows, {"a": 10.0}, ["Dog"])
    >>> psds_by_clip(scores, truth, [1], "psds1").result()["value"]
    1.0
    """
    windows = np.asarray(windows)[None]
    ((counts,),) = _count(scores, truth, windows, [scenario], thresholds, False)
    return counts


def count_boxes(boxes, truth, scenarios, whole=True):
    """[scenario] PsdsCounts of `box_scores`, by clip or of the `whole`.

    Every confidence is a threshold, and so is 0, below which no box lies; the
    criteria are those of psds_eval.
    """
    levels = np.unique(np.append(boxes.frame.astype(np.float64), 0.0))
    windows = np.ones((1, len(boxes.labels)), dtype=int)
    found = _count(boxes, truth, windows, scenarios, levels, whole)
    return [dataclasses.replace(c, n_thresholds=0) for (c,) in found]


def count_tuned(scores, truth, parameters, scenario, whole=True):
    """PsdsCounts at ClassParameters (50 thresholds) or BoxParameters."""
    if has_boxes(parameters):
        boxes = parameters.boxes(scores)
        return count_boxes(boxes, truth, [scenario], whole)[0]
    some = parameters.windows[None], [scenario], THRESHOLDS, whole
    return _count(scores, truth, *some)[0][0]


def _count(scores, truth, windows, scenarios, thresholds, whole):
    """[scenario][set of windows] PsdsCounts, by clip or of the `whole`."""
    names, labels = list(scores.filenames), list(scores.labels)
    windows, scenarios = np.asarray(windows), list(map(scenario_of, scenarios))
    if windows.shape[1:] != (len(labels),):
        raise ValueError(
            f"windows have shape {windows.shape[1:]}, expected "
            f"({len(labels)},), one for each class"
        )
    parts = [[[] for _ in windows] for _ in scenarios]
    for row, s, found in count_changes(
        scores, truth, windows, scenarios, thresholds
    ):
        if whole:
            found = found._replace(clip=found.clip * 0)
        parts[s][row].append(_summed(found))
    events = reference_events(truth, names, lasting=True)
    totals = np.zeros((2, len(names), len(labels)))
    at = (events["clip"], events["label"])
    np.add.at(totals[0], at, 1.0)
    np.add.at(totals[1], at, events["offset"] - events["onset"])
    seconds = np.array([truth.durations[name] for name in names])
    if whole:
        names, totals = ALL_CLIPS, totals.sum(axis=1, keepdims=True)
        seconds = seconds.sum(keepdims=True)
    return [
        [
            PsdsCounts(
                *(names, labels),
                Changes(*map(np.concatenate, zip(*found, strict=True))),
                *(*totals, seconds, windows[row], scenario),
                None if thresholds is None else len(thresholds),
            )
            for row, found in enumerate(of_scenario)
        ]
        for scenario, of_scenario in zip(scenarios, parts, strict=True)
    ]


def _summed(changes):
    """One change at most for each clip, class, other class and level.

    In four bytes each: without thresholds there are more than scores. Levels
    are scores in single precision, or numbers.
    """
    levels, level = np.unique(changes.level, return_inverse=True)
    keys = np.stack([*changes[:3], level]).astype(np.int64)
    shape = keys.max(axis=1, initial=0) + 1
    flat, place = np.unique(
        np.ravel_multi_index(keys, shape), return_inverse=True
    )
    sums = np.bincount(place, changes.change, minlength=len(flat))
    keep = sums != 0
    *keys, level = np.unravel_index(flat[keep], shape)
    keys = [key.astype(np.int32) for key in keys]
    return Changes(
        *keys, levels[level].astype(np.float32), sums[keep].astype(np.int32)
    )
