"""Counts behind the polyphonic sound detection scores, and these themselves.

psds_eval matches one table of events at a time with pandas. The choice of a
median window (section 3.1.3) needs 50 thresholds times 16 windows, a report
the scores of many small subsets, and an interval those of hundreds of
resamples. Here every run of frames is matched once (`psds_changes.py`); the
counts equal psds_eval's and add over clips, so that resampling clips needs no
second look at their scores: every change of a count gets the weight of its
clip.

psds_eval's figure depends on the 50 thresholds that are given to it. With
every distinct score as a threshold it is the limit of ever finer lists:
beside the paper's figures, not instead. As sed_scores_eval 0.0.4 computes
them, but classes without reference events leave the averages.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import dataclasses
import functools
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix

from speechbrain_mmsed.evaluation.counts.psds_changes import Changes
from speechbrain_mmsed.evaluation.metrics.psd_roc import (
    Scenario,
    area,
    best_curves,
    effective,
    empty_result,
    together,
)

ALL_THRESHOLDS = (
    "over all thresholds (every distinct score of a class), times compared in "
    "microseconds as sed_scores_eval 0.0.4 does"
)
ALL_CLIPS = ["all clips"]
# Cells of a batch of resamples.
CELLS = 4_000_000


@dataclass
class PsdsCounts:
    """Changes of all counts of a scenario, and what they are divided by.

    Arguments
    ---------
    filenames, labels : list of str
        N clips (or one row for all of them) and C classes.
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
        How many there are; 0: every confidence of a box is one; None: every
        distinct score.
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
        points = f"{self.n_thresholds or 'all confidences as'} thresholds"
        if self.n_thresholds is None:
            points = ALL_THRESHOLDS
        return f"PSDS, {self.scenario.text()}; {points}"

    @property
    def computed_by(self):
        """Whose figures they are."""
        if self.n_thresholds is None:
            return "speechbrain_mmsed"
        if self.filenames == ALL_CLIPS:
            return "counts of speechbrain_mmsed"
        return "speechbrain_mmsed (counts equal to psds_eval's)"

    def figures(self, weights):
        """ "value" and every label -> (R,) figures of resampled clips.

        `weights` (R, N) say how often each clip is taken; NaN where undefined.
        """
        weights = np.asarray(weights, dtype=np.float64)
        hits, fails, _ = self._tables
        rows = hits.shape[0] + fails.shape[0]
        cells = rows + (len(self.labels) + 1) * len(self.filenames)
        at_once = min(128, max(1, CELLS // cells))
        parts = [
            self._areas_and_scores(weights[start : start + at_once])
            for start in range(0, len(weights), at_once)
        ]
        areas, value = map(np.concatenate, zip(*parts, strict=True))
        return {"value": value, **dict(zip(self.labels, areas.T, strict=True))}

    def figure(self):
        """What `psds` returns, of all clips; without its curves."""
        areas, value = self._areas_and_scores(np.ones((1, len(self.filenames))))
        averaged = [
            self.labels[c] for c in np.flatnonzero(self.n_reference.sum(axis=0))
        ]
        result = empty_result(self.labels, averaged, self.scenario)
        if result["reason"] is None:
            known = dict(zip(self.labels, areas[0].tolist(), strict=True))
            result["class_wise"].update({c: known[c] for c in averaged})
            result["value"] = float(value[0])
        return {**result, "computed_by": self.computed_by}

    def result(self):
        """As `figure`; also definition, n_classes and windows."""
        figure, windows = self.figure(), self.windows.tolist()
        return {
            **figure,
            "definition": self.definition,
            "n_classes": len(figure["averaged_classes"]),
            "windows": dict(zip(self.labels, windows, strict=True)),
        }

    def areas(self):
        """(C,) areas of the classes; -1 for those without events."""
        (curves,) = self._curves(np.ones((1, len(self.filenames))))
        found = np.full(len(self.labels), -1.0)
        for c, curve in curves.items():
            found[c] = area(*curve, self.scenario.max_rate)
        return found

    def restrict(self, labels):
        """Counts of some of the classes.

        A class's counts depend on its own detections and on the events of
        the others, never on the others' detections; so leaving classes out
        is leaving changes out.
        """
        keep = [self.labels.index(label) for label in labels]
        # False positives stay what they are.
        place = np.full(len(self.labels) + 1, -1)
        place[[*keep, -1]] = np.arange(len(keep) + 1)
        label, other = place[self.changes.label], place[self.changes.other]
        kept = (label >= 0) & (other >= 0)
        changes = self.changes._replace(label=label, other=other)
        return dataclasses.replace(
            self,
            labels=list(labels),
            changes=Changes(*(values[kept] for values in changes)),
            n_reference=self.n_reference[:, keep],
            reference_seconds=self.reference_seconds[:, keep],
            windows=self.windows[keep],
        )

    @functools.cached_property
    def _tables(self):
        """Sparse (levels, clips) of hits, of failures; where classes end.

        Rows are the levels of class 0, falling, then those of class 1, ...
        The columns of failures, (C + 1) clips, are the clips for class 0, for
        class 1, ... and for false positives.
        """
        n_clips, n_classes = len(self.filenames), len(self.labels)
        order = np.lexsort((-self.changes.level, self.changes.label))
        clip, label, other, level, change = (x[order] for x in self.changes)
        new = np.diff(label, prepend=-1) != 0
        new[1:] |= level[1:] != level[:-1]
        row, ends = np.cumsum(new) - 1, np.arange(1, n_classes)
        hit, tables = other == label, []
        for of, column, width in (
            (hit, clip, n_clips),
            (~hit, other * n_clips + clip, (n_classes + 1) * n_clips),
        ):
            entries = change[of], (row[of], column[of])
            tables.append(csr_matrix(entries, shape=(new.sum(), width)))
        return *tables, np.searchsorted(label[new], ends)

    def _curves(self, weights):
        """Yields class index -> (shares, rates), the PSD-ROC, by resample.

        Classes without events in a resample are left out.
        """
        n_events = weights @ self.n_reference
        present = n_events > 0
        scales = self._scales(weights, present)
        most, curves = self.scenario.max_rate, []
        hits, fails, ends = self._tables
        found = np.split(hits @ weights.T, ends)
        failed = np.split(fails @ scales, ends)
        for tp, fp, events in zip(found, failed, n_events.T, strict=True):
            shares = np.cumsum(tp, axis=0) / np.maximum(events, 1.0)
            curves.append(best_curves(shares, np.cumsum(fp, axis=0), most))
        for r, there in enumerate(present):
            yield {c: curves[c][r] for c in np.flatnonzero(there).tolist()}

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
            # With one class nothing is crossed; `empty_result` says why.
            if len(curves) >= 1 + (self.scenario.cross_trigger_cost > 0):
                shares, rates = together(curves.values())
                areas[r, list(curves)] = area(shares, rates, most)
                value[r] = area(effective(shares, cost), rates, most)
        return areas, value
