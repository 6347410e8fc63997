"""The fast paths against the libraries' own counts, over the whole grid.

`test_counts.py` draws hard cases at a few points of the grid and compares
them with the figures of `f1.py`; here every point of the paper's grid is
compared, with the five counts that sed_eval itself keeps.
"""

import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speechbrain_mmsed.evaluation.counts.counts import count_grid
from speechbrain_mmsed.evaluation.counts.counts_by_clip import (
    clip_counts,
    intersection_counts,
    segment_counts,
)
from speechbrain_mmsed.evaluation.counts.psds_counting import count
from speechbrain_mmsed.evaluation.metrics.f1 import group_events
from speechbrain_mmsed.evaluation.metrics.psds import psds, quiet
from speechbrain_mmsed.evaluation.metrics.scored import THRESHOLDS, WINDOWS
from speechbrain_mmsed.evaluation.metrics.truth import GroundTruth
from speechbrain_mmsed.evaluation.tuning import tune_scenarios
from speechbrain_mmsed.postprocessing.decode import EVENT_COLUMNS, decode
from speechbrain_mmsed.postprocessing.scores import ClipScores

HOP = 0.1565
LABELS = ["Dog", "Cat", "Fox"]
OFFICIAL = ("Ntp", "Nfp", "Nfn", "Nsys", "Nref")


def make_pair(frame, rows, durations, labels=LABELS):
    names = [f"{n}.wav" for n in range(len(frame))]
    scores = ClipScores(
        names,
        durations,
        labels,
        frame.max(axis=1),
        frame,
        np.ones(len(frame), bool),
        HOP,
    )
    durations = dict(zip(names, scores.durations, strict=True))
    events = pd.DataFrame(rows, columns=EVENT_COLUMNS)
    return scores, GroundTruth(events, durations, labels)


def near(rng, time):
    """The same time, a collar off, or the next number but for rounding."""
    time += rng.choice([0.0, 0.0, 0.2, -0.2, 0.1, 0.5 * HOP])
    way = rng.choice([0, 0, 1, -1])
    return max(0.0, float(np.nextafter(time, way * np.inf) if way else time))


def hard_corpus(seed):
    """All that goes wrong in practice, in every corpus.

    Clip 0 has events that touch, one of no length and one that reaches
    beyond the clip, clip 1 a class that is never predicted, clip 2 no event
    at all, clip 3 neither events nor predictions. Reference events lie on
    frames' edges, at collar distance from predicted ones, or next to either.
    Scores equal thresholds, in float32.
    """
    rng = np.random.default_rng(seed)
    durations = rng.choice([10.0, 9.9, 7.0, 64 * HOP], 4)
    levels = np.array([0.0, *np.arange(1, 10) / 10, 1.0], dtype=np.float32)
    frame = np.zeros((4, 64, 3), dtype=np.float32)
    rows = []
    for n in range(3):
        for c in range(2):
            at = 0
            while at < 64:
                length = int(rng.integers(1, 12))
                frame[n, at : at + length, c] = rng.choice(levels)
                at += length
    for n in range(2):
        for c, label in enumerate(LABELS):
            edges = np.flatnonzero(np.diff(frame[n, :, c])) + 1
            edges = edges if len(edges) else np.arange(2, 60, 9)
            times = sorted(
                near(rng, HOP * edge)
                for edge in rng.choice(edges, min(6, len(edges)), False)
            )
            rows += [
                [f"{n}.wav", on, off, label]
                for on, off in zip(times[::2], times[1::2], strict=False)
            ]
    # Beyond what lies before, as events of one class must not overlap.
    end = max([off for name, _, off, c in rows if c == "Dog"], default=0.0)
    rows += [
        ["0.wav", end, end + 0.3, "Dog"],  # touches
        ["0.wav", end + 0.3, end + 0.3, "Dog"],
        ["0.wav", end + 0.4, end + 13.0, "Dog"],
        ["1.wav", 30.0, 30.0, "Fox"],
        ["2.wav", None, None, None],
    ]
    return make_pair(frame, rows, durations)


def by_sed_eval(scores, truth, thresholds, windows):
    """sed_eval's own counts, {metric: (C, H, W, 5)}."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import sed_eval
    n_classes = len(scores.labels)
    shape = (n_classes, len(thresholds), len(windows), len(OFFICIAL))
    counts = {metric: np.zeros(shape) for metric in ("segment", "event")}
    reference = group_events(truth.events, truth)
    for i, threshold in enumerate(thresholds):
        for j, window in enumerate(windows):
            events = decode(
                scores, [threshold] * n_classes, [window] * n_classes
            )
            estimated = group_events(events, truth)
            metrics = {
                "segment": sed_eval.sound_event.SegmentBasedMetrics(
                    scores.labels, time_resolution=1.0
                ),
                "event": sed_eval.sound_event.EventBasedMetrics(
                    scores.labels, t_collar=0.2, percentage_of_length=0.2
                ),
            }
            for name, metric in metrics.items():
                for clip in scores.filenames:
                    metric.evaluate(reference[clip], estimated[clip])
                for c, label in enumerate(scores.labels):
                    counts[name][c, i, j] = [
                        metric.class_wise[label][key] for key in OFFICIAL
                    ]
    return counts


def assert_grid_exact(scores, truth, thresholds, windows):
    """All five counts, every class, every point, both metrics."""
    fast = count_grid(scores, truth, thresholds, windows)
    slow = by_sed_eval(scores, truth, thresholds, windows)
    for metric, grid in fast.items():
        tp, nsys = grid.tp, grid.nsys
        nref = np.broadcast_to(grid.n_reference[:, None, None], tp.shape)
        ours = np.stack([tp, nsys - tp, nref - tp, nsys, nref], axis=-1)
        np.testing.assert_array_equal(ours, slow[metric], err_msg=metric)
    return fast


def test_five_counts_at_every_point_of_the_papers_grid():
    scores, truth = hard_corpus(11)
    fast = assert_grid_exact(scores, truth, THRESHOLDS, WINDOWS)
    assert fast["event"].tp[:2].max() > 0
    assert fast["event"].nsys[2].max() == 0
    assert len(np.unique(fast["segment"].tp[0])) > 5


@settings(deadline=None, max_examples=12)
@given(
    st.integers(0, 10_000),
    st.sampled_from([np.float32, np.float64]),
    st.sampled_from([(1, 3), (1, 31), (5, 7)]),
)
def test_five_counts_in_hard_cases(seed, dtype, windows):
    scores, truth = hard_corpus(seed)
    thresholds = np.array([0.1, 0.4, 0.7], dtype=dtype)
    assert_grid_exact(scores, truth, thresholds, np.array(windows))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20))
def test_five_counts_in_many_hard_cases(seed):
    scores, truth = hard_corpus(20_000 + seed)
    assert_grid_exact(scores, truth, THRESHOLDS, WINDOWS[:8:2])


@pytest.mark.parametrize("shift", [-1, 0, 1])
def test_collars_are_met_or_missed_by_one_rounding(shift):
    """Onset and offset exactly, or all but exactly, at collar distance."""
    frame = np.zeros((1, 64, 3))
    frame[0, 10:20, 0] = 0.8
    on, off = 10 * HOP, 20 * HOP
    for onset, offset in [(on - 0.2, off), (on, off + 0.2), (on, off - 0.2)]:
        far = float(np.nextafter(onset, shift * np.inf)) if shift else onset
        rows = [["0.wav", far, offset, "Dog"]]
        assert_grid_exact(*make_pair(frame, rows, [10.0]), [0.5], [1])
        far = float(np.nextafter(offset, shift * np.inf)) if shift else offset
        rows = [["0.wav", onset, far, "Dog"]]
        assert_grid_exact(*make_pair(frame, rows, [10.0]), [0.5], [1])


def test_tuned_psds_windows_have_psds_evals_areas_and_scores():
    """Each candidate window's areas, and the score of the tuned ones."""
    rng = np.random.default_rng(4)
    frame = rng.random((12, 64, 3)) * 0.4
    rows = []
    for n in range(11):
        for c in rng.choice(3, 2, replace=False):
            first = rng.integers(0, 40)
            past = first + rng.integers(5, 24)
            rows.append([f"{n}.wav", first * HOP, past * HOP, LABELS[c]])
            noise = rng.random(past - first)
            frame[n, first:past, c] += 0.6 * (noise > 0.2)
    scores, truth = make_pair(frame, rows, np.full(12, 10.0))
    windows = np.array([1, 7])
    names = ["psds1", "psds2"]
    each = np.repeat(windows[:, None], 3, axis=1)
    grids = count(scores, truth, each, names)
    tuned = tune_scenarios(scores, truth, names, windows)
    for name, grid, best in zip(names, grids, tuned, strict=True):
        areas = np.array([counts.areas() for counts in grid])
        official = np.array(
            [
                list(psds(scores, truth, row, name)["class_wise"].values())
                for row in each
            ]
        )
        np.testing.assert_allclose(areas, official, atol=1e-6, rtol=0)
        np.testing.assert_array_equal(
            best.windows, windows[np.round(official, 9).argmax(axis=0)]
        )
        ((counts,),) = count(scores, truth, best.windows[None], [name])
        value = psds(scores, truth, best.windows, name)["value"]
        assert counts.result()["value"] == pytest.approx(value, abs=1e-6)
        assert value > 0.05
    assert len(np.unique(tuned[0].windows)) == 2


# The DCASE 2021 baseline's student on DESED validation, threshold 0.5.
STUDENT = {
    "segment": (segment_counts, (8182, 2044, 3276)),
    "clip": (clip_counts, (1444, 351, 341)),
}


def test_counts_by_clip_add_up_to_the_reference_figures(shared_folder):
    from psds_eval import PSDSEval

    folder = shared_folder / "psds_reference"
    events = pd.read_csv(
        folder / "metrics_test" / "student" / "predictions0.5.csv", index_col=0
    )
    truth = GroundTruth.load(
        folder / "validation.tsv",
        folder / "validation_durations.tsv",
        sorted(events["event_label"].unique()),
    )
    for by_clip, expected in STUDENT.values():
        total = by_clip(events, truth).result()["counts"]
        assert tuple(total[key] for key in ("tp", "fp", "fn")) == expected
    ours = intersection_counts(events, truth).result()
    metadata = pd.DataFrame(
        truth.durations.items(), columns=["filename", "duration"]
    )
    with quiet():
        evaluation = PSDSEval(
            0.5, 0.5, 0.3, ground_truth=truth.events, metadata=metadata
        )
        macro, class_wise = evaluation.compute_macro_f_score(events)
    assert ours["macro"] == pytest.approx(macro, abs=1e-9)
    for label, f1 in class_wise.items():
        assert ours["class_wise"][label]["f1"] == pytest.approx(f1, abs=1e-9)
