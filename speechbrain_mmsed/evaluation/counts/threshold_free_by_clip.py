"""Counts behind PSDS over all thresholds, kept by clip.

Resampling clips needs no second look at their scores: every change of a
count gets the weight of its clip.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import numpy as np

from speechbrain_mmsed.evaluation.counts.reference_by_clip import (
    lasting_events,
    reference_totals,
)
from speechbrain_mmsed.evaluation.counts.threshold_free_counts import (
    count_changes,
    join,
)
from speechbrain_mmsed.evaluation.counts.threshold_free_runs import (
    audible_scores,
)
from speechbrain_mmsed.evaluation.metrics.psd_roc import (
    areas_and_score,
    best_curve,
    empty_result,
    scenario_of,
)
from speechbrain_mmsed.evaluation.metrics.truth import check_same_clips

DEFINITION = (
    "PSDS, {scenario}; over all thresholds (every distinct score of a class), "
    "times compared in microseconds as sed_scores_eval 0.0.4 does"
)


class ThresholdFreeCounts:
    """Changes of all counts of a scenario, kept by clip.

    Arguments
    ---------
    scores : ClipScores
        Scores of N clips, those of the ground truth.
    truth : GroundTruth
        Reference events and durations.
    windows : numpy.ndarray
        (C,) odd median windows in frames, applied before.
    scenario : str or Scenario
        "psds1" or "psds2", or parameters.
    clips_at_once : int
        Clips in one batch; bounds the memory. Any number gives the same.
    """

    computed_by = "speechbrain_mmsed"

    def __init__(self, scores, truth, windows, scenario, clips_at_once=128):
        check_same_clips(scores, truth)
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
        self.seconds = np.array([truth.durations[f] for f in self.filenames])
        events = lasting_events(truth, self.filenames)
        self.n_reference, self.reference_seconds = reference_totals(
            events, len(self.filenames), len(self.labels)
        )
        changes = self._changes(scores, events, clips_at_once)
        self.tables = [self._table(changes, c) for c in range(len(self.labels))]

    def _changes(self, scores, events, clips_at_once):
        """Changes in all clips, batch by batch."""
        values = audible_scores(scores, self.windows)
        n_frames = values.shape[1]
        edges = np.minimum(
            np.arange(n_frames + 1) * scores.frame_hop,
            scores.durations[:, None],
        )
        parts = []
        for start in range(0, len(values), clips_at_once):
            batch = slice(start, start + clips_at_once)
            here = slice(
                *np.searchsorted(events["clip"], [start, start + clips_at_once])
            )
            part = {name: column[here] for name, column in events.items()}
            part["clip"] = part["clip"] - start
            changes = count_changes(
                values[batch], edges[batch], part, self.scenario
            )
            changes.clip = changes.clip + start
            parts.append(changes)
        return join(parts)

    def _table(self, changes, c):
        """Sparse (levels, clips) of hits, (levels, (C + 1) clips) of fails.

        Levels fall from row to row. The columns of failed detections are
        the clips for class 0, for class 1, ... and for false positives.
        """
        from scipy.sparse import csr_matrix

        mine = np.flatnonzero(changes.label == c)
        levels, row = np.unique(-changes.level[mine], return_inverse=True)
        clip, other = changes.clip[mine], changes.other[mine]
        change = changes.change[mine]
        n_clips, n_classes = len(self.filenames), len(self.labels)
        hit = other == c
        hits = csr_matrix(
            (change[hit], (row[hit], clip[hit])),
            shape=(len(levels), n_clips),
        )
        fails = csr_matrix(
            (change[~hit], (row[~hit], (other * n_clips + clip)[~hit])),
            shape=(len(levels), (n_classes + 1) * n_clips),
        )
        return hits, fails

    def curves(self, weights=None):
        """PSD-ROC of every class for resampled clips.

        Arguments
        ---------
        weights : numpy.ndarray or None
            (R, N) how often each clip is taken; every clip once if None.

        Yields
        ------
        dict
            For each of the R resamples: class index -> (shares, rates) of
            the classes that have events in it.
        """
        if weights is None:
            weights = np.ones((1, len(self.filenames)))
        n_events = weights @ self.n_reference
        present = n_events > 0
        scales = self._scales(weights, present)
        levels = []
        for (hits, fails), events in zip(self.tables, n_events.T, strict=True):
            tp = np.cumsum(hits @ weights.T, axis=0)
            rates = np.cumsum(fails @ scales, axis=0)
            levels.append((tp / np.maximum(events, 1.0), rates))
        for r in range(len(weights)):
            yield {
                c: best_curve(
                    levels[c][0][:, r],
                    levels[c][1][:, r],
                    self.scenario.max_rate,
                )
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

    def figures(self, weights, at_once=16):
        """Score and areas for resampled clips.

        Arguments
        ---------
        weights : numpy.ndarray
            (R, N) how often each clip is taken.
        at_once : int
            Resamples that are worked on together; bounds the memory.

        Returns
        -------
        dict
            "value" and every label -> (R,) figures; NaN where undefined.
        """
        weights = np.asarray(weights, dtype=np.float64)
        value = np.full(len(weights), np.nan)
        areas = np.full((len(weights), len(self.labels)), np.nan)
        for start in range(0, len(weights), at_once):
            part = weights[start : start + at_once]
            for r, curves in enumerate(self.curves(part), start):
                if not curves or self._needs_two(curves):
                    continue
                areas[r, list(curves)], value[r] = areas_and_score(
                    list(curves.values()),
                    self.scenario.instability_cost,
                    self.scenario.max_rate,
                )
        return {"value": value, **dict(zip(self.labels, areas.T, strict=True))}

    def _needs_two(self, curves):
        return len(curves) == 1 and self.scenario.cross_trigger_cost > 0

    def result(self):
        """The figure of all clips, see `threshold_free_psds`.

        Returns
        -------
        dict
        """
        curves = next(self.curves())
        present = [self.labels[c] for c in curves]
        result = empty_result(self.labels, present, self.scenario)
        result["computed_by"] = self.computed_by
        result["definition"] = self.definition
        result["n_classes"] = len(present)
        result["windows"] = dict(
            zip(self.labels, self.windows.tolist(), strict=True)
        )
        if result["reason"] is None:
            areas, result["value"] = areas_and_score(
                list(curves.values()),
                self.scenario.instability_cost,
                self.scenario.max_rate,
            )
            result["class_wise"].update(
                zip(present, areas.tolist(), strict=True)
            )
        return result
