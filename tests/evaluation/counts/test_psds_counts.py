"""Cross-triggers kept where they occur, against dense tables."""

import tracemalloc

import numpy as np
import pandas as pd
import pytest

from speechbrain_mmsed.evaluation.counts.psds_by_clip import psds_by_clip
from speechbrain_mmsed.evaluation.counts.psds_counts import count
from speechbrain_mmsed.evaluation.counts.psds_figures import (
    psds_of_counts,
)
from speechbrain_mmsed.evaluation.metrics.psd_roc import (
    SCENARIOS,
    THRESHOLDS,
    class_areas,
    score,
)
from speechbrain_mmsed.evaluation.metrics.truth import GroundTruth
from speechbrain_mmsed.postprocessing.decode import EVENT_COLUMNS
from speechbrain_mmsed.postprocessing.scores import ClipScores

HOP = 0.25


def make_corpus(n_clips, n_classes, n_frames=40):
    """Two classes at a time, and noise in which all others go off."""
    rng = np.random.default_rng(3)
    labels = [f"class_{c}" for c in range(n_classes)]
    names = [f"{n}.wav" for n in range(n_clips)]
    frame = rng.random((n_clips, n_frames, n_classes)) ** 3
    rows = []
    for n, name in enumerate(names):
        for c in rng.choice(n_classes, 2, replace=False):
            first = rng.integers(0, 20)
            rows.append([name, first * HOP, (first + 15) * HOP, labels[c]])
            frame[n, first : first + 15, c] += 0.5
    frame = np.minimum(frame, 1.0)
    scores = ClipScores(
        names,
        np.full(n_clips, n_frames * HOP),
        labels,
        frame.max(axis=1),
        frame,
        np.ones(n_clips, bool),
        HOP,
    )
    durations = dict(zip(names, scores.durations, strict=True))
    events = pd.DataFrame(rows, columns=EVENT_COLUMNS)
    return scores, GroundTruth(events, durations, labels)


def slow_score(tp, fp, ct, n_reference, seconds, total, scenario):
    """The score of dense tables (P, C) and (P, C, C)."""
    keep = np.flatnonzero(n_reference)
    rates = fp[:, keep] * 3600 / total
    others = ct[:, keep][:, :, keep] * 3600 / seconds[keep]
    rates = rates + (
        scenario.cross_trigger_cost * others.sum(axis=2) / (len(keep) - 1)
    )
    hits = tp[:, keep] / n_reference[keep]
    most = scenario.max_rate
    areas = class_areas(hits, rates, most)
    return score(hits, rates, scenario.instability_cost, most), areas, keep


def dense_tables(counts):
    """(N, P, C) events found and false positives, (N, P, C, C) cross-triggers.

    By clip and threshold, of the changes one by one.
    """
    n_classes = len(counts.labels)
    shape = len(counts.filenames), counts.n_thresholds, n_classes
    dense = np.zeros((*shape, n_classes + 1), int)
    for clip, label, other, level, change in zip(*counts.changes, strict=True):
        # A level is the number of thresholds below.
        dense[clip, :level, label, other] += change
    own = np.arange(n_classes)
    tp = dense[..., own, own].copy()
    dense[..., own, own] = 0
    return tp, dense[..., n_classes], dense[..., :n_classes]


def test_figures_are_those_of_dense_tables():
    scores, truth = make_corpus(12, 4)
    scenario = SCENARIOS["psds2"]
    windows = np.array([1, 3, 1, 5])
    counts = psds_by_clip(scores, truth, windows, scenario, THRESHOLDS)
    tables = (
        *dense_tables(counts),
        counts.n_reference,
        counts.reference_seconds,
        counts.seconds,
    )
    assert tables[2].max() > 0
    whole = count(scores, truth, windows[None], [scenario])[0]
    np.testing.assert_array_equal(whole.cross_triggers[0], tables[2].sum(0))
    for row in np.random.default_rng(0).poisson(1, (5, 12)):
        sums = [np.tensordot(row, table, 1) for table in tables]
        value, areas, keep = slow_score(*sums, scenario)
        figures = counts.figures(row[None])
        assert figures["value"][0] == pytest.approx(value, abs=1e-12)
        for c, area in zip(keep, areas, strict=True):
            found = figures[truth.labels[c]][0]
            assert found == pytest.approx(area, abs=1e-12)
    sums = [table.sum(axis=0) for table in tables]
    value = slow_score(*sums, scenario)[0]
    for result in (psds_of_counts(whole, "psds2"), counts.result()):
        assert result["value"] == pytest.approx(value, abs=1e-12)


def test_memory_does_not_grow_with_the_square_of_the_classes():
    def peak(n_classes):
        scores, truth = make_corpus(6, n_classes)
        windows = np.ones(n_classes, dtype=int)
        tracemalloc.start()
        try:
            counts = psds_by_clip(scores, truth, windows, "psds2", THRESHOLDS)
            counts.figures(np.ones((3, 6)))
            count(scores, truth, windows[None], ["psds2"])
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    few, many = peak(50), peak(200)
    assert many < 6 * few
    # Dense cross-triggers alone, 4 bytes each, would take 48 MB.
    assert many < 45_000_000, many
