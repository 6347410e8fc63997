"""The five metrics of a set of clips, whole and split by video."""

import dataclasses

import numpy as np
import pytest
from corpora import make_corpus

from speechbrain_mmsed.evaluation.evaluate import (
    SPLITS,
    EvaluatedSystem,
    evaluate_splits,
    measure,
)
from speechbrain_mmsed.evaluation.metrics.f1 import (
    clip_f1,
    event_f1,
    segment_f1,
)
from speechbrain_mmsed.evaluation.metrics.psds import psds
from speechbrain_mmsed.evaluation.metrics.run import METRICS, five_metrics
from speechbrain_mmsed.evaluation.metrics.truth import GroundTruth
from speechbrain_mmsed.evaluation.tuning import tune
from speechbrain_mmsed.postprocessing.decode import (
    decode,
    decode_tags,
)

LABELS = ["Dog", "Cat", "Saw", "Rain"]


@pytest.fixture(scope="module")
def tuned():
    # The last two clips are silent, and class Rain never occurs.
    classes = [{n % 3, (n + n // 3) % 3} for n in range(12)] + [[], []]
    scores, truth = make_corpus(classes, LABELS)
    return scores, truth, tune(scores, truth)


def test_tuning_covers_the_five_metrics(tuned):
    parameters = tuned[2]
    assert tuple(parameters) == METRICS
    assert parameters["cbf1"].windows is None
    assert parameters["psds2"].thresholds is None
    for one in parameters.values():
        assert one.tuned.tolist() == [True, True, True, False]
    assert parameters["ebf1"].thresholds[3] == 0.5
    assert parameters["ebf1"].windows[3] == 1


def test_figures_are_those_of_the_official_functions(tuned):
    scores, truth, parameters = tuned
    figures = five_metrics(scores, truth, parameters)
    cbf1 = clip_f1(decode_tags(scores, parameters["cbf1"].thresholds), truth)
    segment, event = (
        decode(scores, parameters[m].thresholds, parameters[m].windows)
        for m in ("sbf1", "ebf1")
    )
    assert figures["cbf1"]["value"] == cbf1["micro"] > 0.5
    assert figures["sbf1"]["value"] == segment_f1(segment, truth)["micro"]
    assert figures["ebf1"]["value"] == event_f1(event, truth)["macro"] > 0.2
    expected = psds(scores, truth, parameters["psds2"].windows, "psds2")
    assert figures["psds2"]["value"] == expected["value"] > 0
    assert figures["psds2"]["computed_by"].startswith("psds_eval 0.")
    for figure in figures.values():
        assert figure["excluded_classes"] == ["Rain"]
        assert figure["class_wise"]["Rain"] is None
        assert figure["reason"] is None
    fast = measure(scores, truth, parameters).figures()
    for metric in METRICS:
        value = figures[metric]["value"]
        assert fast[metric]["value"] == pytest.approx(value, abs=1e-9)


def test_a_group_of_classes_equals_evaluating_only_these(tuned):
    scores, truth, parameters = tuned
    group = ["Cat", "Dog"]
    keep = [LABELS.index(label) for label in group]
    part = dataclasses.replace(
        scores,
        labels=group,
        clip=scores.clip[:, keep],
        frame=scores.frame[:, :, keep],
    )
    events = truth.events[truth.events["event_label"].isin(group)]
    part_parameters = {
        metric: dataclasses.replace(
            p,
            labels=group,
            thresholds=None if p.thresholds is None else p.thresholds[keep],
            windows=None if p.windows is None else p.windows[keep],
            tuned=p.tuned[keep],
        )
        for metric, p in parameters.items()
    }
    alone = measure(
        part, GroundTruth(events, truth.durations, group), part_parameters
    ).figures()
    figures = measure(scores, truth, parameters).figures(group)
    for metric in METRICS:
        assert figures[metric]["value"] == pytest.approx(
            alone[metric]["value"], abs=1e-12
        )
        assert figures[metric]["averaged_classes"] == group
        assert set(figures[metric]["class_wise"]) == set(group)


def split(scores, ignored, truth, parameters, official=("all",)):
    system = EvaluatedSystem(
        scores, ignored, has_video=scores.video(), parameters=parameters
    )
    return evaluate_splits(system, truth, official)


def test_splits_are_the_same_clips_with_and_without_video(tuned):
    scores, truth, parameters = tuned
    ignored = dataclasses.replace(scores, clip=scores.clip * 0.5)
    splits = split(scores, ignored, truth, parameters, official=())
    assert tuple(splits) == SPLITS
    n_video = int(scores.has_video.sum())
    assert [len(splits[s].truth.durations) for s in SPLITS] == [
        len(scores.filenames),
        n_video,
        n_video,
        len(scores.filenames) - n_video,
    ]
    n_ignored, n_available = (
        len(splits[f"video_{how}"].truth.events)
        for how in ("ignored", "available")
    )
    assert n_ignored == n_available
    # Each split by hand, with the parameters of the whole validation set.
    for name, source, mask in (
        ("video_available", scores, scores.has_video),
        ("video_ignored", ignored, scores.has_video),
        ("video_unavailable", scores, ~scores.has_video),
    ):
        part = source.subset(mask)
        expected = measure(part, truth.subset(part.filenames), parameters)
        figures = splits[name].figures()
        for metric, figure in expected.figures().items():
            assert figures[metric]["value"] == figure["value"]
    values = [splits[s].figures()["cbf1"]["value"] for s in SPLITS[1:3]]
    assert values[0] > values[1]


def test_a_system_of_sound_alone_fills_video_ignored(tuned):
    scores, truth, parameters = tuned
    splits = split(scores, None, truth, parameters, official=())
    available = splits["video_available"].figures()
    for metric in METRICS:
        assert available[metric]["value"] is None
        assert "sound alone" in available[metric]["reason"]
        assert splits["video_ignored"].figures()[metric]["value"] is not None
    assert splits["video_available"].truth.durations


def test_splits_without_clips_or_events_have_reasons(tuned):
    scores, truth, parameters = tuned
    everywhere = dataclasses.replace(
        scores, has_video=np.ones(len(scores.filenames), bool)
    )
    splits = split(everywhere, everywhere, truth, parameters, official=())
    figures = splits["video_unavailable"].figures()
    assert figures["ebf1"]["value"] is None
    assert "no clips without video" in figures["ebf1"]["reason"]
    # The last two clips have no events.
    has_video = np.arange(len(scores.filenames)) < len(scores.filenames) - 2
    silent = dataclasses.replace(scores, has_video=has_video)
    splits = split(
        silent, silent, truth, parameters, official=("video_unavailable",)
    )
    figures = splits["video_unavailable"].figures()
    for metric in METRICS:
        assert figures[metric]["value"] is None
        assert "reference event" in figures[metric]["reason"]
    assert splits["all"].psds_differences() == []


def test_scores_of_other_clips_are_refused(tuned):
    scores, truth, parameters = tuned
    few = scores.subset(scores.has_video)
    with pytest.raises(ValueError, match=r"ground truth only.*0\.wav"):
        split(few, few, truth, parameters)
    with pytest.raises(ValueError, match=r"same run"):
        split(scores, few, truth, parameters)
