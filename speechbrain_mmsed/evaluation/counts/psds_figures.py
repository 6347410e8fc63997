"""Polyphonic sound detection scores of counts, also of resampled clips.

Authors
 * The speechbrain_mmsed authors, 2026
"""

from dataclasses import dataclass

import numpy as np

from speechbrain_mmsed.evaluation.counts.psds_counts import (
    PsdsCounts,
    psds_tables,
    reference_totals,
)
from speechbrain_mmsed.evaluation.metrics.psd_roc import (
    THRESHOLDS,
    Scenario,
    class_areas,
    empty_result,
    scenario_of,
    score,
)


def psds_of_counts(counts, scenario, row=0):
    """The score of one set of windows, as `psds` returns it.

    Equal to psds_eval's figure but for rounding; the result says that it was
    computed here.
    """
    scenario = scenario_of(scenario)
    areas, value = _areas_and_scores(counts, scenario)
    result = _result(
        counts.labels, counts.n_reference, areas[row], value[row], scenario
    )
    result["computed_by"] = "counts of speechbrain_mmsed"
    return result


def areas_of_counts(counts, scenario):
    """Areas (W, C) of every set of windows; -1 for classes without events."""
    scenario = scenario_of(scenario)
    hits, rates = counts.curves(scenario.cross_trigger_cost)
    areas = class_areas(hits, rates, scenario.max_rate)
    return np.where(counts.n_reference > 0, areas, -1.0)


class ResampledPsds:
    """Figures of resampled clips; kinds of counts by clip inherit them.

    They have filenames, labels, scenario, windows (C,), n_reference (N, C),
    definition, computed_by, at_once (resamples that fit in memory together)
    and `areas_and_scores(weights)`: (R, C) and (R,), NaN where undefined.
    """

    def figures(self, weights):
        """ "value" and every label -> (R,) figures of resampled clips.

        `weights` (R, N) say how often each clip is taken; NaN where undefined.
        """
        weights = np.asarray(weights, dtype=np.float64)
        parts = [
            self.areas_and_scores(weights[start : start + self.at_once])
            for start in range(0, len(weights), self.at_once)
        ]
        areas, value = map(np.concatenate, zip(*parts, strict=True))
        return {"value": value, **dict(zip(self.labels, areas.T, strict=True))}

    def result(self):
        """As `psds`, of all clips; also definition, n_classes and windows."""
        areas, value = self.areas_and_scores(np.ones((1, len(self.filenames))))
        n_reference = self.n_reference.sum(axis=0)
        result = _result(
            self.labels, n_reference, areas[0], value[0], self.scenario
        )
        result["computed_by"] = self.computed_by
        result["definition"] = self.definition
        result["n_classes"] = len(result["averaged_classes"])
        windows = self.windows.tolist()
        result["windows"] = dict(zip(self.labels, windows, strict=True))
        return result


@dataclass
class PsdsByClip(PsdsCounts, ResampledPsds):
    """Counts of one scenario whose groups are the N clips `filenames`.

    `windows` (C,) are their median windows in frames.
    """

    filenames: list
    scenario: Scenario
    windows: np.ndarray

    computed_by = "speechbrain_mmsed (counts equal to psds_eval's)"

    @property
    def definition(self):
        """What is counted."""
        n_points = self.true_positives.shape[1]
        return f"PSDS, {self.scenario.text()}; {n_points} thresholds"

    @property
    def at_once(self):
        """Resamples in a few million cells."""
        cells = self.true_positives[0].size + self.crossing.shape[1]
        return min(128, max(1, 4_000_000 // cells))

    def areas_and_scores(self, weights):
        """(R, C) areas and (R,) scores, NaN where undefined."""

        def add(table):
            # Exact, as all are whole numbers.
            sums = weights.astype(np.float32) @ table.reshape(len(table), -1)
            shape = (len(weights), *table.shape[1:])
            return sums.reshape(shape).astype(np.float64)

        sums = PsdsCounts(
            self.labels,
            add(self.true_positives),
            add(self.false_positives),
            self.crossed,
            (self.crossing.T @ weights.T).T,
            weights @ self.n_reference,
            weights @ self.reference_seconds,
            weights @ self.total_seconds,
        )
        return _areas_and_scores(sums, self.scenario)


def psds_by_clip(scores, truth, windows, scenario, thresholds=THRESHOLDS):
    """PsdsByClip of scored clips, for windows (C,) and rising thresholds."""
    scenario, windows = scenario_of(scenario), np.asarray(windows)
    names = list(scores.filenames)
    tables = psds_tables(
        scores, truth, windows[None], [scenario], thresholds, len(names)
    )
    return PsdsByClip(
        list(scores.labels),
        *tables[0],
        *reference_totals(truth, names),
        np.array([truth.durations[name] for name in names]),
        names,
        scenario,
        windows,
    )


def _areas_and_scores(counts, scenario):
    """(G, C) areas and (G,) scores, NaN where undefined."""
    hits, rates = counts.curves(scenario.cross_trigger_cost)
    areas = class_areas(hits, rates, scenario.max_rate)
    value = np.full(len(areas), np.nan)
    present = np.broadcast_to(counts.n_reference > 0, areas.shape)
    enough = present.sum(axis=1) >= fewest_classes(scenario)
    costs = scenario.instability_cost, scenario.max_rate
    for g in np.flatnonzero(enough):
        keep = present[g]
        value[g] = score(hits[:, g, keep], rates[:, g, keep], *costs)
    return np.where(present & enough[:, None], areas, np.nan), value


def fewest_classes(scenario):
    """Number of classes with events without which there is no score."""
    return 2 if scenario.cross_trigger_cost > 0 else 1


def _result(labels, n_reference, areas, value, scenario):
    """The form of a result."""
    present = np.flatnonzero(n_reference)
    averaged = [labels[c] for c in present]
    result = empty_result(labels, averaged, scenario)
    if result["reason"] is None:
        known = areas[present].tolist()
        result["class_wise"].update(zip(averaged, known, strict=True))
        result["value"] = float(value)
    return result
