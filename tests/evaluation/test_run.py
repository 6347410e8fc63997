"""The report of a run, from scores on disk."""

import base64
import dataclasses
import json
import re
import sys

import pytest
from corpora import make_corpus, write_truth

from speechbrain_mmsed.evaluation.metrics.truth import GroundTruth
from speechbrain_mmsed.evaluation.reports.documents import markdown
from speechbrain_mmsed.evaluation.reports.report_files import (
    compare_reports,
    plot_report,
)
from speechbrain_mmsed.evaluation.run import evaluate_run
from speechbrain_mmsed.evaluation.tuning import choose_weight
from speechbrain_mmsed.postprocessing.scores import ClipScores

LABELS = ["Dog", "Cat", "Saw", "Rain"]
METRICS = {"cbf1", "sbf1", "ebf1", "psds1", "psds2"}
SPLITS = {"all", "video_available", "video_ignored", "video_unavailable"}


def make_scores(subset, noise):
    """Nine clips; Rain never occurs, Saw only in validation."""
    n_classes = 3 if subset == "validation" else 2
    classes = [[n % n_classes] for n in range(7)] + [[], []]
    return make_corpus(classes, LABELS, len(subset), noise)


def write_corpus(folder, weights, models=("student", "teacher")):
    """Scores and ground truth of both subsets; weight -> noise."""
    for subset in ("validation", "evaluation"):
        for model in models:
            for weight, noise in weights.items():
                scores, truth = make_scores(subset, noise)
                path = folder / "scores" / model / subset
                scores.save(path / f"weight_{weight:.4f}.npz")
        write_truth(folder / "truth", truth, subset)


def evaluate(folder, **options):
    return evaluate_run(
        folder / "scores", folder / "truth", folder / "out", LABELS, **options
    )


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A student and two controls; weight 0.5 is the least noisy."""
    folder = tmp_path_factory.mktemp("run")
    weights = {0.25: 4.0, 0.5: 0.5, 0.75: 4.0, 1.0: 2.0}
    write_corpus(folder, weights, ("student", "untrained"))
    scores, _ = make_scores("evaluation", 5.0)
    scores.save(folder / "scores/shuffled_streams/evaluation/weight_0.5000.npz")
    report = evaluate(
        folder,
        models=("student",),
        controls=("untrained", "shuffled_streams"),
        class_groups={"animals": ["Dog", "Cat"], "tools": ["Saw"]},
        metadata={"seed": 7, "versions": {"torch": "2.14.0"}},
    )
    return folder, report


def leaves(values):
    """Every value in nested dicts and lists."""
    if isinstance(values, dict):
        values = list(values.values())
    if not isinstance(values, list):
        return [values]
    return [leaf for value in values for leaf in leaves(value)]


def test_report_holds_every_figure_and_no_nan(run):
    folder, report = run
    text = (folder / "out/report.json").read_text()

    def refuse(name):
        raise AssertionError(f"{name} is no JSON")

    assert json.loads(text, parse_constant=refuse) == report
    for section in ("metrics", "class_wise", "averaged_classes", "computed_by"):
        assert set(report[section]["student"]) == SPLITS
        for metrics in report[section]["student"].values():
            assert set(metrics) == METRICS
    values = leaves(report["metrics"])
    assert all(0 <= value <= 1 for value in values)
    assert report["metrics"]["student"]["all"]["cbf1"] > 0.9
    assert report["class_labels"] == LABELS
    assert set(report["tuned_parameters"]["student"]) == METRICS
    libraries = report["libraries"]
    assert {"psds_eval", "sed_eval", "numpy", "torch"} <= set(libraries)
    assert report["metadata"]["seed"] == 7
    assert report["counts"]["splits"]["video_ignored"]["clips"] == 6
    assert report["counts"]["subsets"]["evaluation"]["events"] == 7
    assert report["psds_difference"] < 1e-9
    by = report["computed_by"]["student"]
    assert by["all"]["psds1"].startswith("psds_eval")
    assert by["video_ignored"]["psds1"].startswith("counts")


def test_classes_without_reference_are_listed_not_averaged(run):
    report = run[1]
    for metric in METRICS:
        out = report["excluded_classes"]["student"]["all"][metric]
        assert out == ["Saw", "Rain"]
        assert report["class_wise"]["student"]["all"][metric]["Saw"] is None
    text = (run[0] / "out/report.md").read_text()
    assert "no reference events of Saw, Rain" in text


def test_weight_with_the_best_validation_ebf1_is_chosen(run):
    report = run[1]
    assert report["inference_weight"]["student"] == 0.5
    f1 = report["validation_ebf1"]["student"]
    assert set(f1) == {"0.2500", "0.5000", "0.7500"}
    assert max(f1, key=f1.get) == "0.5000"


def test_of_equal_weights_the_largest_is_chosen(tmp_path):
    write_corpus(tmp_path, {0.25: 0.0, 0.875: 0.0, 1.0: 0.0}, ("student",))
    truth = GroundTruth.load(
        tmp_path / "truth/validation.tsv",
        tmp_path / "truth/validation_durations.tsv",
        LABELS,
    )
    folder = tmp_path / "scores/student/validation"
    weight, scores, f1 = choose_weight(folder, truth)
    assert weight == 0.875
    assert f1["0.2500"] == f1["0.8750"]
    assert scores.labels == LABELS
    nothing = GroundTruth(truth.events.iloc[:0], truth.durations, LABELS)
    weight, _, f1 = choose_weight(folder, nothing)
    assert weight == 0.875 and set(f1.values()) == {None}


def test_controls_stand_apart_and_say_whose_parameters_they_use(run):
    report = run[1]
    assert set(report["metrics"]) == {"student"}
    untrained = report["controls"]["untrained"]
    # The same scores as the student's, tuned again from nothing.
    for metric, value in untrained["metrics"]["all"].items():
        assert value == pytest.approx(
            report["metrics"]["student"]["all"][metric], abs=1e-9
        )
    assert untrained["parameters_from"] == "untrained"
    shuffled = report["controls"]["shuffled_streams"]
    assert shuffled["parameters_from"] == "student"
    assert shuffled["inference_weight"] == 0.5
    assert shuffled["tuned_parameters"] == report["tuned_parameters"]["student"]
    assert shuffled["metrics"]["all"]["sbf1"] < 0.8
    assert shuffled["metrics"]["video_available"]["sbf1"] is not None
    assert shuffled["metrics"]["video_ignored"]["sbf1"] is None
    reason = shuffled["null_reasons"]["video_ignored"]["sbf1"]
    assert "no scores at weight 1" in reason


def test_class_groups_cover_models_controls_and_splits(run):
    report = run[1]
    group = report["class_groups"]["animals"]
    assert group["labels"] == ["Dog", "Cat"]
    models = {"student", "untrained", "shuffled_streams"}
    assert set(group["metrics"]) == models
    assert set(group["metrics"]["student"]) == SPLITS
    # Dog and Cat are all that occurs, so the macro average is the same.
    for split in SPLITS:
        ebf1 = report["metrics"]["student"][split]["ebf1"]
        assert group["metrics"]["student"][split]["ebf1"] == ebf1
    tools = report["class_groups"]["tools"]
    assert tools["metrics"]["student"]["all"]["ebf1"] is None
    reason = tools["null_reasons"]["student"]["all"]["ebf1"]
    assert "no reference events" in reason


def test_report_on_paper_and_files(run, capsys):
    folder, report = run
    names = {path.name for path in (folder / "out").iterdir()}
    pictures = {"class_wise_f1.png", "availability.png"}
    details = ("psd_roc", "f1_event", "f1_segment", "f1_clip", "timelines")
    pictures |= {f"{name}_student.png" for name in details}
    assert set(report["pictures"]["files"]) == pictures
    files = {"report.json", "report.md", "report.html", "counts_student.npz"}
    files |= {"counts_student_video_ignored.npz"}
    assert names == files | pictures
    page = (folder / "out/report.html").read_text()
    for name in pictures:
        picture = (folder / "out" / name).read_bytes()
        assert picture[1:4] == b"PNG"
        assert base64.b64encode(picture).decode() in page
    # The page needs nothing that is not in it.
    assert set(re.findall(r'src="([^"]{,22})', page)) == {
        "data:image/png;base64,"
    }
    text = (folder / "out/report.md").read_text()
    cbf1 = report["metrics"]["student"]["all"]["cbf1"]
    assert f"{100 * cbf1:.2f}" in text
    assert "![availability](availability.png)" in text
    assert "nan" not in text.lower().split()
    assert "- seed: 7" in text
    assert "(default)" in text  # Rain has no validation events
    assert max(len(line) for line in text.splitlines() if line[:1] == "|") < 100


def test_what_video_brings_is_a_comparison_of_two_splits(run):
    folder, report = run
    results = compare_reports(
        folder / "out/counts_student_video_ignored.npz",
        folder / "out",
        clips="video",
        n_resamples=20,
    )
    metrics = report["metrics"]["student"]
    averages = {"cbf1": "micro", "sbf1": "micro", "ebf1": "macro"}
    for metric, figure in metrics["video_available"].items():
        compared = results[metric]["figures"][averages.get(metric, "value")]
        ignored = metrics["video_ignored"][metric]
        assert compared["second"] == pytest.approx(figure)
        assert compared["first"] == pytest.approx(ignored)
        assert compared["difference"] == pytest.approx(figure - ignored)
    assert results["cbf1"]["figures"]["micro"]["difference"] > 0.3


def test_a_system_of_sound_alone_is_evaluated_and_printed(tmp_path, capsys):
    write_corpus(tmp_path, {1.0: 0.5}, ("student",))
    report = evaluate(tmp_path, models=("student",))
    student = report["metrics"]["student"]
    assert report["inference_weight"]["student"] == 1
    assert set(student["video_available"].values()) == {None}
    assert None not in student["video_ignored"].values()
    reasons = report["null_reasons"]["student"]
    assert "sound alone" in reasons["video_available"]["psds1"]
    assert reasons["video_ignored"] == {}
    printed = capsys.readouterr().out
    assert "available but ignored" in printed
    assert f"{student['all']['psds1']:.4f}" in printed
    assert "sound alone" in printed


def test_without_matplotlib_the_report_says_so(run, monkeypatch, tmp_path):
    report = dict(run[1])
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    report["pictures"] = plot_report(report, tmp_path)
    assert report["pictures"]["files"] == []
    assert not list(tmp_path.iterdir())
    text = markdown("report.txt", "Report", report=report)
    assert "matplotlib is not installed" in text


def test_missing_or_foreign_scores_name_the_file(tmp_path):
    write_corpus(tmp_path, {0.5: 1.0, 1.0: 1.0}, ("student",))
    evaluation = tmp_path / "scores/student/evaluation"
    (evaluation / "weight_1.0000.npz").rename(tmp_path / "away.npz")
    with pytest.raises(FileNotFoundError, match=r"weight_1\.0000.*\[0\.5\]"):
        evaluate(tmp_path, models=("student",))
    with pytest.raises(FileNotFoundError, match=r"teacher/validation.*score"):
        evaluate(tmp_path, models=("teacher",))
    scores = ClipScores.load(tmp_path / "away.npz")
    other = dataclasses.replace(scores, labels=["a", "b", "c", "d"])
    other.save(evaluation / "weight_1.0000.npz")
    with pytest.raises(ValueError, match=r"weight_1\.0000.*classes \['a'"):
        evaluate(tmp_path, models=("student",))
    assert not (tmp_path / "out").exists()


def test_arguments_are_checked_before_the_work(tmp_path):
    with pytest.raises(ValueError, match="birds.*Crow"):
        evaluate(tmp_path, class_groups={"birds": ["Crow"]})
    with pytest.raises(ValueError, match="metadata"):
        evaluate(tmp_path, metadata={"seed": float("nan")})
    with pytest.raises(ValueError, match="expected median, or both"):
        evaluate(tmp_path, postprocessing="boxes")
    with pytest.raises(ValueError, match="at least one"):
        evaluate(tmp_path, models=())
