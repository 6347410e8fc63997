"""Hundreds of classes: memory, what is left out, and that it is said."""

import tracemalloc

import numpy as np
import pytest
from corpora import make_corpus

from speechbrain_mmsed.evaluation import evaluate
from speechbrain_mmsed.evaluation.evaluate import EvaluatedSystem, evaluate_by
from speechbrain_mmsed.evaluation.metrics.run import METRICS
from speechbrain_mmsed.evaluation.reports import report_files
from speechbrain_mmsed.evaluation.reports.report_data import report_data
from speechbrain_mmsed.evaluation.statistics import clip_statistics
from speechbrain_mmsed.evaluation.tuning import tune_all, tune_scenarios
from speechbrain_mmsed.postprocessing.parameters import ClassParameters


def corpus(n_classes, n_clips=4):
    """Clips with three classes each; the scores of the others are noise."""
    labels = [f"class_{c}" for c in range(n_classes)]
    steps = np.array([0, n_classes // 3, n_classes // 2])
    classes = [(n + steps) % n_classes for n in range(n_clips)]
    scores, truth = make_corpus(classes, labels, noise=2.0)
    every = np.ones(n_classes)
    parameters = {
        metric: ClassParameters(labels, every / 2, every.astype(int), every > 0)
        for metric in METRICS
    }
    return scores, truth, parameters


def test_memory_is_linear_in_the_number_of_classes():
    def peak(n_classes):
        scores, truth, parameters = corpus(n_classes)
        # F1 by clip is counted by sed_eval, class after class.
        kinds = ("psds1", "psds2", "threshold_free_psds2")
        tracemalloc.start()
        try:
            found = clip_statistics.clip_statistics(
                scores, truth, parameters, kinds
            )
            clip_statistics.intervals(found, n_resamples=3)
            tune_all(scores, truth, (0.5,), (1, 3))
            tune_scenarios(scores, truth, ("psds1", "psds2"), (1, 3))
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(7)  # what is imported and kept
    few, many = peak(15), peak(60)
    assert many < 5 * few, (few, many)


@pytest.mark.slow
@pytest.mark.timeout(1200)  # tracemalloc slows it down
def test_527_classes_stay_below_a_gigabyte():
    scores, truth, parameters = corpus(527, n_clips=40)
    # At 0.5 they are 180,000, which sed_eval takes long to count.
    parameters["ebf1"].thresholds[:] = 0.99
    tracemalloc.start()
    try:
        found = clip_statistics.clip_statistics(scores, truth, parameters)
        clip_statistics.intervals(found, n_resamples=3)
        tune_all(scores, truth)
        tune_scenarios(scores, truth, ("psds1", "psds2"), (1, 3))
        assert tracemalloc.get_traced_memory()[1] < 1e9
    finally:
        tracemalloc.stop()


def test_what_is_left_out_is_said(tmp_path, monkeypatch, capsys):
    for room in (evaluate, clip_statistics, report_files):
        monkeypatch.setattr(room, "MOST_SCORES", 1000)
    pictures = pytest.importorskip("matplotlib") and True
    scores, truth, parameters = corpus(report_files.MOST_CLASSES + 1, 2)
    # All at once in every clip.
    parameters["ebf1"].thresholds[:] = 0.01
    system = EvaluatedSystem(scores=scores, parameters=parameters)
    systems = evaluate_by("median", "some", system, {"evaluation": truth})
    measured = systems["some"].splits["all"]
    assert not measured.official and set(measured.counts) == {"psds1", "psds2"}
    report = report_data(systems, {}, {"evaluation": truth}, {}, {})
    monkeypatch.setattr(report_files, "KINDS", ("ibf1",))

    def save(figure, folder, name):
        (folder / name).write_bytes(b"")
        return name

    monkeypatch.setattr(report_files, "save", save)
    report_files.write_report(
        *(report, tmp_path, systems, {"evaluation": truth}, None),
        *(False, pictures),
    )
    said = capsys.readouterr().out
    text = (tmp_path / "report.md").read_text()
    for words in ("PSDS over all thresholds is left out", "at most 40 are"):
        assert words in said and words in text
    assert list(report["further"]["some"]["figures"]) == ["ibf1"]
    assert report["pictures"]["files"] == ["timelines_some.png"]
    assert report["metrics"]["some"]["all"]["psds2"] is not None
