"""Counts behind the polyphonic sound detection scores, and the scores.

psds_eval matches one table of events at a time with pandas. The choice of a
median window (section 3.1.3) needs 50 thresholds times 16 windows, a report
the scores of many small subsets, and an interval those of hundreds of
resamples. Here every run of frames is matched once (`psds_changes.py`); the
counts equal psds_eval's and add over clips.

Authors
 * The speechbrain_mmsed authors, 2026
"""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix

from speechbrain_mmsed.evaluation.counts.matching import reference_events
from speechbrain_mmsed.evaluation.counts.psds_changes import count_changes
from speechbrain_mmsed.evaluation.metrics.psds_curves import class_areas, score
from speechbrain_mmsed.evaluation.metrics.psds_scenarios import (
    THRESHOLDS,
    Scenario,
    empty_result,
    scenario_of,
)


@dataclass
class PsdsCounts:
    """Counts at P thresholds of G groups: windows, clips or resamples.

    Cross-triggers are kept where they occur, as memory would otherwise grow
    with the square of the number of classes.

    Arguments
    ---------
    labels : list of str
        C class labels.
    true_positives, false_positives : numpy.ndarray
        (G, P, C) events found and detections that failed.
    crossed : numpy.ndarray
        (K, 3) threshold, class detected and class whose events were hit.
    crossing : numpy.ndarray or scipy.sparse.csr_matrix
        (G, K) cross-triggers there, less those at the next higher threshold;
        none where they cost nothing.
    n_reference, reference_seconds : numpy.ndarray
        (C,) or (G, C) events longer than 0 s, and their length.
    total_seconds : float or numpy.ndarray
        Length of all clips, or (G,).
    """

    labels: list
    true_positives: np.ndarray
    false_positives: np.ndarray
    crossed: np.ndarray
    crossing: np.ndarray
    n_reference: np.ndarray
    reference_seconds: np.ndarray
    total_seconds: float

    @property
    def cross_triggers(self):
        """(G, P, C, C) cross-triggers, for small numbers of classes."""
        n_groups, n_points, n_classes = self.true_positives.shape
        dense = np.zeros(
            (n_groups, n_points, n_classes, n_classes), dtype=np.int64
        )
        group, key = self.crossing.nonzero()
        changes = np.asarray(self.crossing[group, key]).ravel()
        dense[(group, *self.crossed[key].T)] = changes
        return _falling(dense)

    def present_labels(self):
        """Classes with reference events longer than 0 s.

        Returns
        -------
        list of str
        """
        present = np.atleast_2d(self.n_reference).any(axis=0)
        return [self.labels[c] for c in np.flatnonzero(present)]

    def restrict(self, labels):
        """Counts of some of the classes.

        A class's counts depend on its own detections and on the events of
        the others, never on the others' detections; so leaving classes out
        is leaving rows and columns out.

        Arguments
        ---------
        labels : list of str
            Classes to keep.

        Returns
        -------
        PsdsCounts
        """
        keep = [self.labels.index(label) for label in labels]
        place = np.full(len(self.labels), -1)
        place[keep] = np.arange(len(keep))
        crossed = self.crossed.copy()
        crossed[:, 1:] = place[crossed[:, 1:]]
        both = (crossed >= 0).all(axis=1)
        return PsdsCounts(
            list(labels),
            self.true_positives[..., keep],
            self.false_positives[..., keep],
            crossed[both],
            self.crossing[:, both],
            self.n_reference[..., keep],
            self.reference_seconds[..., keep],
            self.total_seconds,
        )

    def curves(self, cost):
        """What PSD-ROC curves are made of.

        Arguments
        ---------
        cost : float
            Weight of the cross-triggers (alpha_CT).

        Returns
        -------
        tuple of numpy.ndarray
            (P, G, C) shares of events found and effective false-positive
            rates per hour; without meaning for classes without reference.
        """
        shape = self.true_positives.shape
        n_reference, seconds = (
            np.broadcast_to(a, (shape[0], shape[2]))
            for a in (self.n_reference, self.reference_seconds)
        )
        present = n_reference > 0
        hits = self.true_positives / np.maximum(n_reference, 1)[:, None]
        hours = np.reshape(self.total_seconds, (-1, 1, 1))
        rates = self.false_positives * 3600.0 / hours
        if cost > 0 and self.crossing.shape[1]:
            point, label, other = self.crossed.T
            share = 3600.0 / np.where(present, seconds, np.inf)
            changes = np.zeros(shape)
            for g, crossing in enumerate(self.crossing):
                changes[g] = np.bincount(
                    point * shape[2] + label,
                    crossing * share[g, other],
                    minlength=shape[1] * shape[2],
                ).reshape(shape[1:])
            others = np.maximum(present.sum(axis=1) - 1, 1)
            rates += cost * _falling(changes) / others[:, None, None]
        return hits.swapaxes(0, 1), rates.swapaxes(0, 1)


class ResampledPsds:
    """Figures of resampled clips; kinds of counts by clip inherit them.

    They have filenames, labels, scenario, windows (C,), n_reference (N, C),
    definition, computed_by, at_once (resamples that fit in memory together)
    and `areas_and_scores(weights)`: (R, C) and (R,), NaN where undefined.
    """

    def figures(self, weights):
        """Score and areas for resampled clips.

        Arguments
        ---------
        weights : numpy.ndarray
            (R, N) how often each clip is taken.

        Returns
        -------
        dict
            "value" and every label -> (R,) figures; NaN where undefined.
        """
        weights = np.asarray(weights, dtype=np.float64)
        parts = [
            self.areas_and_scores(weights[start : start + self.at_once])
            for start in range(0, len(weights), self.at_once)
        ]
        areas, value = map(np.concatenate, zip(*parts, strict=True))
        return {"value": value, **dict(zip(self.labels, areas.T, strict=True))}

    def result(self):
        """The figure of all clips.

        Returns
        -------
        dict
            As `psds_of_counts`; also definition, n_classes (in the average)
            and windows (label -> frames).
        """
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
    """Counts of one scenario whose groups are the clips.

    Arguments
    ---------
    filenames : list of str
        N clips.
    scenario : Scenario
        Parameters of the score.
    windows : numpy.ndarray
        (C,) median windows in frames.
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


def count(scores, truth, windows, scenarios, thresholds=THRESHOLDS):
    """Counts for every threshold and every given set of windows.

    Arguments
    ---------
    scores, truth : ClipScores, GroundTruth
        Of the same N clips.
    windows : numpy.ndarray
        (W, C) odd median windows in frames.
    scenarios : list
        Names of scenarios, or parameters.
    thresholds : numpy.ndarray
        (P,) rising thresholds.

    Returns
    -------
    list of PsdsCounts
        One per scenario, whose groups are the sets of windows.
    """
    windows = np.asarray(windows)
    scenarios = [scenario_of(scenario) for scenario in scenarios]
    tables = _tables(scores, truth, windows, scenarios, thresholds, None)
    number, seconds = reference_totals(truth, list(truth.durations))
    totals = (
        number.sum(axis=0),
        seconds.sum(axis=0),
        float(sum(truth.durations.values())),
    )
    return [PsdsCounts(list(scores.labels), *t, *totals) for t in tables]


def psds_by_clip(scores, truth, windows, scenario, thresholds=THRESHOLDS):
    """Count every clip of a scored system on its own.

    Arguments
    ---------
    scores, truth : ClipScores, GroundTruth
        Of the same N clips.
    windows : numpy.ndarray
        (C,) odd median windows in frames.
    scenario : str or Scenario
        "psds1" or "psds2", or parameters.
    thresholds : numpy.ndarray
        (P,) rising thresholds.

    Returns
    -------
    PsdsByClip
    """
    scenario, windows = scenario_of(scenario), np.asarray(windows)
    names = list(scores.filenames)
    tables = _tables(
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


def psds_of_counts(counts, scenario, row=0):
    """The polyphonic sound detection score of counts.

    Equal to psds_eval's figure but for rounding; the result says that it was
    computed here.

    Arguments
    ---------
    counts : PsdsCounts
        Counts of at least one set of windows.
    scenario : str or Scenario
        The parameters.
    row : int
        Which set of windows.

    Returns
    -------
    dict
        See `evaluation.metrics.psds.psds_of_operating_points`.
    """
    scenario = scenario_of(scenario)
    areas, value = _areas_and_scores(counts, scenario)
    result = _result(
        counts.labels, counts.n_reference, areas[row], value[row], scenario
    )
    result["computed_by"] = "counts of speechbrain_mmsed"
    return result


def areas_of_counts(counts, scenario):
    """Areas of every class for every set of windows.

    Arguments
    ---------
    counts : PsdsCounts
        Counts of W sets of windows.
    scenario : str or Scenario
        The parameters.

    Returns
    -------
    numpy.ndarray
        (W, C); -1 for classes without reference events.
    """
    scenario = scenario_of(scenario)
    hits, rates = counts.curves(scenario.cross_trigger_cost)
    areas = class_areas(hits, rates, scenario.max_rate)
    return np.where(counts.n_reference > 0, areas, -1.0)


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


def _tables(scores, truth, windows, scenarios, thresholds, n_clips):
    """First fields of PsdsCounts for each scenario.

    Groups are the clips where their number is given, else the windows.
    """
    thresholds = np.asarray(thresholds, dtype=np.float64)
    n_points, n_classes = len(thresholds), len(scores.labels)
    shape = (n_clips or len(windows), n_points, n_classes)
    dtype = np.int64 if n_clips is None else np.float32
    counted = [np.zeros((2, *shape), dtype=dtype) for _ in scenarios]
    cells, changes = [[[] for _ in scenarios] for _ in range(2)]
    for row, s, found in count_changes(
        scores, truth, windows, scenarios, thresholds
    ):
        group = row if n_clips is None else found.clip
        cell = group * n_points + found.level.astype(np.int64) - 1
        cell = cell * n_classes + found.label
        alarms = found.other == n_classes
        for table, at in zip(
            counted[s], (found.other == found.label, alarms), strict=True
        ):
            np.add.at(table.reshape(-1), cell[at], found.change[at])
        at = np.flatnonzero((found.other != found.label) & ~alarms)
        cell = cell[at] * n_classes + found.other[at]
        cell, change = _summed(cell, found.change[at])
        cells[s].append(cell)
        changes[s].append(change)
    tables = []
    for s in range(len(scenarios)):
        cell, change = _summed(
            np.concatenate([*cells[s], []]).astype(np.int64),
            np.concatenate([*changes[s], []]),
        )
        group, key = np.divmod(cell, n_points * n_classes**2)
        keys, column = np.unique(key, return_inverse=True)
        crossed = np.stack(
            np.unravel_index(keys, (n_points, n_classes, n_classes)), axis=1
        )
        crossing = csr_matrix(
            (change, (group, column)), shape=(shape[0], len(keys))
        )
        if n_clips is None:
            crossing = crossing.toarray()
        tables.append((*map(_falling, counted[s]), crossed, crossing))
    return tables


def _falling(changes):
    """Counts (G, P, ...) of changes on the way to lower thresholds."""
    return np.cumsum(changes[:, ::-1], axis=1)[:, ::-1]


def _summed(keys, values):
    """Sums of the values of each key that are not 0."""
    keys, place = np.unique(keys, return_inverse=True)
    sums = np.bincount(place, values, minlength=len(keys))
    return keys[sums != 0], sums[sums != 0]


def reference_totals(truth, filenames):
    """Number (N, C) and seconds (N, C) of reference events longer than 0 s."""
    events = reference_events(truth, filenames, lasting=True)
    totals = np.zeros((2, len(filenames), len(truth.labels)))
    at = (events["clip"], events["label"])
    np.add.at(totals[0], at, 1.0)
    np.add.at(totals[1], at, events["offset"] - events["onset"])
    return totals


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
