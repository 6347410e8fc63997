"""Polyphonic sound detection scores of clips that are drawn again and again.

Resampling clips needs no second look at their scores: every change of a count
gets the weight of its clip.

psds_eval's figure depends on the 50 thresholds that are given to it. With
every distinct score as a threshold it is the limit of ever finer lists:
beside the paper's figures, not instead. As sed_scores_eval 0.0.4 computes
them, but classes without reference events leave the averages.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import functools
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix

from speechbrain_mmsed.evaluation.counts.psds_changes import (
    Changes,
    count_changes,
)
from speechbrain_mmsed.evaluation.counts.psds_counts import reference_totals
from speechbrain_mmsed.evaluation.counts.psds_figures import (
    fewest_classes,
    make_result,
)
from speechbrain_mmsed.evaluation.metrics.psd_roc import (
    Scenario,
    area,
    best_curve,
    effective_curve,
    scenario_of,
)

ALL_THRESHOLDS = (
    "over all thresholds (every distinct score of a class), times compared in "
    "microseconds as sed_scores_eval 0.0.4 does"
)
# Cells of a batch of resamples.
CELLS = 4_000_000


@dataclass
class PsdsByClip:
    """Changes of all counts of a scenario, and what they are divided by.

    Arguments
    ---------
    filenames, labels : list of str
        N clips and C classes.
    changes : Changes
        (K,) each.
    n_reference, reference_seconds : numpy.ndarray
        (N, C) events longer than 0 s, and their length.
    seconds : numpy.ndarray
        (N,) length of the clips.
    windows : numpy.ndarray
        (C,) median windows in frames.
    scenario : Scenario
        What is counted.
    n_thresholds : int or None
        How many there are; None: every distinct score is one.
    """

    filenames: list
    labels: list
    changes: Changes
    n_reference: np.ndarray
    reference_seconds: np.ndarray
    seconds: np.ndarray
    windows: np.ndarray
    scenario: Scenario
    n_thresholds: int | None = None

    @property
    def definition(self):
        """What is counted."""
        points = f"{self.n_thresholds} thresholds"
        if self.n_thresholds is None:
            points = ALL_THRESHOLDS
        return f"PSDS, {self.scenario.text()}; {points}"

    @property
    def computed_by(self):
        """Whose figures they are."""
        equal = " (counts equal to psds_eval's)" if self.n_thresholds else ""
        return f"speechbrain_mmsed{equal}"

    def figures(self, weights):
        """ "value" and every label -> (R,) figures of resampled clips.

        `weights` (R, N) say how often each clip is taken; NaN where undefined.
        """
        weights = np.asarray(weights, dtype=np.float64)
        rows = sum(table.shape[0] for pair in self._tables for table in pair)
        cells = rows + (len(self.labels) + 1) * len(self.filenames)
        at_once = min(128, max(1, CELLS // cells))
        parts = [
            self._areas_and_scores(weights[start : start + at_once])
            for start in range(0, len(weights), at_once)
        ]
        areas, value = map(np.concatenate, zip(*parts, strict=True))
        return {"value": value, **dict(zip(self.labels, areas.T, strict=True))}

    def result(self):
        """As `psds`, of all clips; also definition, n_classes and windows."""
        areas, value = self._areas_and_scores(np.ones((1, len(self.filenames))))
        n_reference = self.n_reference.sum(axis=0)
        result = make_result(
            self.labels, n_reference, areas[0], value[0], self.scenario
        )
        result["computed_by"] = self.computed_by
        result["definition"] = self.definition
        result["n_classes"] = len(result["averaged_classes"])
        windows = self.windows.tolist()
        result["windows"] = dict(zip(self.labels, windows, strict=True))
        return result

    @functools.cached_property
    def _tables(self):
        """Of each class sparse (levels, clips) of hits, and of failures.

        Levels fall from row to row. The columns of failures, (C + 1) clips,
        are the clips for class 0, for class 1, ... and for false positives.
        """
        n_clips, n_classes, tables = len(self.filenames), len(self.labels), []
        for c in range(n_classes):
            mine = np.flatnonzero(self.changes.label == c)
            clip, _, other, level, change = (x[mine] for x in self.changes)
            levels, row = np.unique(-level, return_inverse=True)
            hit, pair = other == c, []
            for of, column, width in (
                (hit, clip, n_clips),
                (
                    ~hit,
                    other * n_clips + clip,
                    (n_classes + 1) * n_clips,
                ),
            ):
                entries = change[of], (row[of], column[of])
                pair.append(csr_matrix(entries, shape=(len(levels), width)))
            tables.append(pair)
        return tables

    def _curves(self, weights):
        """Yields class index -> (shares, rates), the PSD-ROC, by resample.

        Classes without events in a resample are left out.
        """
        n_events = weights @ self.n_reference
        present = n_events > 0
        scales = self._scales(weights, present)
        levels = []
        for (hits, fails), events in zip(self._tables, n_events.T, strict=True):
            tp = np.cumsum(hits @ weights.T, axis=0)
            rates = np.cumsum(fails @ scales, axis=0)
            levels.append((tp / np.maximum(events, 1.0), rates))
        most = self.scenario.max_rate
        for r in range(len(weights)):
            yield {
                c: best_curve(*(values[:, r] for values in levels[c]), most)
                for c in np.flatnonzero(present[r]).tolist()
            }

    def _scales(self, weights, present):
        """((C + 1) N, R) what one failed detection adds to the rate."""
        cost = self.scenario.cross_trigger_cost
        others = np.maximum(present.sum(axis=1) - 1, 1)
        seconds = weights @ self.reference_seconds
        scale = np.zeros((len(self.labels) + 1, len(weights)))
        share = np.where(present, 1 / np.where(present, seconds, 1.0), 0.0)
        scale[:-1] = (3600.0 * cost / others[:, None] * share).T
        scale[-1] = 3600.0 / (weights @ self.seconds)
        every = scale[:, None, :] * weights.T[None]
        return every.reshape(-1, len(weights))

    def _areas_and_scores(self, weights):
        """(R, C) areas and (R,) scores, NaN where undefined."""
        value = np.full(len(weights), np.nan)
        areas = np.full((len(weights), len(self.labels)), np.nan)
        cost, most = self.scenario.instability_cost, self.scenario.max_rate
        for r, curves in enumerate(self._curves(weights)):
            if len(curves) >= fewest_classes(self.scenario):
                areas[r, list(curves)] = [
                    area(*c, most) for c in curves.values()
                ]
                value[r] = area(
                    *effective_curve([*curves.values()], cost), most
                )
        return areas, value


def psds_by_clip(scores, truth, windows, scenario, thresholds=None):
    """PsdsByClip of scored clips.

    `windows` (C,) are odd median windows in frames, `scenario` a name or a
    Scenario, `thresholds` (P,) rise; None for every distinct score.

    Example
    -------
    >>> import pandas as pd
    >>> from speechbrain_mmsed.evaluation.metrics.truth import GroundTruth
    >>> from speechbrain_mmsed.postprocessing.scores import ClipScores
    >>> frame = np.zeros((1, 64, 1))
    >>> frame[0, :10] = 0.013
    >>> scores = ClipScores(
    ...     ["a"], [10.0], ["Dog"], [[0.013]], frame, [True], 0.1565
    ... )
    >>> events = pd.DataFrame(
    ...     [["a", 0.0, 1.5, "Dog"]],
    ...     columns=["filename", "onset", "offset", "event_label"],
    ... )
    >>> truth = GroundTruth(events, {"a": 10.0}, ["Dog"])
    >>> psds_by_clip(scores, truth, [1], "psds1").result()["value"]
    1.0
    """
    scenario, windows = scenario_of(scenario), np.asarray(windows)
    names, labels = list(scores.filenames), list(scores.labels)
    if windows.shape != (len(labels),):
        raise ValueError(
            f"windows have shape {windows.shape}, expected ({len(labels)},), "
            "one for each class"
        )
    found = count_changes(scores, truth, windows[None], [scenario], thresholds)
    parts = [changes for *_, changes in found]
    changes = Changes(*map(np.concatenate, zip(*parts, strict=True)))
    return PsdsByClip(
        names,
        labels,
        changes if thresholds is None else _summed(changes),
        *reference_totals(truth, names),
        np.array([truth.durations[name] for name in names]),
        windows,
        scenario,
        None if thresholds is None else len(thresholds),
    )


def _summed(changes):
    """One change at most for each clip, class, other class and threshold."""
    keys = np.stack(changes[:4]).astype(np.int64)
    shape = keys.max(axis=1, initial=0) + 1
    flat, place = np.unique(
        np.ravel_multi_index(keys, shape), return_inverse=True
    )
    sums = np.bincount(place, changes.change, minlength=len(flat))
    keep = sums != 0
    keys = np.unravel_index(flat[keep], shape)
    return Changes(*keys, sums[keep].astype(np.int64))
