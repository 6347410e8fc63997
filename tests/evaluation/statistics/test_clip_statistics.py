"""Resampling against slow twins: corpora whose clips are really repeated."""

import json

import numpy as np
import pandas as pd
import pytest

from speechbrain_mmsed.evaluation.counts.counts_by_clip import (
    intersection_counts,
)
from speechbrain_mmsed.evaluation.counts.psds_counting import (
    count,
    psds_by_clip,
)
from speechbrain_mmsed.evaluation.metrics.f1 import (
    clip_f1,
    event_f1,
    segment_f1,
)
from speechbrain_mmsed.evaluation.metrics.truth import GroundTruth
from speechbrain_mmsed.evaluation.statistics.bootstrap import (
    compare,
    jackknife_errors,
    resample_weights,
)
from speechbrain_mmsed.evaluation.statistics.clip_statistics import (
    KINDS,
    THRESHOLD_FREE,
    clip_statistics,
    intervals,
)
from speechbrain_mmsed.evaluation.statistics.stored_counts import (
    load_counts,
    save_counts,
)
from speechbrain_mmsed.postprocessing.decode import (
    EVENT_COLUMNS,
    decode,
    decode_tags,
)
from speechbrain_mmsed.postprocessing.parameters import ClassParameters
from speechbrain_mmsed.postprocessing.scores import ClipScores
from speechbrain_mmsed.problems import PredictionError

HOP = 0.1565
LABELS = ["Dog", "Cat", "Fox", "Cow"]


def make_corpus(n_clips=12, seed=0):
    """Scores that follow random events; Cow never occurs."""
    rng = np.random.default_rng(seed)
    names = [f"{n}.wav" for n in range(n_clips)]
    durations = rng.choice([10.0, 8.0], n_clips)
    logits = rng.normal(-2, 1, (n_clips, 64, 4))
    rows = []
    for n in range(n_clips - 1):
        for c in range(3):
            if rng.random() < 0.6:
                first = rng.integers(0, 45)
                past = first + rng.integers(4, 15)
                rows.append([names[n], first * HOP, past * HOP, LABELS[c]])
                logits[n, first:past, c] += rng.normal(3, 1.5)
    frame = 1 / (1 + np.exp(-logits))
    scores = ClipScores(
        names,
        durations,
        LABELS,
        frame.max(axis=1),
        frame,
        np.ones(n_clips, bool),
        HOP,
    )
    truth = GroundTruth(
        pd.DataFrame(rows, columns=EVENT_COLUMNS),
        dict(zip(names, durations, strict=True)),
        LABELS,
    )
    return scores, truth


def repeated(scores, truth, weights):
    """The corpus in which every clip stands as often as it was drawn."""
    index = np.repeat(np.arange(len(weights)), weights)
    names = [f"{i}#{scores.filenames[n]}" for i, n in enumerate(index)]
    parts = [
        truth.events[truth.events["filename"] == scores.filenames[n]].assign(
            filename=name
        )
        for name, n in zip(names, index, strict=True)
    ]
    copies = ClipScores(
        names,
        scores.durations[index],
        LABELS,
        scores.clip[index],
        scores.frame[index],
        scores.has_video[index],
        HOP,
    )
    durations = dict(zip(names, copies.durations, strict=True))
    return copies, GroundTruth(pd.concat(parts), durations, LABELS)


def make_parameters():
    thresholds, windows = [0.5, 0.4, 0.6, 0.5], [3, 1, 5, 1]
    ones = np.ones(4, bool)
    return {
        kind: ClassParameters(LABELS, thresholds, windows, ones)
        for kind in KINDS
        if kind != "ibf1"
    }


def official(scores, truth, parameters):
    """Every figure of a corpus without weights."""
    some = parameters["ebf1"]
    tags = decode_tags(scores, some.thresholds)
    events = decode(scores, some.thresholds, some.windows)
    figures = {
        "cbf1": clip_f1(tags, truth),
        "sbf1": segment_f1(events, truth),
        "ebf1": event_f1(events, truth),
        "ibf1": intersection_counts(events, truth).result(),
    }
    for name in ("psds1", "psds2"):
        ((counts,),) = count(scores, truth, some.windows[None], [name])
        figures[name] = counts.result()  # equal to psds_eval
        figures[f"threshold_free_{name}"] = psds_by_clip(
            scores, truth, some.windows, name
        ).result()
    return figures


@pytest.fixture(scope="module")
def system():
    scores, truth = make_corpus()
    parameters = make_parameters()
    kinds = [*KINDS, *THRESHOLD_FREE]
    return scores, truth, clip_statistics(scores, truth, parameters, kinds)


def test_resampled_figures_are_those_of_repeated_clips(system):
    scores, truth, statistics = system
    weights = resample_weights(12, 2, seed=3)
    there = truth.tags(scores.filenames)
    lacking = np.flatnonzero(there.any(axis=1) & ~there[:, 0])
    weights[1] = 0
    weights[1, lacking[:3]] = 4  # Dog is missing
    absent = 0
    for row in weights:
        copies = repeated(scores, truth, row)
        slow = official(*copies, make_parameters())
        for kind, counts in statistics.items():
            fast = {k: v[0] for k, v in counts.figures(row[None]).items()}
            expected = slow[kind]
            for name in ("micro", "macro", "value"):
                assert (name in fast) == (name in expected)
                if name in fast:
                    assert fast[name] == pytest.approx(expected[name])
                    assert fast[name] > 0.02
            for label, figure in expected["class_wise"].items():
                if isinstance(figure, dict):
                    figure = figure["f1"]
                if figure is None:
                    absent += label != "Cow"
                    assert np.isnan(fast[label])
                else:
                    assert fast[label] == pytest.approx(figure, abs=1e-9)
    assert absent


def test_results_are_the_reported_figures(system):
    scores, truth, statistics = system
    slow = official(scores, truth, make_parameters())
    for kind, counts in statistics.items():
        result, expected = counts.result(), slow[kind]
        for name in ("micro", "macro", "value"):
            assert result.get(name) == pytest.approx(expected.get(name))
        assert result["averaged_classes"] == expected["averaged_classes"]
        assert result["n_classes"] == 3
        assert result["definition"]
        assert result["computed_by"]
        if "counts" in expected:
            assert result["counts"] == expected["counts"]
            assert result["class_wise"] == expected["class_wise"]


def test_jackknife_leaves_out_each_clip(system):
    scores, truth, statistics = system
    errors = jackknife_errors(statistics["threshold_free_psds1"])
    values = []
    for n in range(12):
        keep = np.arange(12) != n
        some = scores.subset(keep)
        part = truth.subset(some.filenames)
        result = psds_by_clip(some, part, [3, 1, 5, 1], "psds1").result()
        values.append(result["value"])
    expected = np.sqrt(11 * np.var(values))
    assert errors["value"] == pytest.approx(expected)
    assert errors["Cow"] is None


def test_systems_in_another_order_of_clips_do_not_differ(system):
    scores, truth, statistics = system
    turned = ClipScores(
        scores.filenames[::-1],
        scores.durations[::-1],
        LABELS,
        scores.clip[::-1],
        scores.frame[::-1],
        scores.has_video[::-1],
        HOP,
    )
    kinds = list(statistics)
    other = clip_statistics(turned, truth, make_parameters(), kinds)
    for kind, counts in statistics.items():
        result = compare(counts, other[kind], n_resamples=20)
        for figure in result["figures"].values():
            if figure["difference"] is not None:
                assert abs(figure["difference"]) < 1e-9, kind
                assert abs(figure["high"]) < 1e-9, kind
        json.dumps(result, allow_nan=False)


def test_everything_can_be_written_to_a_file(system):
    _, _, statistics = system
    for counts in statistics.values():
        json.dumps(counts.result(), allow_nan=False)
    results = intervals(statistics, 20)
    json.dumps(results, allow_nan=False)
    figure = results["threshold_free_psds1"]["figures"]["value"]
    assert figure["jackknife_error"] is None  # too dear
    assert results["psds1"]["figures"]["value"]["jackknife_error"] > 0


def test_same_seed_same_interval(system):
    _, _, statistics = system
    some = {"ebf1": statistics["ebf1"], "psds1": statistics["psds1"]}
    once, again, other = (intervals(some, 40, seed=s) for s in (1, 1, 2))
    assert once == again
    assert once["ebf1"]["figures"] != other["ebf1"]["figures"]
    figure = once["ebf1"]["figures"]["Cow"]
    assert figure["value"] is figure["low"] is figure["basic_low"] is None
    assert figure["undefined_resamples"] == 40


def test_unknown_kinds_are_refused():
    with pytest.raises(ValueError, match=r"kinds \['f2'\]"):
        clip_statistics(None, None, {}, ["f2"])


def test_counts_of_another_version_say_what_to_do(system, tmp_path):
    _, _, statistics = system
    save_counts(tmp_path / "new.npz", statistics, {"0.wav": True})
    found, has_video = load_counts(tmp_path / "new.npz")
    assert has_video == {"0.wav": True}
    assert set(found) == set(KINDS)
    weights = resample_weights(12, 4, seed=1)
    for kind, stored in found.items():
        assert stored.definition == statistics[kind].definition
        assert stored.result() == statistics[kind].result()
        for name, values in statistics[kind].figures(weights).items():
            again = stored.figures(weights)[name]
            np.testing.assert_array_equal(again, values)
    with np.load(tmp_path / "new.npz") as file:
        arrays = {name: file[name] for name in file.files}
    arrays["format"] = np.array("speechbrain_mmsed counts by clip, 1")
    np.savez(tmp_path / "old.npz", **arrays)
    with pytest.raises(PredictionError, match="clip, 1', .*evaluate again"):
        load_counts(tmp_path / "old.npz")
