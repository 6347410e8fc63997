"""Cross-triggers kept where they occur, against dense tables."""

import tracemalloc

import numpy as np
import pandas as pd
import pytest
from corpora import dense_tables

from speechbrain_mmsed.evaluation.counts.psds_counting import (
    count,
    psds_by_clip,
)
from speechbrain_mmsed.evaluation.metrics.psd_roc import (
    SCENARIOS,
    THRESHOLDS,
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
    # The best share at or below each rate, rate by rate.
    steps = np.unique(np.append(0.0, rates[rates <= most]))
    shares = np.array(
        [
            [
                max(hits[rates[:, c] <= rate, c], default=0.0)
                for c in range(len(keep))
            ]
            for rate in steps
        ]
    )
    widths = np.diff(np.append(steps, most)) / most
    effective = shares.mean(1) - scenario.instability_cost * shares.std(1)
    return widths @ np.maximum(effective, 0.0), widths @ shares, keep


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
    ((whole,),) = count(scores, truth, windows[None], [scenario])
    sums = dense_tables(whole)[2][0]
    np.testing.assert_array_equal(sums, tables[2].sum(0))
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
    for result in (whole.result(), counts.result()):
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
