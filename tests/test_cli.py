"""`mmsed evaluate` from files to report: three forms, and what they share."""

import importlib.util
import json
import pathlib
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from corpora import make_corpus, write_table, write_truth

from speechbrain_mmsed.cli import main
from speechbrain_mmsed.evaluation.metrics.psds import psds_of_operating_points
from speechbrain_mmsed.evaluation.run import evaluate_run
from speechbrain_mmsed.postprocessing.box_parameters import BoxParameters
from speechbrain_mmsed.postprocessing.boxes import box_table
from speechbrain_mmsed.postprocessing.decode import decode

LABELS = ["Dog", "Cat", "Saw"]
METRICS = ["cbf1", "sbf1", "ebf1", "psds1", "psds2"]


def make_scores(seed, noise=2.0):
    """Clips of 10 s with noisy scores, and the events behind them."""
    drawn = np.random.default_rng(seed)
    classes = [drawn.permutation(3)[: 1 + n % 2] for n in range(9)] + [[]]
    return make_corpus(classes, LABELS, seed, noise, "_0.000_10.000.wav")


def write_tables(folder, scores):
    """The same scores as a table for each clip."""
    for name, frame in zip(scores.filenames, scores.frame, strict=True):
        path = folder / f"{name.removesuffix('.wav')}.tsv"
        values = frame.astype(np.float64)
        write_table(path, values, scores.frame_hop, LABELS, end=10.0)


def command(folder, predictions, *options, out="out"):
    """The arguments of an evaluation in a folder."""
    return [
        "evaluate",
        "--predictions",
        str(predictions),
        "--ground-truth",
        str(folder / "evaluation.tsv"),
        "--durations",
        str(folder / "evaluation_durations.tsv"),
        "--out",
        str(folder / out),
        *map(str, options),
    ]


def evaluate(folder, predictions, *options, out="out", pictures=False):
    """Run an evaluation and read its report."""
    if not pictures:
        options = (*options, "--no-pictures")
    assert main(command(folder, predictions, *options, out=out)) == 0
    text = (folder / out / "report.json").read_text()

    def refuse(name):
        raise AssertionError(f"{name} is no JSON")

    return json.loads(text, parse_constant=refuse)


def tuning(folder, predictions):
    """Options that tune on validation data."""
    return [
        "--validation-predictions",
        predictions,
        "--validation-ground-truth",
        folder / "validation.tsv",
        "--validation-durations",
        folder / "validation_durations.tsv",
    ]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """Both subsets as npz and as tables; weight 1 and weight 0.5."""
    folder = tmp_path_factory.mktemp("corpus")
    for seed, subset in enumerate(("validation", "evaluation")):
        scores, truth = make_scores(seed)
        write_truth(folder, truth, subset)
        scores.save(folder / "npz" / subset / "weight_0.5000.npz")
        write_tables(folder / "tables" / subset, scores)
        ignored, _ = make_scores(seed, noise=3.0)
        ignored.save(folder / "npz" / subset / "weight_1.0000.npz")
    return folder


@pytest.fixture(scope="module")
def tuned(corpus):
    """The report of the npz files, tuned on validation."""
    options = tuning(corpus, corpus / "npz/validation")
    return evaluate(corpus, corpus / "npz/evaluation", *options, out="tuned")


@pytest.fixture(scope="module")
def both(corpus):
    """The same with boxes beside the median filter."""
    options = tuning(corpus, corpus / "npz/validation")
    options += ["--postprocessing", "both"]
    return evaluate(corpus, corpus / "npz/evaluation", *options, out="both")


def test_own_scores_get_the_figures_of_training(corpus, tuned, both, tmp_path):
    for subset in ("validation", "evaluation"):
        link = tmp_path / "scores/student" / subset
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(corpus / "npz" / subset)
    run = evaluate_run(
        *(tmp_path / "scores", corpus, tmp_path / "out", LABELS, ("student",)),
        postprocessing="both",
    )
    for section in ("metrics", "class_wise", "tuned_parameters"):
        assert tuned[section]["system"] == run[section]["student"]
        assert list(run[section]) == ["student", "student, boxes"]
        assert run[section]["student, boxes"] == both[section]["system, boxes"]
    figures = run["further"]["student, boxes"]["figures"]
    assert figures == both["further"]["system, boxes"]["figures"]
    text = (tmp_path / "out/report.md").read_text()
    assert "## Tuned parameters, student, boxes" in text
    assert "Their PSDS is over all confidences" in text
    # There are none of boxes.
    assert not list((tmp_path / "out").glob("*_student__boxes.png"))
    assert tuned["inference_weight"]["system"] == 0.5
    assert tuned["counts"] == run["counts"]
    assert None not in tuned["metrics"]["system"]["video_ignored"].values()


def test_tables_of_the_same_scores_get_the_same_figures(corpus, tuned):
    options = tuning(corpus, corpus / "tables/validation")
    report = evaluate(corpus, corpus / "tables/evaluation", *options, out="t")
    assert set(report["metrics"]["system"]) == {"all"}
    for section in ("metrics", "class_wise", "class_counts"):
        assert (
            report[section]["system"]["all"] == tuned[section]["system"]["all"]
        )
    assert report["tuned_parameters"] == tuned["tuned_parameters"]
    assert report["further"] == tuned["further"]


@pytest.mark.parametrize("form", ["npz", "tables"])
def test_boxes_are_a_second_system(corpus, tuned, both, form):
    report, out = both, "both"
    if form == "tables":
        options = tuning(corpus, corpus / "tables/validation")
        options += ["--postprocessing", "both"]
        tables, out = corpus / "tables/evaluation", "both_tables"
        report = evaluate(corpus, tables, *options, out=out)
    assert list(report["metrics"]) == ["system", "system, boxes"]
    metrics = {name: of["all"] for name, of in report["metrics"].items()}
    assert metrics["system"] == tuned["metrics"]["system"]["all"]
    boxes = metrics["system, boxes"]
    assert boxes["cbf1"] == metrics["system"]["cbf1"]
    assert all(boxes[m] != metrics["system"][m] for m in METRICS[1:])
    parameters = report["tuned_parameters"]["system, boxes"]
    evaluation, truth = make_scores(1)
    for metric in ("psds1", "psds2"):
        settings = BoxParameters.from_dict(parameters[metric])
        table = box_table(settings.boxes(evaluation))
        points = [
            table[table["confidence"] > level]
            for level in [0.0, *sorted(set(table["confidence"]))]
        ]
        points = [table.drop(columns="confidence") for table in points]
        expected = psds_of_operating_points(points, truth, metric)["value"]
        assert boxes[metric] == pytest.approx(expected, abs=1e-9)
    text = (corpus / out / "report.md").read_text()
    assert "## Tuned parameters, system, boxes" in text
    assert "all confidences of boxes" in text
    assert "seconds on each side of a change" in text


def test_boxes_are_compared_with_the_filter_where_both_count_alike(
    corpus, both, tmp_path
):
    files = ["counts_system.npz", "counts_system__boxes.npz"]
    files = [str(corpus / "both" / name) for name in files]
    assert main(["compare", *files, "--out", str(tmp_path)]) == 0
    results = json.loads((tmp_path / "comparison.json").read_text())
    assert set(results) == {"cbf1", "sbf1", "ebf1", "ibf1"}
    assert results["cbf1"]["figures"]["micro"]["difference"] == 0
    text = (tmp_path / "comparison.md").read_text()
    for name in ("PSDS1", "PSDS2"):
        (line,) = [x for x in text.splitlines() if f"{name} is not" in x]
        assert r"; 50 thresholds; system_\_boxes: " in line
        assert "all confidences as thresholds" in line


def test_boxes_of_two_systems_are_compared_in_all_figures(
    corpus, tuned, both, tmp_path, capsys
):
    options = tuning(corpus, corpus / "npz/validation")
    options += ["--postprocessing", "both", "--weight", 1]
    worse = evaluate(corpus, corpus / "npz/evaluation", *options, out="worse")
    folders = [str(corpus / name) for name in ("worse", "both")]
    options = ["--postprocessing", "boxes", "--out", str(tmp_path)]
    assert main(["compare", *folders, *options, "--resamples", "40"]) == 0
    results = json.loads((tmp_path / "comparison.json").read_text())
    assert set(results) == {*METRICS, "ibf1"}
    averages = {"cbf1": "micro", "sbf1": "micro", "ebf1": "macro"}
    for metric in METRICS:
        figure = results[metric]["figures"][averages.get(metric, "value")]
        for side, report in (("first", worse), ("second", both)):
            expected = report["metrics"]["system, boxes"]["all"][metric]
            assert figure[side] == pytest.approx(expected, abs=1e-9)
        assert figure["low"] <= figure["high"]
    assert results["psds2"]["figures"]["value"]["difference"] != 0
    assert "not compared" not in (tmp_path / "comparison.md").read_text()
    # A folder's first system, if nothing is said.
    capsys.readouterr()
    assert main(["compare", *folders, "--resamples", "40"]) == 0
    printed = capsys.readouterr().out
    assert "counts_system.npz" in printed and "boxes.npz" not in printed
    folders[0] = str(corpus / "tuned")
    assert main(["compare", *folders, "--postprocessing", "boxes"]) == 2
    message = capsys.readouterr().err
    assert len(message.splitlines()) == 1
    assert "tuned: no counts of a system by boxes, there are system" in message
    assert "--postprocessing both" in message


def test_boxes_alone(corpus, tmp_path):
    options = tuning(corpus, corpus / "npz/validation")
    options += ["--postprocessing", "boxes", "--intervals"]
    report = evaluate(
        *(corpus, corpus / "npz/evaluation", *options),
        out="boxes",
        pictures=True,
    )
    assert list(report["metrics"]) == ["system, boxes"]
    further = report["further"]["system, boxes"]
    assert set(further["figures"]) == {"ibf1"}
    figure = further["intervals"]["psds1"]["figures"]["value"]
    metrics = report["metrics"]["system, boxes"]["all"]
    assert figure["value"] == pytest.approx(metrics["psds1"], abs=1e-9)


def test_every_figure_says_what_it_is(corpus, tuned):
    figures = tuned["figures"]["system"]["all"]
    assert list(figures) == METRICS
    for metric, figure in figures.items():
        assert figure["value"] == tuned["metrics"]["system"]["all"][metric]
        assert figure["n_classes"] == 3
        assert figure["post_processing"].startswith("Tuned")
        parameters = tuned["tuned_parameters"]["system"][metric]
        assert figure["parameters"] == parameters and any(parameters["tuned"])
    libraries = tuned["libraries"]
    assert figures["psds1"]["computed_by"] == (
        f"psds_eval {libraries['psds_eval']}"
    )
    assert figures["ebf1"]["computed_by"] == f"sed_eval {libraries['sed_eval']}"
    text = (corpus / "tuned/report.md").read_text()
    for words in (
        "alpha_CT 0.5",
        "larger of 200 ms and 20 %",
        "Tuned parameters, system",
        "Classes, system, all clips",
        "intersection",
        "over all thresholds",
        f"psds_eval {libraries['psds_eval']}",
        "0.5: ",
    ):
        assert words in text


def test_untuned_figures_say_so(corpus, capsys):
    predictions = corpus / "npz/evaluation/weight_0.5000.npz"
    report = evaluate(corpus, predictions, out="untuned", pictures=True)
    printed = capsys.readouterr().out
    assert "recognised from the content" in printed
    said = "Untuned: threshold 0.5, no median filter"
    assert said in printed
    page = corpus / "untuned/report.html"
    assert page.is_file()
    assert printed.splitlines()[-1].startswith(f"results: {page} ")
    text = (corpus / "untuned/report.md").read_text()
    assert said in text and "Parameters (not tuned)" in text
    assert "Chosen by validation" not in text
    drawn = {"class_wise_f1", "availability", "psd_roc_system"}
    drawn |= {"timelines_system"}
    assert set(report["pictures"]["files"]) == {f"{n}.png" for n in drawn}
    for figure in report["figures"]["system"]["all"].values():
        assert figure["post_processing"].startswith(said)
        assert not any(figure["parameters"]["tuned"])
    # Without the scores of weight 1 nothing is known of video ignored.
    reasons = report["null_reasons"]["system"]["video_ignored"]
    assert "--ignored-predictions" in reasons["ebf1"]
    metrics = report["metrics"]["system"]
    assert metrics["video_available"]["ebf1"] is not None


def test_given_threshold_and_window_are_used(corpus):
    predictions = corpus / "tables/evaluation"
    options = ("--threshold", 0.3, "--window", 5, "--format", "score-tsv")
    report = evaluate(corpus, predictions, *options, out="given")
    parameters = report["tuned_parameters"]["system"]
    assert parameters["sbf1"]["thresholds"] == [0.3] * 3
    assert parameters["psds2"]["windows"] == [5] * 3
    assert parameters["cbf1"]["windows"] is None
    figure = report["figures"]["system"]["all"]["ebf1"]
    assert "median window 5 frames (0.7825 s)" in figure["post_processing"]
    plain = evaluate(corpus, predictions, out="plain")
    assert plain["metrics"] != report["metrics"]
    assert not list((corpus / "plain").glob("*.png"))
    assert (
        "No pictures were asked for" in (corpus / "plain/report.md").read_text()
    )


def write_points(folder, scores, thresholds):
    """Operating points of scores, without median filter."""
    folder.mkdir(parents=True)
    tables = []
    for threshold in thresholds:
        events = decode(scores, np.full(3, threshold), np.ones(3, dtype=int))
        path = folder / f"predictions_th_{threshold:.2f}.tsv"
        events.assign(index=1).to_csv(path, sep="\t", index=False)
        tables.append(events)
    return tables


def test_operating_points_get_the_figures_of_psds_eval(corpus, tmp_path):
    scores, truth = make_scores(1)
    thresholds = np.arange(1, 20, 2) / 20
    tables = write_points(tmp_path / "points", scores, thresholds)
    report = evaluate(
        corpus, tmp_path / "points", "--labels", *LABELS, out="points"
    )
    metrics = report["metrics"]["system"]["all"]
    for scenario in ("psds1", "psds2"):
        expected = psds_of_operating_points(tables, truth, scenario)["value"]
        assert metrics[scenario] == pytest.approx(expected, abs=1e-12)
    assert metrics["ebf1"] is None
    reason = report["null_reasons"]["system"]["all"]["ebf1"]
    assert "--operating-point" in reason
    definition = report["figures"]["system"]["all"]["psds1"]["definition"]
    assert "10 operating points" in definition


def test_f1_of_an_operating_point_and_video(corpus, tmp_path):
    scores, _ = make_scores(1)
    write_points(tmp_path / "points", scores, [0.25, 0.5, 0.75])
    with_video = tmp_path / "video.txt"
    names = np.array(scores.filenames)[scores.has_video]
    with_video.write_text("\n".join(names) + "\n")
    options = ["--operating-point", "0.5", "--video", with_video]
    options += ["--labels", *LABELS]
    report = evaluate(corpus, tmp_path / "points", *options, out="chosen")
    metrics = report["metrics"]["system"]
    untuned = evaluate(
        corpus, corpus / "npz/evaluation", "--weight", 0.5, out="weight"
    )
    # No filter and threshold 0.5 in both; clip scores are frames' maxima.
    for split in ("all", "video_available", "video_unavailable"):
        for metric in ("cbf1", "sbf1", "ebf1"):
            expected = untuned["metrics"]["system"][split][metric]
            assert metrics[split][metric] == expected, (split, metric)
        counts = report["counts"]["splits"][split]
        assert counts == untuned["counts"]["splits"][split]
    assert set(metrics["video_ignored"].values()) == {None}


def test_video_of_another_system(corpus, tmp_path):
    scores, _ = make_scores(1)
    table = pd.DataFrame(
        {
            "filename": [n.removesuffix(".wav") for n in scores.filenames],
            "has_video": scores.has_video.astype(int),
        }
    )
    table.to_csv(tmp_path / "video.tsv", sep="\t", index=False)
    ignored, _ = make_scores(1, noise=3.0)
    write_tables(tmp_path / "ignored", ignored)
    options = ["--video", tmp_path / "video.tsv"]
    options += ["--ignored-predictions", tmp_path / "ignored"]
    tables = corpus / "tables/evaluation"
    report = evaluate(corpus, tables, *options, out="v", pictures=True)
    own = evaluate(
        corpus, corpus / "npz/evaluation", "--weight", 0.5, out="own"
    )
    assert report["metrics"] == own["metrics"]
    assert (corpus / "v/availability.png").is_file()


def test_labels_choose_and_order_classes(corpus, tmp_path):
    truth = pd.read_csv(corpus / "evaluation.tsv", sep="\t")
    truth = truth[truth["event_label"] != "Saw"]
    truth.to_csv(tmp_path / "evaluation.tsv", sep="\t", index=False)
    durations = (corpus / "evaluation_durations.tsv").read_text()
    (tmp_path / "evaluation_durations.tsv").write_text(durations)
    (tmp_path / "labels.txt").write_text("Cat\nDog\n")
    options = ("--labels", tmp_path / "labels.txt")
    predictions = corpus / "tables/evaluation"
    report = evaluate(tmp_path, predictions, *options)
    assert report["class_labels"] == ["Cat", "Dog"]
    assert "Columns left out: Saw." in report["notes"]
    whole = evaluate(corpus, predictions, out="whole")
    for label in ("Cat", "Dog"):
        for metric in ("cbf1", "sbf1", "ebf1", "psds1"):
            ours, theirs = (
                r["class_wise"]["system"]["all"][metric][label]
                for r in (report, whole)
            )
            assert ours == pytest.approx(theirs, abs=1e-12)


def test_intervals_hold_the_figures(corpus):
    predictions = corpus / "tables/evaluation"
    report = evaluate(corpus, predictions, "--intervals", out="intervals")
    metrics = report["metrics"]["system"]["all"]
    figures = report["further"]["system"]["intervals"]
    for metric, average in (("ebf1", "macro"), ("psds1", "value")):
        figure = figures[metric]["figures"][average]
        assert figure["value"] == pytest.approx(metrics[metric], abs=1e-9)
        assert figure["low"] <= figure["value"] <= figure["high"]
    assert "95% intervals" in (corpus / "intervals/report.md").read_text()


def test_f1_of_events_has_intervals_and_can_be_compared(corpus, tmp_path):
    scores, _ = make_scores(1)
    write_points(tmp_path / "points", scores, [0.25, 0.5])
    options = ["--labels", *LABELS, "--intervals", "--operating-point"]
    for point in ("0.25", "0.5"):
        report = evaluate(
            corpus, tmp_path / "points", *options, point, out=f"th_{point}"
        )
    figures = report["further"]["system"]["intervals"]
    assert set(figures) == {"cbf1", "sbf1", "ebf1", "ibf1"}
    macro = figures["ebf1"]["figures"]["macro"]
    metrics = report["metrics"]["system"]["all"]
    assert macro["value"] == pytest.approx(metrics["ebf1"])
    out = tmp_path / "compared"
    folders = [str(corpus / f"th_{point}") for point in ("0.25", "0.5")]
    assert main(["compare", *folders, "--out", str(out)]) == 0
    results = json.loads((out / "comparison.json").read_text())
    figure = results["ebf1"]["figures"]["macro"]
    assert figure["second"] == pytest.approx(metrics["ebf1"])
    assert results["ebf1"]["names"] == ["th_0.25", "th_0.5"]


def test_module_runs_as_a_program(tmp_path):
    arguments = command(tmp_path, tmp_path / "nowhere")
    result = subprocess.run(
        [sys.executable, "-m", "speechbrain_mmsed.cli", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 2
    assert result.stderr.startswith("mmsed evaluate: ")
    assert "nowhere: no such folder" in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert result.stdout == ""


@pytest.mark.parametrize(
    "system, expected",
    [
        ("student", (0.806704, 0.754658, 0.398728, 0.334469, 0.528100)),
        ("teacher", (0.814712, 0.770327, 0.421438, 0.353493, 0.548329)),
    ],
)
@pytest.mark.slow
def test_published_systems_get_their_figures(
    shared_folder, tmp_path, system, expected
):
    reference = shared_folder / "psds_reference"
    folder = reference / "metrics_test" / system
    arguments = [
        "evaluate",
        *("--predictions", folder / "predictions_operating_points"),
        *("--ground-truth", reference / "validation.tsv"),
        *("--durations", reference / "validation_durations.tsv"),
        *("--operating-point", folder / "predictions0.5.csv"),
        *("--out", tmp_path),
    ]
    assert main([str(argument) for argument in arguments]) == 0
    report = json.loads((tmp_path / "report.json").read_text())
    metrics = report["metrics"]["system"]["all"]
    for metric, value in zip(METRICS, expected, strict=True):
        assert metrics[metric] == pytest.approx(value, abs=1e-6)
    assert pathlib.Path(tmp_path / "report.md").is_file()


def test_a_command_loads_nothing_that_only_another_one_needs():
    code = (
        "import sys; from speechbrain_mmsed.cli import make_parser; "
        "make_parser(); print(sorted({name.split('.')[0] for name in "
        "sys.modules} & {'numpy', 'pandas', 'torch', 'psds_eval'}), "
        "'speechbrain_mmsed.evaluation' in sys.modules)"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[] False"


@pytest.mark.parametrize("command", ["evaluate", "ensemble"])
def test_without_the_metrics_nothing_is_begun(command, tmp_path, capsys):
    options = {
        "evaluate": ["--predictions", "p", "--ground-truth", "t"]
        + ["--durations", "d"],
        "ensemble": ["a", "b"],
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(importlib.util, "find_spec", lambda name: None)
        arguments = [command, *options[command], "--out", str(tmp_path / "o")]
        assert main(arguments) == 2
    said = capsys.readouterr().err
    assert "pip install 'speechbrain_mmsed[evaluate]'" in said
    assert not (tmp_path / "o").exists()


def test_evaluation_waits_for_no_torch():
    code = (
        "import sys, speechbrain_mmsed.evaluation.system.report; "
        "print({'torch', 'torchaudio', 'speechbrain'} & {*sys.modules})"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "set()"
