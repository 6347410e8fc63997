import dataclasses
import itertools
import tracemalloc
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from speechbrain_mmsed.evaluation.counts import psds_changes
from speechbrain_mmsed.evaluation.counts.counts import count_grid
from speechbrain_mmsed.evaluation.metrics.f1 import (
    clip_f1,
    event_f1,
    segment_f1,
)
from speechbrain_mmsed.evaluation.metrics.psds import (
    areas_of_operating_points,
)
from speechbrain_mmsed.evaluation.metrics.scored import (
    THRESHOLDS,
    WINDOWS,
    best_parameters,
)
from speechbrain_mmsed.evaluation.metrics.truth import GroundTruth
from speechbrain_mmsed.evaluation.tuning import (
    choose_weight,
    tune_all,
    tune_all_boxes,
    tune_event,
    tune_scenarios,
    validation_f1,
)
from speechbrain_mmsed.nnet.fusion import fusion_weights
from speechbrain_mmsed.postprocessing.box_parameters import processed
from speechbrain_mmsed.postprocessing.boxes import box_scores, box_table
from speechbrain_mmsed.postprocessing.decode import (
    EVENT_COLUMNS,
    decode,
    decode_tags,
)
from speechbrain_mmsed.postprocessing.scores import ClipScores, score_file
from speechbrain_mmsed.training.weight_search import WeightSearch

ONES = np.ones(3, dtype=int)


@pytest.fixture
def validation():
    """Noisy scores of two classes; a third has no event."""
    rng = np.random.default_rng(0)
    names, labels = [f"{i}.wav" for i in range(15)], ["Dog", "Cat", "Fox"]
    logits = rng.normal(-1.5, 1.2, (15, 64, 3))
    rows = []
    for n, name in enumerate(names):
        for c, label in enumerate(labels[:2]):
            first = rng.integers(0, 50)
            past = first + rng.integers(1, 14)
            if rng.random() < 0.7:
                rows.append([name, first * 0.1565, past * 0.1565, label])
                logits[n, first:past, c] += 3
    frame = 1 / (1 + np.exp(-logits))
    scores = ClipScores(
        names,
        np.full(15, 10.0),
        labels,
        frame.mean(axis=1) * 2 / (1 + frame.mean(axis=1)),
        frame,
        np.ones(15, bool),
        0.1565,
    )
    events = pd.DataFrame(
        rows, columns=["filename", "onset", "offset", "event_label"]
    )
    truth = GroundTruth(events, dict.fromkeys(names, 10.0), labels)
    return scores, truth


def make_counts(f1, thresholds, windows):
    """Counts of one class with these F1 in percent."""
    tp = np.asarray(f1)[None]
    return SimpleNamespace(
        labels=["a"],
        thresholds=thresholds,
        windows=windows,
        tp=tp,
        nsys=np.full(tp.shape, 100),
        n_reference=np.array([100]),
    )


def test_the_grid_is_the_papers():
    assert THRESHOLDS == (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
    assert (WINDOWS[0], WINDOWS[-1], len(WINDOWS)) == (1, 31, 16)


@pytest.mark.parametrize(
    ("f1", "threshold", "window"),
    [
        ([[9, 5], [5, 5], [5, 5]], 0.3, 1),
        ([[7, 7], [5, 7], [7, 7]], 0.5, 3),
        ([[7, 7], [5, 5], [7, 7]], 0.3, 1),  # 0.3 and 0.7 are equally near
        ([[5, 7], [5, 5], [7, 5]], 0.7, 1),
        ([[0, 0], [0, 0], [0, 0]], 0.5, 1),
    ],
)
def test_ties(f1, threshold, window):
    counts = make_counts(f1, [0.3, 0.5, 0.7], [1, 3])
    parameters, best = best_parameters(counts)
    assert parameters.thresholds.tolist() == [threshold]
    assert parameters.windows.tolist() == [window]
    assert best[0] == np.max(f1) / 100
    assert parameters.tuned.tolist() == [True]


@pytest.mark.parametrize(
    ("name", "metric"), [("segment", segment_f1), ("event", event_f1)]
)
def test_tuned_parameters_are_the_best_by_official_counts(
    name, metric, validation
):
    scores, truth = validation
    thresholds, windows = [0.2, 0.4, 0.6, 0.8], [1, 5, 9]
    parameters, f1 = tune_all(scores, truth, thresholds, windows)[name]
    best = np.zeros(2)
    for threshold in thresholds:
        for window in windows:
            events = decode(scores, np.full(3, threshold), np.full(3, window))
            figures = metric(events, truth)["class_wise"]
            best = np.maximum(best, [figures[c]["f1"] for c in ("Dog", "Cat")])
    tuned = decode(scores, parameters.thresholds, parameters.windows)
    figures = metric(tuned, truth)
    for c, label in enumerate(("Dog", "Cat")):
        assert figures["class_wise"][label]["f1"] == f1[c] == best[c] > 0.3
    assert figures["macro"] == pytest.approx(best.mean())


@pytest.mark.parametrize(
    ("name", "metric"), [("sbf1", segment_f1), ("ebf1", event_f1)]
)
def test_tuned_boxes_are_the_best_by_official_counts(name, metric, validation):
    scores, truth = validation
    grid = {"lengths": [0.2, 0.5], "absolute": [0.2], "relative": [1.5, 3.0]}
    tuned = tune_all_boxes(scores, truth, [name], **grid)
    assert tuned["cbf1"].windows is None
    best = np.zeros(2)
    for *point, threshold in itertools.product(*grid.values(), THRESHOLDS):
        boxes = box_scores(scores, *np.repeat([point], 3, axis=0).T)
        table = box_table(boxes)
        figures = metric(table[table["confidence"] > threshold], truth)
        f1 = [figures["class_wise"][c]["f1"] for c in ("Dog", "Cat")]
        best = np.maximum(best, f1)
    parameters = tuned[name]
    events = decode(processed(scores, parameters), parameters.thresholds, ONES)
    figures = metric(events, truth)["class_wise"]
    assert [figures[c]["f1"] for c in ("Dog", "Cat")] == best.tolist()
    assert best.min() > 0.1
    assert parameters.tuned.tolist() == [True, True, False]


@pytest.mark.parametrize("scenario", ["psds1", "psds2"])
def test_tuned_boxes_have_the_largest_areas(scenario, validation):
    scores, truth = validation
    # Each score is a threshold of the plain way, which takes its time.
    scores = scores.subset(np.arange(15) < 8)
    truth = truth.subset(scores.filenames)
    grid = {"lengths": [0.2, 0.5], "absolute": [0.1], "relative": [1.5, 3.0]}
    parameters = tune_all_boxes(scores, truth, [scenario], **grid)[scenario]
    found = []
    for settings in (
        *itertools.product(*grid.values()),
        (parameters.lengths, parameters.absolute, parameters.relative),
    ):
        settings = [np.broadcast_to(values, 3) for values in settings]
        table = box_table(box_scores(scores, *settings))
        points = [
            table.loc[table["confidence"] > level, EVENT_COLUMNS]
            for level in [0.0, *sorted(set(table["confidence"]))]
        ]
        found.append(areas_of_operating_points(points, truth, scenario))
    *others, chosen = np.array(found)
    np.testing.assert_allclose(chosen, np.max(others, axis=0), atol=1e-9)
    assert chosen[:2].min() > 0


def test_a_class_without_events_keeps_defaults(validation):
    for parameters, f1 in tune_all(*validation).values():
        assert parameters.tuned.tolist() == [True, True, False]
        assert parameters.thresholds[2] == 0.5
        assert np.isnan(f1).tolist() == [False, False, True]
        if parameters.windows is not None:
            assert parameters.windows[2] == 1


def test_clip_tuning(validation):
    scores, truth = validation
    parameters, f1 = tune_all(scores, truth)["clip"]
    assert parameters.windows is None
    figures = clip_f1(decode_tags(scores, parameters.thresholds), truth)
    for threshold in THRESHOLDS:
        other = clip_f1(decode_tags(scores, np.full(3, threshold)), truth)
        for c, label in enumerate(("Dog", "Cat")):
            assert f1[c] == figures["class_wise"][label]["f1"]
            assert f1[c] >= other["class_wise"][label]["f1"]


def test_one_pass_gives_what_events_alone_give(validation):
    together, f1 = tune_all(*validation)["event"]
    parameters, alone = tune_event(*validation)
    assert together.to_dict() == parameters.to_dict()
    np.testing.assert_array_equal(f1, alone)


@pytest.mark.parametrize(
    "tune_grid",
    [
        lambda scores, truth: count_grid(
            scores, truth, (0.4, 0.5), (1, 7, 31), clips_at_once=20
        ),
        lambda scores, truth: tune_scenarios(
            scores, truth, ["psds1", "psds2"], (1, 7, 31)
        ),
    ],
    ids=["f1", "psds"],
)
def test_memory_does_not_grow_with_the_clips(tune_grid, monkeypatch):
    monkeypatch.setattr(psds_changes, "CELLS", 8_000)

    def peak(n_clips):
        rng = np.random.default_rng(0)
        names, labels = [f"{n}.wav" for n in range(n_clips)], ["Dog", "Cat"]
        frame = rng.random((n_clips, 64, 2))
        scores = ClipScores(
            names,
            np.full(n_clips, 10.0),
            labels,
            frame[:, 0],
            frame,
            np.ones(n_clips, bool),
            0.1565,
        )
        rows = [[name, 1.0, 4.0, label] for name in names for label in labels]
        events = pd.DataFrame(
            rows, columns=["filename", "onset", "offset", "event_label"]
        )
        truth = GroundTruth(events, dict.fromkeys(names, 10.0), labels)
        tracemalloc.start()
        try:
            tune_grid(scores, truth)
            return tracemalloc.get_traced_memory()[1] - frame.nbytes
        finally:
            tracemalloc.stop()

    # Clips of one batch, and a little for each clip's name and events.
    assert peak(160) < 1.5 * peak(40)


@pytest.mark.parametrize("best", [(0.5625, 0.3125, 0.125), (0.25, 0.0, 0.75)])
def test_a_search_ends_at_the_best_weights(validation, tmp_path, best):
    """The further from some weights, the more events are not there."""
    scores, truth = validation
    truth.events.to_csv(tmp_path / "validation.tsv", sep="\t", index=False)
    durations = pd.DataFrame(truth.durations.items())
    durations.columns = ["filename", "duration"]
    path = tmp_path / "validation_durations.tsv"
    durations.to_csv(path, sep="\t", index=False)
    perfect, events = np.zeros_like(scores.frame), []
    for name, *times, label in truth.events.itertuples(index=False):
        first, past = (round(t / scores.frame_hop) for t in times)
        clip = scores.filenames.index(name)
        events.append((clip, slice(first, past), scores.labels.index(label)))
        perfect[events[-1]] = 0.9

    def score(weight):
        weights = fusion_weights(weight, 3).numpy()
        frame = perfect.copy()
        share = min(1.0, np.abs(weights - best).sum())
        for lost in events[: round(share * len(events))]:
            frame[lost] = 0.0
        return dataclasses.replace(scores, frame=frame)

    search = WeightSearch(
        lambda made: validation_f1(made, tmp_path, scores.labels)
    )
    tried = search(score, 3)
    found = fusion_weights(list(tried)[-1], 3).numpy()
    assert np.abs(found - best).sum() <= 0.125
    assert len(tried) < 40
    for weight in tried:
        weights = fusion_weights(weight, 3)
        assert 0 < weights[0] < 1 and weights.sum() == 1
    # Whoever chooses among the files chooses the same.
    for weight, made in tried.items():
        made.save(tmp_path / score_file(weight))
    assert choose_weight(tmp_path, truth)[0] == list(tried)[-1]
