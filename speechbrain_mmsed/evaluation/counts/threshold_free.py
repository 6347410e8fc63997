"""Polyphonic sound detection scores over all thresholds.

psds_eval's figure depends on the 50 thresholds that are given to it: where
a class's scores crowd between two of them, its curve has no point. With every
distinct score as a threshold nothing is left to choose, and the figure is
the limit of ever finer lists. Beside the paper's figures, not instead.

The semantics are those of sed_scores_eval 0.0.4, with which tests compare
this; see `psds_changes.py` for where it differs from psds_eval. Classes
without reference events leave the averages, as in `psds.py` (sed_scores_eval
refuses them).

Authors
 * The speechbrain_mmsed authors, 2026
"""

import numpy as np
from scipy.sparse import csr_matrix

from speechbrain_mmsed.evaluation.counts.psds_changes import (
    Changes,
    count_changes,
)
from speechbrain_mmsed.evaluation.counts.psds_counts import (
    ResampledPsds,
    reference_totals,
)
from speechbrain_mmsed.evaluation.metrics.psd_roc import (
    areas_and_score,
    best_curve,
)
from speechbrain_mmsed.evaluation.metrics.psds_scenarios import scenario_of

DEFINITION = (
    "PSDS, {scenario}; over all thresholds (every distinct score of a class), "
    "times compared in microseconds as sed_scores_eval 0.0.4 does"
)


def threshold_free_psds(scores, truth, windows, scenario):
    """One polyphonic sound detection score over all thresholds.

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

    Returns
    -------
    dict
        As `psds` returns: value (0 to 1, or None), class_wise,
        averaged_classes, excluded_classes, reason, computed_by; also
        definition, n_classes (in the average) and windows (label ->
        frames). For the curves see `ThresholdFreeCounts.curves`.

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
    >>> threshold_free_psds(scores, truth, [1], "psds1")["value"]
    1.0
    """
    return ThresholdFreeCounts(scores, truth, windows, scenario).result()


class ThresholdFreeCounts(ResampledPsds):
    """Changes of all counts of a scenario, kept by clip.

    Resampling clips needs no second look at their scores: every change of a
    count gets the weight of its clip.

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
        Most clips of a batch; bounds the memory. Any number gives the same.
    """

    computed_by = "speechbrain_mmsed"
    at_once = 16

    def __init__(self, scores, truth, windows, scenario, clips_at_once=128):
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
        parts = [
            list(vars(changes).values())
            for _, _, changes in count_changes(
                scores,
                truth,
                self.windows[None],
                [self.scenario],
                clips_at_once=clips_at_once,
            )
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

    def areas_and_scores(self, weights):
        """Figures of R resamples.

        Arguments
        ---------
        weights : numpy.ndarray
            (R, N) how often each clip is taken.

        Returns
        -------
        tuple of numpy.ndarray
            (R, C) areas and (R,) scores, NaN where undefined.
        """
        value = np.full(len(weights), np.nan)
        areas = np.full((len(weights), len(self.labels)), np.nan)
        least = 2 if self.scenario.cross_trigger_cost > 0 else 1
        for r, curves in enumerate(self.curves(weights)):
            if len(curves) >= least:
                areas[r, list(curves)], value[r] = areas_and_score(
                    list(curves.values()),
                    self.scenario.instability_cost,
                    self.scenario.max_rate,
                )
        return areas, value
