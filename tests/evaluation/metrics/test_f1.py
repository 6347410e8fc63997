import math
import warnings

import pandas as pd
import pytest

from speechbrain_mmsed.evaluation.metrics.f1 import (
    clip_f1,
    event_f1,
    group_events,
    segment_f1,
)
from speechbrain_mmsed.evaluation.metrics.truth import GroundTruth

COLUMNS = ["filename", "onset", "offset", "event_label"]
LABELS = ["Dog", "Cat", "Fox"]
METRICS = [clip_f1, segment_f1, event_f1]


def table(*rows):
    return pd.DataFrame(list(rows), columns=COLUMNS)


@pytest.fixture
def truth():
    return GroundTruth(
        table(
            ["a", 0.0, 2.0, "Dog"],
            ["b", 3.0, 8.0, "Dog"],
            ["b", 1.0, 2.0, "Cat"],
            ["c", None, None, None],
        ),
        {"a": 10.0, "b": 10.0, "c": 10.0},
        LABELS,
    )


def test_known_figures(truth):
    events = table(
        ["a", 0.15, 2.15, "Dog"],  # within the collars
        ["b", 3.0, 7.1, "Dog"],  # 0.9 s early of a 5 s event: 20 % is 1 s
        ["c", 4.0, 5.0, "Dog"],  # in a clip without events
    )
    figures = event_f1(events, truth)
    assert figures["class_wise"]["Dog"] == {
        "f1": 0.8,
        "tp": 2,
        "fp": 1,
        "fn": 0,
        "nref": 2,
        "nsys": 3,
    }
    assert figures["class_wise"]["Cat"]["f1"] == 0  # never predicted
    assert figures["macro"] == pytest.approx(0.4)
    assert figures["micro"] == pytest.approx(4 / 6)
    assert figures["averaged_classes"] == ["Dog", "Cat"]
    assert figures["excluded_classes"] == ["Fox"]
    assert figures["class_wise"]["Fox"]["f1"] is None
    assert figures["reason"] is None
    # Segments of Dog: 0, 1 and 3 to 7 against 0, 1, 2; 3 to 7; 4.
    assert segment_f1(events, truth)["class_wise"]["Dog"]["tp"] == 7
    assert segment_f1(events, truth)["class_wise"]["Dog"]["fp"] == 2
    assert clip_f1(events, truth)["counts"] == {
        "tp": 2,
        "fp": 1,
        "fn": 1,
        "nref": 3,
        "nsys": 3,
    }


def test_micro_and_macro_equal_sed_evals_own(truth):
    import sed_eval

    events = table(
        ["a", 0.1, 2.0, "Dog"],
        ["b", 0.9, 2.9, "Cat"],
        ["b", 3.0, 8.0, "Dog"],
        ["c", 0.9, 2.9, "Cat"],
    )
    official = [
        sed_eval.sound_event.SegmentBasedMetrics(
            ["Dog", "Cat"], time_resolution=1.0
        ),
        sed_eval.sound_event.EventBasedMetrics(
            ["Dog", "Cat"],
            t_collar=0.2,
            percentage_of_length=0.2,
            empty_system_output_handling="zero_score",
        ),
    ]
    for metric, ours in zip(official, METRICS[1:], strict=True):
        for clip in truth.durations:
            metric.evaluate(
                group_events(truth.events, truth)[clip],
                group_events(events, truth)[clip],
            )
        figures = ours(events, truth)
        assert figures["micro"] == pytest.approx(
            metric.results_overall_metrics()["f_measure"]["f_measure"]
        )
        macro = metric.results_class_wise_average_metrics()
        assert figures["macro"] == pytest.approx(
            macro["f_measure"]["f_measure"]
        )


@pytest.mark.parametrize("metric", METRICS)
def test_no_predictions_are_zero_not_nan(metric, truth):
    figures = metric(table(), truth)
    assert (figures["micro"], figures["macro"]) == (0.0, 0.0)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("rows", [[], [["c", 1.0, 2.0, "Dog"]]])
def test_without_reference_the_figures_are_none(metric, rows, truth):
    figures = metric(table(*rows), truth.subset(["c"]))
    assert (figures["micro"], figures["macro"]) == (None, None)
    assert "no reference" in figures["reason"]
    assert figures["excluded_classes"] == LABELS
    numbers = list(figures["class_wise"].values()) + [figures["counts"]]
    assert not any(
        isinstance(value, float) and math.isnan(value)
        for counts in numbers
        for value in counts.values()
    )


@pytest.mark.parametrize("metric", METRICS)
def test_predictions_that_would_be_ignored_are_refused(metric, truth):
    with pytest.raises(ValueError, match=r"2 clips.*\['x', 'y'\]"):
        metric(table(["y", 0, 1, "Dog"], ["x", 0, 1, "Dog"]), truth)
    with pytest.raises(ValueError, match="labels.*Cow"):
        metric(table(["a", 0.0, 1.0, "Cow"]), truth)


def test_broken_events_are_refused(truth):
    for onset, offset in [(-1.0, 2.0), (2.0, 1.0), (None, 1.0)]:
        with pytest.raises(ValueError, match="1 predicted events"):
            segment_f1(table(["a", onset, offset, "Dog"]), truth)
    with pytest.raises(ValueError, match="no column"):
        event_f1(table()[["filename", "event_label"]], truth)


def test_the_library_is_silent(truth, capfd):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        event_f1(table(["a", 0.0, 2.0, "Dog"]), truth)
    assert capfd.readouterr() == ("", "")


REFERENCE = {
    "student": {
        "event": 0.398728,
        "segment": 0.754658,
        "clip": 0.806704,
        "segment counts": (8182, 2044, 3276),
        "clip counts": (1444, 351, 341),
    },
    "teacher": {
        "event": 0.421438,
        "segment": 0.770327,
        "clip": 0.814712,
        "segment counts": (8484, 2085, 2974),
        "clip counts": (1473, 358, 312),
    },
}


@pytest.mark.parametrize("model", ["student", "teacher"])
def test_reference_figures_on_real_output(model, shared_folder):
    """The DCASE 2021 baseline on the validation set of DESED."""
    folder = shared_folder / "psds_reference"
    events = pd.read_csv(
        folder / "metrics_test" / model / "predictions0.5.csv", index_col=0
    )
    truth = GroundTruth.load(
        folder / "validation.tsv",
        folder / "validation_durations.tsv",
        sorted(events["event_label"].unique()),
    )
    expected = REFERENCE[model]
    figures = {
        "event": event_f1(events, truth),
        "segment": segment_f1(events, truth),
        "clip": clip_f1(events, truth),
    }
    assert figures["event"]["macro"] == pytest.approx(
        expected["event"], abs=5e-7
    )
    for name in ("segment", "clip"):
        assert figures[name]["micro"] == pytest.approx(expected[name], abs=5e-7)
        counts = figures[name]["counts"]
        assert expected[f"{name} counts"] == tuple(
            counts[key] for key in ("tp", "fp", "fn")
        )
