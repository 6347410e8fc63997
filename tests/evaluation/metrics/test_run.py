"""The slow evaluation by the official libraries, and its fast twin."""

import json

import numpy as np
import pandas as pd
import pytest

from speechbrain_mmsed.evaluation import evaluate
from speechbrain_mmsed.evaluation.metrics import run
from speechbrain_mmsed.evaluation.metrics.run import METRICS, evaluate_run
from speechbrain_mmsed.evaluation.metrics.truth import GroundTruth
from speechbrain_mmsed.evaluation.tuning import choose_weight, tune_scenarios
from speechbrain_mmsed.postprocessing.decode import EVENT_COLUMNS
from speechbrain_mmsed.postprocessing.parameters import ClassParameters
from speechbrain_mmsed.postprocessing.scores import ClipScores

HOP = 0.1565
LABELS = ["Dog", "Cat", "Saw"]


def write_subset(folder, subset, models, n_classes, seed):
    """Scores that follow events of the first classes; weight -> noise."""
    rng = np.random.default_rng(seed)
    names = [f"{n}.wav" for n in range(4)]
    clean = np.full((4, 64, 3), -2.0)
    rows = [["3.wav", None, None, None]]
    for n in range(3):
        for c in {n % n_classes, (n + 1) % n_classes}:
            onset = rng.uniform(0, 6)
            offset = onset + rng.uniform(0.5, 3.5)
            rows.append([f"{n}.wav", onset, offset, LABELS[c]])
            clean[n, int(onset / HOP) : int(offset / HOP) + 1, c] = 2
    for name, noises in models.items():
        for weight, noise in noises.items():
            logits = clean + noise * rng.normal(size=clean.shape)
            frame = 1 / (1 + np.exp(-logits))
            scores = ClipScores(
                names,
                np.full(4, 10.0),
                LABELS,
                frame.mean(axis=1) * 2 / (1 + frame.mean(axis=1)),
                frame,
                np.arange(4) > 2,
                HOP,
            )
            scores.save(
                folder / "scores" / name / subset / f"weight_{weight:.4f}.npz"
            )
    truth = folder / "truth"
    truth.mkdir(exist_ok=True)
    table = pd.DataFrame(rows, columns=EVENT_COLUMNS)
    table.to_csv(truth / f"{subset}.tsv", sep="\t", index=False)
    durations = pd.DataFrame({"filename": names, "duration": 10.0})
    durations.to_csv(truth / f"{subset}_durations.tsv", sep="\t", index=False)
    return GroundTruth(table, dict.fromkeys(names, 10.0), LABELS)


def same(slow, fast):
    """Whether two figures are equal but for rounding."""
    if isinstance(fast, dict):
        assert set(slow) == set(fast)
        for name, value in fast.items():
            same(slow[name], value)
    elif isinstance(fast, float):
        assert slow == pytest.approx(fast, abs=1e-9)
    else:
        assert slow == fast


def test_slow_and_fast_choose_and_measure_the_same(tmp_path, capsys):
    models = {"student": {0.25: 3.0, 0.5: 0.7, 1.0: 0.5}}
    truth = write_subset(tmp_path, "validation", models, 2, seed=1)
    models["control"] = {0.25: 3.0, 0.5: 3.0}
    expected = write_subset(tmp_path, "evaluation", models, 2, seed=2)
    results = evaluate_run(
        tmp_path / "scores",
        tmp_path / "truth",
        tmp_path / "out",
        LABELS,
        models=["student"],
        controls=["control"],
        metadata={"seed": 1},
    )
    printed = capsys.readouterr().out.splitlines()
    assert printed[-1] == f"results: {tmp_path / 'out' / 'results.json'}"
    assert json.loads((tmp_path / "out/results.json").read_text()) == results
    assert results["metadata"] == {"seed": 1}

    student = results["models"]["student"]
    weight, scores, f1 = choose_weight(
        tmp_path / "scores/student/validation", truth
    )
    assert (student["weight"], student["validation_ebf1"]) == (weight, f1)
    parameters = evaluate.tune(scores, truth)
    for metric in METRICS:
        assert student["parameters"][metric] == parameters[metric].to_dict()
    assert parameters["psds2"].tuned.tolist() == [True, True, False]
    # The control has no validation scores of its own.
    control = results["controls"]["control"]
    assert control["parameters_from"] == "student"
    assert control["parameters"] == student["parameters"]
    assert control["weight"] == weight
    for name, result in {"student": student, "control": control}.items():
        scores = ClipScores.load(
            tmp_path / f"scores/{name}/evaluation/weight_{weight:.4f}.npz"
        )
        measured = evaluate.measure(scores, expected, parameters, official=True)
        assert result["figures"] == measured.figures()
        measured.official = {}
        for metric, fast in measured.figures().items():
            slow = dict(result["figures"][metric])
            slow.pop("curves", None)
            slow["computed_by"] = fast["computed_by"]
            same(slow, fast)
        cells = next(row.split() for row in printed if row.startswith(name))
        values = [result["figures"][metric]["value"] for metric in METRICS]
        assert cells[1:] == [f"{value:.4f}" for value in values]
    for figure in student["figures"].values():
        assert figure["value"] > 0


def test_with_one_class_psds2_is_undefined_but_has_windows(tmp_path):
    truth = write_subset(tmp_path, "evaluation", {"a": {1: 1.0}}, 1, seed=0)
    scores = ClipScores.load(tmp_path / "scores/a/evaluation/weight_1.0000.npz")
    windows = (1, 7, 31)
    slow = run.tune_psds(scores, truth, windows)
    fast = tune_scenarios(scores, truth, slow, windows)
    assert [p.to_dict() for p in slow.values()] == [p.to_dict() for p in fast]
    assert fast[1].tuned.tolist() == [True, False, False]
    one = ClassParameters(LABELS, np.full(3, 0.5), np.full(3, 3), [True] * 3)
    parameters = {**dict.fromkeys(METRICS, one), **slow}
    figures = run.five_metrics(scores, truth, parameters)
    measured = evaluate.measure(scores, truth, parameters, official=True)
    assert figures == measured.figures()
    assert figures["psds1"]["value"] > 0
    assert figures["psds2"]["value"] is None
    assert "two classes" in figures["psds2"]["reason"]
    with pytest.raises(ValueError, match="ground truth only"):
        run.five_metrics(scores.subset(scores.has_video), truth, parameters)


def test_arguments_are_checked_before_the_work(tmp_path):
    folders = [tmp_path] * 3
    with pytest.raises(ValueError, match="at least one"):
        evaluate_run(*folders, LABELS, models=())
    with pytest.raises(ValueError, match="JSON"):
        evaluate_run(*folders, LABELS, metadata={"seed": float("nan")})
