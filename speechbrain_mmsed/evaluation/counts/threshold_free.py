"""Polyphonic sound detection scores over all thresholds.

psds_eval's figure depends on the 50 thresholds that are given to it. With
every distinct score as a threshold it is the limit of ever finer lists:
beside the paper's figures, not instead. As sed_scores_eval 0.0.4 computes
them, but classes without reference events leave the averages.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import numpy as np
from scipy.sparse import csr_matrix

from speechbrain_mmsed.evaluation.counts.psds_changes import (
    Changes,
    count_changes,
)
from speechbrain_mmsed.evaluation.counts.psds_counts import reference_totals
from speechbrain_mmsed.evaluation.counts.psds_figures import (
    ResampledPsds,
    fewest_classes,
)
from speechbrain_mmsed.evaluation.metrics.psd_roc import (
    area,
    best_curve,
    effective_curve,
    scenario_of,
)

DEFINITION = (
    "PSDS, {scenario}; over all thresholds (every distinct score of a class), "
    "times compared in microseconds as sed_scores_eval 0.0.4 does"
)


class ThresholdFreeCounts(ResampledPsds):
    """Changes of all counts of a scenario, kept by clip.

    Resampling clips needs no second look at their scores: every change of a
    count gets the weight of its clip. Arguments and `result()` as of `psds`.

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
    >>> counts = ThresholdFreeCounts(scores, truth, [1], "psds1")
    >>> counts.result()["value"]
    1.0
    """

    computed_by = "speechbrain_mmsed"
    at_once = 16

    def __init__(self, scores, truth, windows, scenario):
        self.scenario = scenario_of(scenario)
        self.definition = DEFINITION.format(scenario=self.scenario.text())
        self.filenames = list(scores.filenames)
        self.labels = list(scores.labels)
        self.windows = np.asarray(windows)
        if self.windows.shape != (len(self.labels),):
            raise ValueError(
                f"windows have shape {self.windows.shape}, expected "
                f"({len(self.labels)},), one for each class"
            )
        windows, scenarios = self.windows[None], [self.scenario]
        parts = [
            c for *_, c in count_changes(scores, truth, windows, scenarios)
        ]
        changes = Changes(*map(np.concatenate, zip(*parts, strict=True)))
        self.seconds = np.array([truth.durations[f] for f in self.filenames])
        self.n_reference, self.reference_seconds = reference_totals(
            truth, self.filenames
        )
        self.tables = [self._table(changes, c) for c in range(len(self.labels))]

    def _table(self, changes, c):
        """Sparse (levels, clips) of hits, (levels, (C + 1) clips) of fails.

        Levels fall from row to row. The columns of failed detections are
        the clips for class 0, for class 1, ... and for false positives.
        """
        mine = np.flatnonzero(changes.label == c)
        clip, _, other, level, change = (column[mine] for column in changes)
        levels, row = np.unique(-level, return_inverse=True)
        n_clips, hit = len(self.filenames), other == c
        tables = []
        for of, column, width in (
            (hit, clip, n_clips),
            (~hit, other * n_clips + clip, (len(self.labels) + 1) * n_clips),
        ):
            entries = change[of], (row[of], column[of])
            tables.append(csr_matrix(entries, shape=(len(levels), width)))
        return tables

    def curves(self, weights):
        """Yields class index -> (shares, rates), the PSD-ROC, by resample.

        `weights` (R, N) say how often each clip is taken; classes without
        events in a resample are left out.
        """
        n_events = weights @ self.n_reference
        present = n_events > 0
        scales = self._scales(weights, present)
        levels = []
        for (hits, fails), events in zip(self.tables, n_events.T, strict=True):
            tp = np.cumsum(hits @ weights.T, axis=0)
            rates = np.cumsum(fails @ scales, axis=0)
            levels.append((tp / np.maximum(events, 1.0), rates))
        for r in range(len(weights)):
            points = {
                c: [values[:, r] for values in levels[c]]
                for c in np.flatnonzero(present[r]).tolist()
            }
            most = self.scenario.max_rate
            yield {c: best_curve(*point, most) for c, point in points.items()}

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

    def areas_and_scores(self, weights):
        """(R, C) areas and (R,) scores, NaN where undefined."""
        value = np.full(len(weights), np.nan)
        areas = np.full((len(weights), len(self.labels)), np.nan)
        cost, most = self.scenario.instability_cost, self.scenario.max_rate
        for r, curves in enumerate(self.curves(weights)):
            if len(curves) >= fewest_classes(self.scenario):
                areas[r, list(curves)] = [
                    area(*c, most) for c in curves.values()
                ]
                value[r] = area(
                    *effective_curve([*curves.values()], cost), most
                )
        return areas, value
