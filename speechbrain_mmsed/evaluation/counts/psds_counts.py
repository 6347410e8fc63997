"""Fast counts behind the polyphonic sound detection scores.

psds_eval matches one table of events at a time with pandas. The choice of a
median window (section 3.1.3) needs 50 thresholds times 16 windows, and a
report needs the scores of many small subsets, so this module counts true
positives, false positives and cross-triggers of all of them with numpy:

* an event is a run of frames [first, past), so everything psds_eval asks of
  it and of the reference of its clip is a table over (first, past), made
  once for all thresholds and windows (`EventTables`);
* the events of all thresholds at once are the changes of one boolean array.

Counts add over clips, so clips pass in chunks and memory stays bounded.
Sums that meet a criterion exactly are added in psds_eval's own order and
manner, so that counts agree even there.

Authors
 * The speechbrain_mmsed authors, 2026
"""

from dataclasses import dataclass

import numpy as np

from speechbrain_mmsed.evaluation.counts.psds_matching import Criteria
from speechbrain_mmsed.evaluation.counts.psds_tables import (
    EventTables,
    clip_chunks,
)
from speechbrain_mmsed.evaluation.metrics.psd_roc import THRESHOLDS, scenario_of
from speechbrain_mmsed.evaluation.metrics.truth import check_same_clips
from speechbrain_mmsed.postprocessing.decode import MajorityFilter


@dataclass
class PsdsCounts:
    """Counts of operating points in one scenario; they add over clips.

    Arguments
    ---------
    labels : list of str
        C class labels.
    true_positives : numpy.ndarray
        (W, P, C) events found, for W sets of windows and P thresholds.
    false_positives : numpy.ndarray
        (W, P, C) detections that failed.
    cross_triggers : numpy.ndarray
        (W, P, C, C) failed detections of the first class in events of the
        second.
    n_reference : numpy.ndarray
        (C,) events longer than 0 s.
    reference_seconds : numpy.ndarray
        (C,) their length.
    total_seconds : float
        Length of all clips.
    """

    labels: list
    true_positives: np.ndarray
    false_positives: np.ndarray
    cross_triggers: np.ndarray
    n_reference: np.ndarray
    reference_seconds: np.ndarray
    total_seconds: float

    def present_labels(self):
        """Classes with reference events longer than 0 s.

        Returns
        -------
        list of str
        """
        return [self.labels[c] for c in np.flatnonzero(self.n_reference)]

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
        return PsdsCounts(
            list(labels),
            self.true_positives[..., keep],
            self.false_positives[..., keep],
            self.cross_triggers[..., keep, :][..., keep],
            self.n_reference[keep],
            self.reference_seconds[keep],
            self.total_seconds,
        )


def count(scores, truth, windows, scenarios, thresholds=THRESHOLDS):
    """Counts for every threshold and every given set of windows.

    Arguments
    ---------
    scores : ClipScores
        Scores of N clips, those of the ground truth.
    truth : GroundTruth
        Reference events and durations.
    windows : numpy.ndarray
        (W, C) odd median windows in frames.
    scenarios : list
        Names of scenarios, or parameters.
    thresholds : numpy.ndarray
        (P,) rising thresholds.

    Returns
    -------
    list of PsdsCounts
        One per scenario.
    """
    check_same_clips(scores, truth)
    scenarios = [scenario_of(scenario) for scenario in scenarios]
    windows = np.asarray(windows)
    thresholds = np.asarray(thresholds, dtype=np.float64)
    totals = _zero_counts(truth, scenarios, len(windows), len(thresholds))
    for clips in clip_chunks(scores, truth, len(thresholds)):
        tables = EventTables(scores, truth, clips)
        criteria = [Criteria(tables, scenario) for scenario in scenarios]
        runs = RunFinder(scores.frame[clips], thresholds, windows.max())
        for row, chosen in enumerate(windows):
            found = tables.known(*runs.events(chosen))
            for total, criterion in zip(totals, criteria, strict=True):
                tp, fp, ct = criterion.count(*found, len(thresholds))
                total.true_positives[row] += tp
                total.false_positives[row] += fp
                total.cross_triggers[row] += ct
    return totals


def _zero_counts(truth, scenarios, n_windows, n_points):
    """Counts before the first clip, with the reference's totals."""
    events = truth.events[truth.events["offset"] > truth.events["onset"]]
    lengths = (events["offset"] - events["onset"]).to_numpy()
    index = {label: c for c, label in enumerate(truth.labels)}
    classes = events["event_label"].map(index).to_numpy(dtype=np.int64)
    n_classes = len(truth.labels)
    shape = (n_windows, n_points, n_classes)
    return [
        PsdsCounts(
            list(truth.labels),
            np.zeros(shape, dtype=np.int64),
            np.zeros(shape, dtype=np.int64),
            np.zeros((*shape, n_classes), dtype=np.int64),
            np.bincount(classes, minlength=n_classes),
            np.bincount(classes, weights=lengths, minlength=n_classes),
            float(sum(truth.durations.values())),
        )
        for _ in scenarios
    ]


class RunFinder:
    """Runs of active frames for all thresholds at once.

    Arguments
    ---------
    frame : numpy.ndarray
        (n, T, C) probabilities.
    thresholds : numpy.ndarray
        (P,) rising thresholds.
    largest_window : int
        The largest window that will be asked for.
    """

    def __init__(self, frame, thresholds, largest_window):
        # p > threshold i exactly where more than i thresholds lie below p;
        # compared as float64, as everywhere.
        levels = np.searchsorted(
            thresholds, frame.astype(np.float64), side="left"
        )
        self.rows = [
            self._rows(levels[:, :, c], len(thresholds), int(largest_window))
            for c in range(frame.shape[2])
        ]

    @staticmethod
    def _rows(levels, n_points, largest_window):
        """Clips and thresholds with an active frame, and their filter.

        What is nowhere active stays so under any window: most rows are.
        """
        most = levels.max(axis=1, initial=0)
        clip, point = np.nonzero(most[:, None] > np.arange(n_points))
        above = levels[clip] > point[:, None]
        return clip, point, MajorityFilter(above[..., None], largest_window)

    def events(self, windows):
        """Runs after the median filters.

        Arguments
        ---------
        windows : numpy.ndarray
            (C,) odd windows.

        Returns
        -------
        tuple of numpy.ndarray
            Clip, class, threshold, first frame and frame past the end of E
            runs, each (E,), ordered by class, then clip, threshold and
            frames.
        """
        parts = []
        for c, window in enumerate(windows):
            clips, points, smooth = self.rows[c]
            active = smooth.median(int(window))[..., 0]
            n_rows, n_frames = active.shape
            change = np.empty((n_rows, n_frames + 1), dtype=bool)
            change[:, 0], change[:, -1] = active[:, 0], active[:, -1]
            np.not_equal(active[:, 1:], active[:, :-1], out=change[:, 1:-1])
            # Every run has two changes in one row, so they alternate.
            row, at = np.divmod(np.flatnonzero(change), n_frames + 1)
            row = row[::2]
            label = np.full(len(row), c)
            parts.append((clips[row], label, points[row], at[::2], at[1::2]))
        return tuple(np.concatenate(each) for each in zip(*parts, strict=True))
