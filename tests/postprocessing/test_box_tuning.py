"""Settings of boxes are chosen for each class and metric apart."""

import itertools

import numpy as np
import pytest

from speechbrain_mmsed.postprocessing.box_parameters import (
    BoxParameters,
    check_postprocessing,
    has_boxes,
    processed,
)
from speechbrain_mmsed.postprocessing.box_tuning import tune_boxes
from speechbrain_mmsed.postprocessing.boxes import box_scores
from speechbrain_mmsed.postprocessing.parameters import ClassParameters
from speechbrain_mmsed.postprocessing.scores import ClipScores

GRID = {
    "lengths": [0.2, 0.6],
    "absolute": [0.05, 0.2],
    "relative": [1.25, 2.0, 4.0],
}


@pytest.fixture
def scores():
    rng = np.random.default_rng(0)
    frame = rng.random((6, 40, 3)) ** 2
    names = [f"{n}.wav" for n in range(6)]
    seconds, clip = np.full(6, 8.0), np.zeros((6, 3))
    labels, video = ["Dog", "Cat", "Fox"], np.ones(6, bool)
    return ClipScores(names, seconds, labels, clip, frame, video, 0.2)


def value(boxes, aim):
    """Nearness of the share of active frames to an aim, for each class."""
    return 1 - np.abs((boxes.frame > 0).mean(axis=(0, 1)) - aim)


def score(boxes, metrics):
    """Two metrics that want different boxes; Fox cannot be tuned."""
    few, many = value(boxes, 0.3), value(boxes, 0.6)
    few[2] = many[2] = -1
    found = {"few": (few, None), "many": (many, np.array([0.1, 0.2, 0.3]))}
    return {metric: found[metric] for metric in metrics}


def test_every_combination_is_tried_for_each_class(scores):
    tuned = tune_boxes(scores, ["few", "many"], score, **GRID)
    for metric, (parameters, values) in tuned.items():
        best = np.full(3, -1.0)
        for point in itertools.product(*GRID.values()):
            boxes = box_scores(scores, *np.repeat([point], 3, axis=0).T)
            best = np.maximum(best, score(boxes, [metric])[metric][0])
        np.testing.assert_array_equal(values, best)
        again = score(processed(scores, parameters), [metric])[metric][0]
        np.testing.assert_array_equal(again, values)
        assert parameters.tuned.tolist() == [True, True, False]
    few, many = (tuned[metric][0] for metric in ("few", "many"))
    assert few.thresholds is None
    assert many.thresholds.tolist() == [0.1, 0.2, 0.5]
    assert many.lengths[2] == 0.6 and many.relative[2] == 2


def test_of_equal_ones_the_first_is_taken(scores):
    def same(boxes, metrics):
        return {"same": (np.ones(3), None)}

    parameters, _ = tune_boxes(scores, ["same"], same, **GRID)["same"]
    assert parameters.lengths.tolist() == [0.2] * 3
    assert parameters.relative.tolist() == [1.25] * 3


def test_fine_rounds_lose_nothing_and_look_between(scores):
    def far(boxes, metrics):
        return {"far": (value(boxes, 0.6), None)}

    coarse, fine = (
        tune_boxes(scores, ["far"], far, **GRID, rounds=rounds)["far"]
        for rounds in (1, 3)
    )
    assert (fine[1] >= coarse[1]).all()
    assert (fine[1] > coarse[1]).any()
    assert set(fine[0].relative) - set(GRID["relative"])


def test_an_empty_grid_is_refused(scores):
    with pytest.raises(ValueError, match="at least one value"):
        tune_boxes(scores, ["few"], score, lengths=[])


@pytest.mark.parametrize(
    ("report", "detector", "message"),
    [
        ("boxes", "median", "'boxes', expected median, or both"),
        ("both", "both", "'both', expected median or boxes"),
        ("median", "boxes", "none are tuned; set postprocessing: both"),
    ],
)
def test_settings_that_do_not_fit_are_told(report, detector, message):
    with pytest.raises(ValueError, match=message):
        check_postprocessing(report, detector)


def test_a_filter_leaves_the_scores_to_decode(scores):
    filtered = ClassParameters(scores.labels, [0.5] * 3, [1] * 3, [True] * 3)
    assert processed(scores, filtered) is scores
    assert not has_boxes(filtered)
    shape = {name: np.full(3, grid[-1]) for name, grid in GRID.items()}
    boxes = BoxParameters(
        labels=scores.labels, thresholds=None, tuned=[True] * 3, **shape
    )
    again = BoxParameters.from_dict(boxes.to_dict())
    np.testing.assert_array_equal(
        again.boxes(scores).frame, processed(scores, boxes).frame
    )
