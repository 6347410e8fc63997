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
from scipy.sparse import csr_matrix

from speechbrain_mmsed.evaluation.counts.matching import reference_events
from speechbrain_mmsed.evaluation.counts.psds_changes import count_changes
from speechbrain_mmsed.evaluation.metrics.psd_roc import THRESHOLDS, scenario_of


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
        dense = np.zeros((n_groups, n_points, n_classes, n_classes), int)
        group, key = self.crossing.nonzero()
        changes = np.asarray(self.crossing[group, key]).ravel()
        dense[(group, *self.crossed[key].T)] = changes
        return _falling(dense)

    def present_labels(self):
        """Classes with reference events longer than 0 s."""
        return [self.labels[c] for c in np.flatnonzero(self.n_reference)]

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


def count(scores, truth, windows, scenarios, thresholds=THRESHOLDS):
    """PsdsCounts of each scenario, whose groups are the sets of windows.

    `windows` (W, C) are odd median windows in frames, `thresholds` (P,) rise.
    """
    windows = np.asarray(windows)
    scenarios = [scenario_of(scenario) for scenario in scenarios]
    tables = psds_tables(scores, truth, windows, scenarios, thresholds, None)
    number, seconds = reference_totals(truth, list(truth.durations))
    totals = (
        number.sum(axis=0),
        seconds.sum(axis=0),
        float(sum(truth.durations.values())),
    )
    return [PsdsCounts(list(scores.labels), *t, *totals) for t in tables]


def psds_tables(scores, truth, windows, scenarios, thresholds, n_clips):
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
