"""Counts behind the polyphonic sound detection scores.

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

from speechbrain_mmsed.evaluation.counts.matching import reference_events
from speechbrain_mmsed.evaluation.counts.psds_changes import count_changes
from speechbrain_mmsed.evaluation.metrics.psd_roc import THRESHOLDS, scenario_of


@dataclass
class PsdsCounts:
    """Counts at P thresholds of G sets of windows.

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
    crossing : numpy.ndarray
        (G, K) cross-triggers there, less those at the next higher threshold;
        none where they cost nothing.
    n_reference, reference_seconds : numpy.ndarray
        (C,) events longer than 0 s, and their length.
    total_seconds : float
        Length of all clips.
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
        dense = np.zeros((n_groups, n_points, n_classes, n_classes), int)
        group, key = self.crossing.nonzero()
        dense[(group, *self.crossed[key].T)] = self.crossing[group, key]
        return _falling(dense)

    def restrict(self, labels):
        """Counts of some of the classes.

        A class's counts depend on its own detections and on the events of
        the others, never on the others' detections; so leaving classes out
        is leaving rows and columns out.
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
        """(P, G, C) shares of events found, and effective rates per hour.

        `cost` is the weight of the cross-triggers (alpha_CT). Without meaning
        for classes without reference.
        """
        shape, present = self.true_positives.shape, self.n_reference > 0
        hits = self.true_positives / np.maximum(self.n_reference, 1)
        rates = self.false_positives * 3600.0 / self.total_seconds
        if cost > 0 and self.crossing.shape[1]:
            point, label, other = self.crossed.T
            share = 3600.0 / np.where(present, self.reference_seconds, np.inf)
            changes = np.zeros(shape)
            for g, crossing in enumerate(self.crossing):
                changes[g] = np.bincount(
                    point * shape[2] + label,
                    crossing * share[other],
                    minlength=shape[1] * shape[2],
                ).reshape(shape[1:])
            rates += cost * _falling(changes) / max(present.sum() - 1, 1)
        return hits.swapaxes(0, 1), rates.swapaxes(0, 1)


def count(scores, truth, windows, scenarios, thresholds=THRESHOLDS):
    """PsdsCounts of each scenario, whose groups are the sets of windows.

    `windows` (W, C) are odd median windows in frames, `thresholds` (P,) rise.
    """
    thresholds = np.asarray(thresholds, dtype=np.float64)
    scenarios = [scenario_of(scenario) for scenario in scenarios]
    n_points, n_classes = len(thresholds), len(scores.labels)
    shape = (len(windows), n_points, n_classes)
    counted = [np.zeros((2, *shape), dtype=np.int64) for _ in scenarios]
    cells, changes = [[[] for _ in scenarios] for _ in range(2)]
    for row, s, found in count_changes(
        scores, truth, np.asarray(windows), scenarios, thresholds
    ):
        cell = row * n_points + found.level.astype(np.int64) - 1
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
    number, seconds = reference_totals(truth, list(truth.durations))
    totals = (
        number.sum(axis=0),
        seconds.sum(axis=0),
        float(sum(truth.durations.values())),
    )
    results = []
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
        crossing = np.zeros((len(windows), len(keys)))
        crossing[group, column] = change
        tables = *map(_falling, counted[s]), crossed, crossing
        results.append(PsdsCounts(list(scores.labels), *tables, *totals))
    return results


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
