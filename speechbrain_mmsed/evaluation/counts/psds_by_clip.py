"""Counts behind a polyphonic sound detection score, kept by clip.

The fast counts of `psds_counts.py`, equal to psds_eval's, with every pair of
clip and threshold as an operating point of its own. Memory: 4 bytes for each
clip, threshold and pair of classes, 24 MB for 1168 clips and ten classes.

Authors
 * The speechbrain_mmsed authors, 2026
"""

from dataclasses import dataclass

import numpy as np

from speechbrain_mmsed.evaluation.counts.psds_counts import (
    PsdsCounts,
    RunFinder,
    psds_of_counts,
)
from speechbrain_mmsed.evaluation.counts.psds_matching import Criteria
from speechbrain_mmsed.evaluation.counts.psds_tables import (
    EventTables,
    clip_chunks,
)
from speechbrain_mmsed.evaluation.counts.reference_by_clip import (
    lasting_events,
    reference_totals,
)
from speechbrain_mmsed.evaluation.metrics.psd_roc import (
    THRESHOLDS,
    Scenario,
    scenario_of,
)
from speechbrain_mmsed.evaluation.metrics.truth import check_same_clips


@dataclass
class PsdsByClip:
    """Counts of one scenario at P thresholds, kept by clip.

    Arguments
    ---------
    filenames : list of str
        N clips.
    labels : list of str
        C class labels.
    scenario : Scenario
        Parameters of the score.
    windows : numpy.ndarray
        (C,) median windows in frames.
    seconds : numpy.ndarray
        (N,) durations.
    n_reference : numpy.ndarray
        (N, C) reference events longer than 0 s.
    reference_seconds : numpy.ndarray
        (N, C) their seconds.
    true_positives : numpy.ndarray
        (N, P, C) reference events found.
    false_positives : numpy.ndarray
        (N, P, C) failed detections.
    cross_triggers : numpy.ndarray or None
        (N, P, C, C) failed detections on events of other classes; None
        where they cost nothing.
    """

    filenames: list
    labels: list
    scenario: Scenario
    windows: np.ndarray
    seconds: np.ndarray
    n_reference: np.ndarray
    reference_seconds: np.ndarray
    true_positives: np.ndarray
    false_positives: np.ndarray
    cross_triggers: np.ndarray | None = None

    computed_by = "speechbrain_mmsed (counts equal to psds_eval's)"

    @property
    def definition(self):
        """What is counted."""
        n_points = self.true_positives.shape[1]
        return f"PSDS, {self.scenario.text()}; {n_points} thresholds"

    def counts(self, weights):
        """Counts of resampled clips.

        Arguments
        ---------
        weights : numpy.ndarray
            (R, N) how often each clip is taken.

        Yields
        ------
        PsdsCounts
            For each of the R resamples, with one set of windows.
        """
        tp, fp, ct = (
            _weighted(weights, table)
            for table in (
                self.true_positives,
                self.false_positives,
                self.cross_triggers,
            )
        )
        n_reference = weights @ self.n_reference
        reference_seconds = weights @ self.reference_seconds
        total_seconds = weights @ self.seconds
        nothing = np.zeros((*self.true_positives.shape[1:], len(self.labels)))
        for r in range(len(weights)):
            yield PsdsCounts(
                self.labels,
                tp[r][None],
                fp[r][None],
                nothing[None] if ct is None else ct[r][None],
                n_reference[r],
                reference_seconds[r],
                float(total_seconds[r]),
            )

    def figures(self, weights, at_once=128):
        """Score and areas for resampled clips.

        Arguments
        ---------
        weights : numpy.ndarray
            (R, N) how often each clip is taken.
        at_once : int
            Resamples that are summed together; bounds the memory.

        Returns
        -------
        dict
            "value" and every label -> (R,) figures; NaN where undefined.
        """
        weights = np.asarray(weights, dtype=np.float64)
        names = ["value", *self.labels]
        figures = np.full((len(names), len(weights)), np.nan)
        for start in range(0, len(weights), at_once):
            part = weights[start : start + at_once]
            for r, counts in enumerate(self.counts(part), start):
                result = psds_of_counts(counts, self.scenario)
                row = [result["value"], *result["class_wise"].values()]
                figures[:, r] = [np.nan if v is None else v for v in row]
        return dict(zip(names, figures, strict=True))

    def result(self):
        """The figure of all clips, see `psds_of_counts`.

        Returns
        -------
        dict
            Also definition, n_classes and windows (label -> frames).
        """
        counts = next(self.counts(np.ones((1, len(self.filenames)))))
        result = psds_of_counts(counts, self.scenario)
        result["computed_by"] = self.computed_by
        result["definition"] = self.definition
        result["n_classes"] = len(result["averaged_classes"])
        result["windows"] = dict(
            zip(self.labels, self.windows.tolist(), strict=True)
        )
        return result


def psds_by_clip(scores, truth, windows, scenario, thresholds=THRESHOLDS):
    """Count every clip of a scored system on its own.

    Arguments
    ---------
    scores : ClipScores
        Scores of N clips, those of the ground truth.
    truth : GroundTruth
        Reference events and durations.
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
    check_same_clips(scores, truth)
    scenario = scenario_of(scenario)
    filenames, labels = list(scores.filenames), list(scores.labels)
    shape = (len(filenames), len(thresholds), len(labels))
    crossing = None
    if scenario.cross_trigger_cost > 0:
        crossing = np.zeros((*shape, len(labels)), dtype=np.float32)
    result = PsdsByClip(
        filenames,
        labels,
        scenario,
        np.asarray(windows),
        np.array([truth.durations[f] for f in filenames]),
        *reference_totals(
            lasting_events(truth, filenames), len(filenames), len(labels)
        ),
        np.zeros(shape, dtype=np.float32),
        np.zeros(shape, dtype=np.float32),
        crossing,
    )
    _count(result, scores, truth, thresholds)
    return result


def _count(result, scores, truth, thresholds):
    """Fill the tables chunk by chunk."""
    n_points = len(thresholds)
    for clips in clip_chunks(scores, truth, n_points):
        tables = EventTables(scores, truth, clips)
        runs = RunFinder(scores.frame[clips], thresholds, result.windows.max())
        clip, label, point, first, past = tables.known(
            *runs.events(result.windows)
        )
        n_clips = len(tables.edges)
        counted = Criteria(tables, result.scenario).count(
            clip,
            label,
            clip * n_points + point,
            first,
            past,
            n_clips * n_points,
        )
        for table, counts in zip(
            (
                result.true_positives,
                result.false_positives,
                result.cross_triggers,
            ),
            counted,
            strict=True,
        ):
            if table is not None:
                table[clips] = counts.reshape(table[clips].shape)


def _weighted(weights, table):
    """(R, ...) sums of a table over clips; exact, as all are whole numbers."""
    if table is None:
        return None
    flat = table.reshape(len(table), -1)
    sums = weights.astype(np.float32) @ flat
    return sums.reshape(len(weights), *table.shape[1:]).astype(np.float64)
