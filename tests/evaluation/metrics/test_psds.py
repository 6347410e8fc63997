"""PSDS: the official figures, and the fast counts against psds_eval."""

import tracemalloc

import numpy as np
import pandas as pd
import pytest
from corpora import dense_tables
from hypothesis import given, settings
from hypothesis import strategies as st

from speechbrain_mmsed.evaluation.counts.psds_counting import count
from speechbrain_mmsed.evaluation.metrics import psds as psds_module
from speechbrain_mmsed.evaluation.metrics.psd_roc import (
    SCENARIOS,
    THRESHOLDS,
    class_areas,
)
from speechbrain_mmsed.evaluation.metrics.psds import (
    psds,
    psds_of_operating_points,
    quiet,
)
from speechbrain_mmsed.evaluation.metrics.truth import GroundTruth
from speechbrain_mmsed.evaluation.tuning import tune_scenarios
from speechbrain_mmsed.postprocessing.decode import EVENT_COLUMNS, decode
from speechbrain_mmsed.postprocessing.scores import ClipScores

HOP = 0.1565
# The published output of the DCASE 2021 baseline under psds_eval 0.5.3.
REFERENCE = {
    "student": {"psds1": 0.334469, "psds2": 0.528100},
    "teacher": {"psds1": 0.353493, "psds2": 0.548329},
}


def make_scores(frame, durations, labels, hop=HOP):
    names = [f"{i}.wav" for i in range(len(frame))]
    return ClipScores(
        names,
        durations,
        labels,
        frame.max(axis=1),
        frame,
        np.ones(len(frame), bool),
        hop,
    )


def make_truth(rows, scores):
    return GroundTruth(
        pd.DataFrame(rows, columns=EVENT_COLUMNS),
        dict(zip(scores.filenames, scores.durations, strict=True)),
        scores.labels,
    )


def random_corpus(n_clips=25, seed=0):
    """Scores that follow random events; class 4 never occurs."""
    rng = np.random.default_rng(seed)
    labels = list("edcba")
    logits = rng.normal(-2, 1, (n_clips, 64, 5))
    durations = rng.choice([10.0, 9.3, 6.1, 11.0], n_clips)
    rows = []
    for n in range(n_clips - 3):  # three clips without events
        for c in rng.choice(4, rng.integers(0, 4), replace=False):
            end = 0.0
            while end < 9:
                onset = end + rng.exponential(3)
                end = onset + rng.exponential(2)
                rows.append([f"{n}.wav", onset, end, labels[c]])
                first, past = int(onset / HOP), int(end / HOP) + 1
                logits[n, first:past, c] += rng.normal(3, 2)
    scores = make_scores(1 / (1 + np.exp(-logits)), durations, labels)
    return scores, make_truth(rows, scores)


def official_counts(scores, truth, windows, scenario, thresholds):
    """Counts and score by psds_eval, one point after the other."""
    from psds_eval import PSDSEval

    metadata = pd.DataFrame(
        truth.durations.items(), columns=["filename", "duration"]
    )
    with quiet():
        evaluation = PSDSEval(
            scenario.detection_tolerance,
            scenario.ground_truth_intersection,
            scenario.cross_trigger_tolerance,
            ground_truth=truth.events,
            metadata=metadata,
        )
        matrices, tables = [], []
        for threshold in thresholds:
            table = decode(scores, [threshold] * len(windows), windows)
            tables.append(table)
            evaluation.clear_all_operating_points()
            evaluation.add_operating_point(table)
            matrices.append(evaluation.operating_points.counts.iloc[0])
        evaluation.clear_all_operating_points()
        for table in tables:
            evaluation.add_operating_point(table)
        value = evaluation.psds(
            scenario.cross_trigger_cost, scenario.instability_cost, 100
        ).value
    return np.array(matrices), evaluation.class_names, value


def assert_counts_equal(scores, truth, windows, thresholds):
    """Every count and the score in both scenarios."""
    for name, scenario in SCENARIOS.items():
        windows = np.asarray(windows)
        ((fast,),) = count(scores, truth, windows[None], [name], thresholds)
        named = zip(fast.labels, fast.n_reference[0], strict=True)
        present = sorted(label for label, number in named if number)
        if not present:
            assert fast.result()["value"] is None
            continue
        matrices, names, value = official_counts(
            scores, truth, windows, scenario, thresholds
        )
        n = len(present)
        assert len(names) == n + 1
        fast = fast.restrict(present)
        own = np.arange(n)
        tp, fp, ct = (table[0] for table in dense_tables(fast))
        np.testing.assert_array_equal(tp, matrices[:, own, own])
        np.testing.assert_array_equal(fp, matrices[:, :n, n])
        if scenario.cross_trigger_cost:
            expected = matrices[:, :n, :n].copy()
            expected[:, own, own] = 0
            np.testing.assert_array_equal(ct, expected)
        result = fast.result()
        if n > 1:
            assert result["value"] == pytest.approx(value, abs=1e-9)


def test_counts_and_score_equal_psds_eval_on_a_random_corpus():
    scores, truth = random_corpus()
    assert_counts_equal(scores, truth, [1, 3, 7, 15, 31], [0.03, 0.31, 0.77])


@pytest.mark.slow
def test_counts_and_score_equal_psds_eval_at_every_operating_point():
    scores, truth = random_corpus(120, seed=5)
    for windows in ([1] * 5, [1, 3, 7, 15, 31]):
        assert_counts_equal(scores, truth, windows, THRESHOLDS)


@st.composite
def hard_corpora(draw):
    """Few frames, few levels: criteria are met exactly again and again."""
    n_frames = draw(st.integers(2, 12))
    hop = draw(st.sampled_from([HOP, 0.1, 0.5]))
    n_clips = draw(st.integers(1, 4))
    level = st.sampled_from([0.0, 0.1, 0.3, 0.5, 0.7, 1.0])
    size = n_clips * n_frames * 3
    frame = draw(st.lists(level, min_size=size, max_size=size))
    frame = np.reshape(frame, (n_clips, n_frames, 3))
    end = n_frames * hop
    duration = st.sampled_from([end, end * 0.55, end + 1, hop])
    durations = [draw(duration) for _ in range(n_clips)]
    scores = make_scores(frame, durations, ["Cow", "Ant", "Bee"], hop)
    # Times on frame edges, between them and beyond the clip; an event may
    # have no length.
    time = st.integers(0, 2 * n_frames + 3).map(lambda k: k * hop / 2)
    rows = []
    for name in scores.filenames:
        for label in scores.labels:
            times = sorted(draw(st.lists(time, max_size=6)))
            rows += [
                [name, onset, offset, label]
                for onset, offset in zip(times[::2], times[1::2], strict=False)
            ]
    return scores, make_truth(rows, scores)


@settings(deadline=None, max_examples=5)
@given(hard_corpora(), st.sampled_from([[1, 1, 1], [1, 3, 5]]))
def test_counts_equal_psds_eval_in_hard_cases(corpus, windows):
    assert_counts_equal(*corpus, windows, [0.0, 0.5, 0.99])


@pytest.mark.slow
@settings(deadline=None, max_examples=40)
@given(hard_corpora(), st.sampled_from([[1, 1, 1], [1, 3, 5]]))
def test_counts_equal_psds_eval_in_many_hard_cases(corpus, windows):
    assert_counts_equal(*corpus, windows, [0.0, 0.1, 0.5, 0.99])


def test_a_sum_that_meets_the_criterion_is_rounded_as_pandas_rounds():
    # Seven runs of one frame cover 0.7 of ten frames: naive sums of the
    # seven shares fall on either side of 0.7 depending on the order.
    for hop in (0.1, HOP, 0.3, 1 / 3):
        frame = np.zeros((1, 32, 2))
        frame[0, 3:17:2, 0] = 0.9
        scores = make_scores(frame, [32 * hop], ["x", "y"], hop)
        rows = [["0.wav", 3 * hop, 13 * hop, "x"], ["0.wav", 0, 1, "y"]]
        assert_counts_equal(scores, make_truth(rows, scores), [1, 1], [0.5])
        rows = [["0.wav", 3 * hop, 17 * hop, "x"], ["0.wav", 0, 1, "y"]]
        frame[0, 3:17, 0] = 0.9
        rows = [
            ["0.wav", k * hop, (k + 0.7) * hop, "x"] for k in range(3, 17)
        ] + [["0.wav", 0, 1, "y"]]
        scores = make_scores(frame, [32 * hop], ["x", "y"], hop)
        assert_counts_equal(scores, make_truth(rows, scores), [1, 1], [0.5])


def test_chunks_of_clips_add_up(monkeypatch):
    from speechbrain_mmsed.evaluation.counts import psds_changes

    scores, truth = random_corpus()
    windows = np.array([[1] * 5, [9] * 5])
    whole = count(scores, truth, windows, ["psds2"])[0]
    monkeypatch.setattr(psds_changes, "CELLS", 1)
    parts = count(scores, truth, windows, ["psds2"])[0]
    for one, other in zip(whole, parts, strict=True):
        for table, again in zip(*map(dense_tables, (one, other)), strict=True):
            np.testing.assert_array_equal(table, again)


def psds_eval_at_once(tables, truth, scenario):
    """Value and areas from a PSDSEval that gets whole operating points."""
    from psds_eval import PSDSEval

    metadata = pd.DataFrame(
        truth.durations.items(), columns=["filename", "duration"]
    )
    with quiet():
        evaluation = PSDSEval(
            scenario.detection_tolerance,
            scenario.ground_truth_intersection,
            scenario.cross_trigger_tolerance,
            ground_truth=truth.events,
            metadata=metadata,
        )
        for table in tables:
            evaluation.add_operating_point(table)
        points = evaluation.operating_points
        hits, rates = np.stack(points["tpr"]), np.stack(points["fpr"])
        if scenario.cross_trigger_cost:
            crossed = np.nanmean(np.stack(points["ctr"]), axis=2)
            rates = rates + scenario.cross_trigger_cost * crossed
        value = evaluation.psds(
            scenario.cross_trigger_cost,
            scenario.instability_cost,
            scenario.max_rate,
        ).value
    areas = class_areas(hits, rates, scenario.max_rate)
    names = sorted(set(truth.events["event_label"]))
    return value, dict(zip(names, areas, strict=True))


@pytest.mark.parametrize("at_once", [200, 100_000])
def test_batches_equal_psds_eval_fed_at_once(at_once, monkeypatch):
    monkeypatch.setattr(psds_module, "PAIRS_AT_ONCE", at_once)
    scores, truth = random_corpus(20, seed=3)
    tables = [decode(scores, [t] * 5, [3] * 5) for t in (0.05, 0.2, 0.5, 0.8)]
    tables.append(tables[0].iloc[:0])  # nothing detected at all
    for scenario in SCENARIOS:
        ours = psds_of_operating_points(tables, truth, scenario)
        known = [t[t["event_label"] != "a"] for t in tables]
        value, areas = psds_eval_at_once(known, truth, SCENARIOS[scenario])
        assert ours["value"] == value > 0
        for label, area in areas.items():
            assert ours["class_wise"][label] == pytest.approx(area, abs=1e-12)
        assert ours["excluded_classes"] == ["a"]
        assert ours["class_wise"]["a"] is None


def many_classes(n_classes):
    """Five clips in which every class is detected again and again."""
    rng = np.random.default_rng(0)
    labels = [f"class {c:03}" for c in range(n_classes)]
    frame = 0.85 * rng.random((5, 64, n_classes))
    rows = []
    for c, label in enumerate(labels):
        first = rng.integers(0, 44)
        rows.append([f"{c % 5}.wav", first * HOP, (first + 20) * HOP, label])
        if c % 4:  # every fourth class is found by chance only
            frame[c % 5, first : first + 20, c] = 0.95
    scores = make_scores(frame, [10.0] * 5, labels)
    return scores, make_truth(rows, scores)


def test_memory_of_many_classes_is_bounded():
    """psds_eval would pair all detections of a clip, and all classes."""
    for n_classes in (8, 60):
        scores, truth = many_classes(n_classes)
        windows = [1] * n_classes
        thresholds = np.arange(0.1, 1, 0.1)
        tables = [decode(scores, [t] * n_classes, windows) for t in thresholds]
        tracemalloc.start()
        try:
            ours = psds_of_operating_points(tables, truth, "psds2")
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert peak < 80e6
        assert len(ours["averaged_classes"]) == n_classes
        if n_classes == 8:
            value, areas = psds_eval_at_once(tables, truth, SCENARIOS["psds2"])
            assert ours["value"] == value > 0
            for label, area in areas.items():
                found = ours["class_wise"][label]
                assert found == pytest.approx(area, abs=1e-12)


def test_tuned_windows_have_the_largest_area_by_psds_eval():
    scores, truth = random_corpus(15, seed=2)
    windows = [1, 5, 13]
    (tuned,) = tune_scenarios(scores, truth, ["psds2"], windows)
    areas = {
        window: psds(scores, truth, [window] * 5, "psds2")["class_wise"]
        for window in windows
    }
    for c, label in enumerate(scores.labels[:4]):
        best = max(windows, key=lambda w: areas[w][label])
        assert tuned.windows[c] == best
        assert areas[best][label] > 0
    assert len(set(tuned.windows[:4])) > 1
    assert tuned.tuned.tolist() == [True] * 4 + [False]
    assert tuned.windows[4] == 1
    assert tuned.thresholds is None


def test_both_scenarios_at_once_equal_one_at_a_time():
    scores, truth = random_corpus(8, seed=4)
    both = tune_scenarios(scores, truth, ["psds1", "psds2"], [1, 9])
    for scenario, tuned in zip(["psds1", "psds2"], both, strict=True):
        (alone,) = tune_scenarios(scores, truth, [scenario], [1, 9])
        assert alone.to_dict() == tuned.to_dict()


def test_leaving_classes_out_equals_evaluating_the_rest():
    scores, truth = random_corpus(12, seed=6)
    windows = np.array([[3, 5, 1, 7, 1]])
    keep = ["d", "b"]
    part = ClipScores(
        scores.filenames,
        scores.durations,
        keep,
        scores.clip[:, [1, 3]],
        scores.frame[:, :, [1, 3]],
        scores.has_video,
        HOP,
    )
    events = truth.events[truth.events["event_label"].isin(keep)]
    alone = GroundTruth(events, truth.durations, keep)
    for scenario in SCENARIOS:
        ((whole,),) = count(scores, truth, windows, [scenario])
        result = whole.restrict(keep).result()
        expected = psds(part, alone, [5, 7], scenario)
        assert result["value"] == pytest.approx(expected["value"], abs=1e-9)


def test_one_class_has_psds1_and_no_psds2():
    frame = np.zeros((2, 64, 2))
    frame[0, :20, 0] = 0.9
    scores = make_scores(frame, [10.0, 10.0], ["x", "y"])
    truth = make_truth([["0.wav", 0, 20 * HOP, "x"]], scores)
    windows = np.ones((1, 2), dtype=int)
    for compute in (
        lambda name: psds(scores, truth, windows[0], name),
        lambda name: count(scores, truth, windows, [name])[0][0].result(),
    ):
        assert compute("psds1")["value"] == pytest.approx(1.0)
        assert compute("psds1")["excluded_classes"] == ["y"]
        assert compute("psds2")["value"] is None
        assert "two classes" in compute("psds2")["reason"]


def test_without_reference_events_there_is_a_reason_and_no_figure():
    scores = make_scores(np.full((2, 64, 2), 0.6), [10.0, 10.0], ["x", "y"])
    truth = make_truth([["1.wav", 3.0, 3.0, "x"]], scores)
    result = psds(scores, truth, [1, 1], "psds1")
    assert result["value"] is None
    assert "no class" in result["reason"]
    assert result["excluded_classes"] == ["x", "y"]
    ((counts,),) = count(scores, truth, np.ones((1, 2), int), ["psds1"])
    assert counts.result()["value"] is None
    assert (counts.areas() == -1).all()


def test_a_clip_without_duration_is_an_error_that_lists_it():
    scores, truth = random_corpus(3)
    table = pd.DataFrame([["lost.wav", 0.0, 1.0, "e"]], columns=EVENT_COLUMNS)
    with pytest.raises(ValueError, match=r"lost\.wav"):
        psds_of_operating_points([table], truth, "psds1")
    with pytest.raises(ValueError, match=r"0\.wav"):
        psds(scores, truth.subset(["1.wav", "2.wav"]), [1] * 5, "psds1")
    with pytest.raises(ValueError, match="psds3"):
        psds_of_operating_points([table], truth, "psds3")


def test_psds_eval_is_quiet(recwarn):
    scores, truth = random_corpus(6)
    psds(scores, truth, [1] * 5, "psds2")
    assert not [str(w.message) for w in recwarn.list]


@pytest.mark.parametrize(
    "model", ["student", pytest.param("teacher", marks=pytest.mark.slow)]
)
def test_published_operating_points_give_the_reference_figures(
    model, shared_folder
):
    folder = shared_folder / "psds_reference"
    points = folder / "metrics_test" / model / "predictions_operating_points"
    tables = [
        pd.read_csv(path, sep="\t") for path in sorted(points.glob("*.tsv"))
    ]
    assert len(tables) == 50
    labels = sorted(
        pd.read_csv(folder / "validation.tsv", sep="\t")["event_label"]
        .dropna()
        .unique()
    )
    truth = GroundTruth.load(
        folder / "validation.tsv",
        folder / "validation_durations.tsv",
        labels,
    )
    for scenario, expected in REFERENCE[model].items():
        result = psds_of_operating_points(tables, truth, scenario)
        assert round(result["value"], 6) == expected
        assert len(result["averaged_classes"]) == 10


def test_curves_for_pictures_have_the_areas_of_the_figures():
    scores, truth = random_corpus()
    result = psds(scores, truth, [1, 3, 5, 1, 1], "psds2")

    def area(shares, rates):
        assert (np.diff(rates) > 0).all()
        assert rates[0] == 0
        return (np.diff([*rates, 100.0]) * shares).sum() / 100

    assert set(result["curves"]["classes"]) == set("edcb")
    for label, curve in result["curves"]["classes"].items():
        assert area(*curve) == pytest.approx(result["class_wise"][label])
    assert area(*result["curves"]["overall"]) == pytest.approx(result["value"])
    assert result["value"] > 0.05
