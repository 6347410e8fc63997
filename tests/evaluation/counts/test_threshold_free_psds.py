"""PSDS over all thresholds against a slow twin and sed_scores_eval."""

import warnings

import numpy as np
import pandas as pd
import pytest
from corpora import audible_scores

from speechbrain_mmsed.evaluation.counts import psds_changes
from speechbrain_mmsed.evaluation.counts.psds_counting import (
    count,
    psds_by_clip,
)
from speechbrain_mmsed.evaluation.metrics.psd_roc import SCENARIOS
from speechbrain_mmsed.evaluation.metrics.truth import GroundTruth
from speechbrain_mmsed.postprocessing.decode import (
    EVENT_COLUMNS,
    decode,
)
from speechbrain_mmsed.postprocessing.runs import median_scores
from speechbrain_mmsed.postprocessing.scores import ClipScores

HOP = 0.1565
LABELS = ["Dog", "Cat", "Speech", "Fox", "Cow"]


def random_corpus(n_clips, seed, levels=None):
    """Dog, Cat, Speech as usual; Fox is never predicted, Cow never occurs."""
    rng = np.random.default_rng(seed)
    names = [f"{i}.wav" for i in range(n_clips)]
    durations = rng.choice([10.0, 9.3, 6.1, 11.0], n_clips)
    logits = rng.normal(-2, 1, (n_clips, 64, 5))
    rows = []
    for n in range(n_clips - 2):  # two clips without events
        for c in rng.choice(4, rng.integers(0, 4), replace=False):
            end = 0.0
            while end < 9:
                onset = end + rng.exponential(3)
                end = onset + rng.exponential(2)
                rows.append([names[n], onset, end, LABELS[c]])
                first, past = int(onset / HOP), int(end / HOP) + 1
                logits[n, first:past, c] += rng.normal(3, 2)
    rows.append([names[0], 20.0, 20.0, "Dog"])  # no length
    frame = 1 / (1 + np.exp(-logits))
    frame[:, :, 3] = 0.0
    if levels is not None:
        frame = np.round(frame * levels) / levels
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


def by_sed_scores_eval(scores, truth, windows, scenario):
    """Score and areas of the classes that have events."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        library = pytest.importorskip("sed_scores_eval")
        from sed_scores_eval.base_modules.scores import create_score_dataframe

    lasting = truth.events[truth.events["offset"] > truth.events["onset"]]
    present = [c for c in LABELS if c in set(lasting["event_label"])]
    keep = [LABELS.index(label) for label in present]
    filtered = median_scores(scores.frame, windows)
    edges = np.arange(filtered.shape[1] + 1) * scores.frame_hop
    tables = {}
    for n, name in enumerate(scores.filenames):
        last = int((edges[:-1] < scores.durations[n]).sum())
        times = np.minimum(edges[: last + 1], scores.durations[n])
        tables[name] = create_score_dataframe(
            filtered[n, :last, keep].T, times, present
        )
    events = {name: [] for name in scores.filenames}
    for name, onset, offset, label in lasting.itertuples(index=False):
        events[name].append((onset, offset, label))
    crosses = scenario.cross_trigger_cost > 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        value, areas, _, _ = library.intersection_based.psds(
            tables,
            events,
            truth.durations,
            dtc_threshold=scenario.detection_tolerance,
            gtc_threshold=scenario.ground_truth_intersection,
            cttc_threshold=(
                scenario.cross_trigger_tolerance if crosses else None
            ),
            alpha_ct=scenario.cross_trigger_cost,
            alpha_st=scenario.instability_cost,
            max_efpr=scenario.max_rate,
        )
    return value, areas


@pytest.mark.parametrize("levels", [None, 4, 50])
@pytest.mark.parametrize("windows", [[1] * 5, [1, 3, 7, 5, 31]])
def test_equals_sed_scores_eval(levels, windows):
    scores, truth = random_corpus(16, seed=5, levels=levels)
    for name, scenario in SCENARIOS.items():
        value, areas = by_sed_scores_eval(scores, truth, windows, scenario)
        ours = psds_by_clip(scores, truth, windows, name).result()
        assert ours["value"] == pytest.approx(value, abs=1e-9)
        assert ours["averaged_classes"] == list(areas) == LABELS[:4]
        for label, area in areas.items():
            assert ours["class_wise"][label] == pytest.approx(area, abs=1e-9)
        assert max(areas.values()) > 0.05
        assert ours["class_wise"]["Cow"] is None
        assert ours["n_classes"] == 4


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(12))
def test_equals_sed_scores_eval_on_many_corpora(seed):
    levels = [None, 3, 20, 1000][seed % 4]
    scores, truth = random_corpus(40, seed + 100, levels)
    windows = np.random.default_rng(seed).integers(0, 16, 5) * 2 + 1
    for name, scenario in SCENARIOS.items():
        value, _ = by_sed_scores_eval(scores, truth, windows, scenario)
        ours = psds_by_clip(scores, truth, windows, name).result()
        assert ours["value"] == pytest.approx(value, abs=1e-9)


def slow_counts(scores, truth, windows, scenario, label, level):
    """TP, FP and cross-triggers of a class at p >= level, one by one."""
    threshold = np.nextafter(level, -np.inf)
    thresholds = np.full(len(scores.labels), threshold)
    filtered = ClipScores(
        scores.filenames,
        scores.durations,
        scores.labels,
        scores.clip,
        median_scores(scores.frame, windows),
        scores.has_video,
        scores.frame_hop,
    )
    detections = decode(filtered, thresholds, np.ones(len(windows), int))
    detections = detections[detections["event_label"] == label]
    events = truth.events[truth.events["offset"] > truth.events["onset"]]
    tp = fp = 0
    ct = dict.fromkeys(scores.labels, 0)
    for name in scores.filenames:
        mine = events[events["filename"] == name]
        found = detections[detections["filename"] == name]
        passed = []
        for on, off in found[["onset", "offset"]].to_numpy():
            shared = {
                other: sum(
                    max(0.0, min(off, end) - max(on, begin))
                    for begin, end in rows[["onset", "offset"]].to_numpy()
                )
                for other, rows in mine.groupby("event_label")
            }
            length = off - on
            need = round(scenario.detection_tolerance * length, 6)
            if round(shared.get(label, 0.0), 6) >= need:
                passed.append((on, off))
                continue
            fp += 1
            need = round(scenario.cross_trigger_tolerance * length, 6)
            for other, seconds in shared.items():
                ct[other] += other != label and round(seconds, 6) >= need
        own = mine[mine["event_label"] == label]
        for begin, end in own[["onset", "offset"]].to_numpy():
            covered = sum(
                max(0.0, min(off, end) - max(on, begin)) for on, off in passed
            )
            need = round(scenario.ground_truth_intersection * (end - begin), 6)
            tp += round(covered, 6) >= need
    return tp, fp, [ct[other] for other in scores.labels]


def test_counts_at_every_distinct_score_equal_a_plain_count():
    scores, truth = random_corpus(6, seed=3, levels=8)
    windows = np.array([1, 3, 1, 1, 5])
    scenario = SCENARIOS["psds2"]
    counts = psds_by_clip(scores, truth, windows, "psds2")
    audible = audible_scores(scores, windows)
    n_clips = len(scores.filenames)
    for label in ("Dog", "Cat", "Fox"):
        c = LABELS.index(label)
        *tables, ends = counts._tables
        hits, fails = (np.split(t.toarray(), ends)[c] for t in tables)
        tp = np.cumsum(hits @ np.ones(n_clips))
        failed = np.cumsum(fails, axis=0)
        failed = failed.reshape(len(tp), 6, n_clips).sum(axis=2)
        points = set(zip(tp, map(tuple, failed), strict=True)) | {
            (0.0, (0.0,) * 6)
        }
        values = audible[:, :, c]
        expected = {(0.0, (0.0,) * 6)}
        for level in np.unique(values[values > -np.inf]):
            found, fp, ct = slow_counts(
                scores, truth, windows, scenario, label, level
            )
            expected.add((float(found), (*map(float, ct), float(fp))))
        assert points == expected
        assert len(expected) > (1 if label == "Fox" else 5)


def test_equals_psds_eval_semantics_with_every_score_as_a_threshold():
    scores, truth = random_corpus(10, seed=8)
    windows = np.array([1, 5, 3, 1, 1])
    filtered = np.unique(audible_scores(scores, windows))
    thresholds = np.append(-1.0, (filtered[2:] + filtered[1:-1]) / 2)
    for name in SCENARIOS:
        ((counts,),) = count(scores, truth, windows[None], [name], thresholds)
        fine = counts.result()["value"]
        ours = psds_by_clip(scores, truth, windows, name)
        assert ours.result()["value"] == pytest.approx(fine, abs=1e-9)


def test_batches_change_nothing(monkeypatch):
    scores, truth = random_corpus(9, seed=2)
    windows = [1, 3, 5, 1, 1]
    whole = psds_by_clip(scores, truth, windows, "psds2").result()
    monkeypatch.setattr(psds_changes, "CELLS", 1_500)
    parts = psds_by_clip(scores, truth, windows, "psds2").result()
    assert parts["value"] == pytest.approx(whole["value"], abs=1e-12)


def test_figures_that_cannot_be_given_have_a_reason():
    scores, truth = random_corpus(6, seed=5)
    silent = truth.subset(["4.wav", "5.wav"])
    some = scores.subset([0, 0, 0, 0, 1, 1])
    result = psds_by_clip(some, silent, [1] * 5, "psds1").result()
    assert result["value"] is None
    assert result["n_classes"] == 0
    assert "no class" in result["reason"]
    one = GroundTruth(
        truth.events[truth.events["event_label"] == "Cat"],
        truth.durations,
        LABELS,
    )
    result = psds_by_clip(scores, one, [1] * 5, "psds2").result()
    assert result["value"] is None
    assert "two classes" in result["reason"]
    alone = psds_by_clip(scores, one, [1] * 5, "psds1").result()
    assert alone["value"] == pytest.approx(alone["class_wise"]["Cat"])
    with pytest.raises(ValueError, match="one for each class"):
        psds_by_clip(scores, truth, [1], "psds1").result()
