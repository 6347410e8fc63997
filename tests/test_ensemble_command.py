"""`mmsed ensemble` from the scores of runs to figures beside the members'."""

import dataclasses
import json
import shutil

import numpy as np
import pytest
from corpora import make_corpus, write_truth

from speechbrain_mmsed.cli import main
from speechbrain_mmsed.cli.ensemble_inputs import (
    average_files,
    choose_files,
    find_runs,
    truth_files,
)
from speechbrain_mmsed.postprocessing.scores import ClipScores, score_file

LABELS = ["Dog", "Cat", "Saw"]
METRICS = ["cbf1", "sbf1", "ebf1", "psds1", "psds2"]
SUBSETS = ["validation", "evaluation"]


def noisy(scores, seed, noise):
    """What another seed might give: the same clips and events, other noise."""
    rng = np.random.default_rng(seed)
    frame = scores.frame + rng.normal(0, noise, scores.frame.shape)
    frame = frame.clip(0, 1)
    return dataclasses.replace(scores, frame=frame, clip=frame.max(axis=1))


def write_run(run, truth_folder, seed, weights):
    """As much of a training's output folder as the command reads."""
    for n, subset in enumerate(SUBSETS):
        classes = [
            [k % 3, (k + 1) % 3][: 1 + (k + n) % 2] for k in range(8)
        ] + [[]]
        scores, truth = make_corpus(classes, LABELS, n, 0.5)
        write_truth(truth_folder, truth, subset)
        for weight, noise in weights.items():
            path = run / "scores/student" / subset / score_file(weight)
            noisy(scores, seed, noise).save(path)
    yaml = f"prepared_folder: {truth_folder.parent}\nnetwork: !new:no.such\n"
    (run / "hyperparams.yaml").write_text(yaml)


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Two seeds with a film, the better weight known, and a system of sound."""
    folder = tmp_path_factory.mktemp("runs")
    truth = folder / "prepared/ground_truth"
    both = {0.5: 0.2, 1.0: 0.6}
    write_run(folder / "film_1", truth, 1, {0.75: 0.8, **both})
    write_run(folder / "film_2", truth, 2, {0.75: 0.8, **both})
    write_run(folder / "sound", truth, 3, {1.0: 0.2})
    return folder


def members(runs):
    return [str(runs / name) for name in ("film_1", "sound")]


@pytest.fixture(scope="module")
def made(runs):
    """The folder of an ensemble of systems with different streams."""
    out = runs / "both"
    assert main(["ensemble", *members(runs), "--out", str(out)]) == 0
    return out


def read(path):
    return json.loads(path.read_text())


def evaluated(runs, scores, out):
    """The report of `mmsed evaluate` of a folder of scores."""
    truth = runs / "prepared/ground_truth"
    arguments = ["evaluate", "--postprocessing=both", "--no-pictures"]
    for prefix, subset in zip(("validation-", ""), SUBSETS, strict=True):
        arguments += [
            f"--{prefix}predictions={scores / subset}",
            f"--{prefix}ground-truth={truth / subset}.tsv",
            f"--{prefix}durations={truth / subset}_durations.tsv",
        ]
    assert main([*arguments, f"--out={out}"]) == 0
    return read(out / "report.json")


def figures_of(report, name):
    """Both rows of a report of `mmsed evaluate`."""
    found = report["metrics"]
    return [found[key]["all"] for key in (name, f"{name}, boxes")]


def test_the_figures_are_those_of_evaluate(runs, made, tmp_path):
    found = read(made / "ensemble.json")
    # Each at the weight that its own validation chose.
    weights = {name: m["weight"] for name, m in found["members"].items()}
    assert weights == {"film_1": 0.5, "sound": 1.0}
    pair = [found["figures"][how] for how in ("median", "boxes")]
    for name, folder, run in (
        ("film_1", made / "members/film_1", runs / "film_1"),
        ("ensemble", made, made),
    ):
        out = tmp_path / name
        expected = evaluated(runs, run / "scores/student", out)
        rows = figures_of(expected, "system")
        assert [figures[name] for figures in pair] == rows
        report = read(folder / "report.json")
        assert figures_of(report, name) == rows
        tuned = report["tuned_parameters"][name]
        assert tuned == expected["tuned_parameters"]["system"]
    for figures in pair:
        for metric in METRICS:
            mean = np.mean([figures[name][metric] for name in weights])
            assert figures["mean member"][metric] == pytest.approx(mean)


def test_the_scores_are_the_means_at_the_weights(runs, made):
    for subset in SUBSETS:
        folder = made / "scores/student" / subset
        (file,) = folder.iterdir()
        one, other = (
            ClipScores.load(runs / name / "scores/student" / subset / weight)
            for name, weight in (
                ("film_1", "weight_0.5000.npz"),
                ("sound", "weight_1.0000.npz"),
            )
        )
        found = ClipScores.load(file)
        for name in ("clip", "frame"):
            values = [getattr(scores, name) for scores in (one, other, found)]
            pair = np.clip(np.stack(values[:2], dtype=float), 1e-4, 0.9999)
            # The odds are the geometric mean of the members'.
            odds = np.sqrt(np.prod(pair / (1 - pair), axis=0))
            mean = odds / (1 + odds)
            np.testing.assert_allclose(values[2], mean, atol=1e-6)


def test_a_weight_may_be_asked_for_and_names_the_file(runs):
    paths = [runs / name / "scores/student" for name in ("film_1", "film_2")]
    # Of one name, so they are numbered.
    found, folders = find_runs([*paths, runs / "sound"], "student")
    assert list(found) == ["1_student", "2_student", "3_sound"]
    assert folders["3_sound"] == runs / "sound/scores/student"
    truth = truth_files(runs / "prepared/ground_truth", found)
    files, weights = choose_files(folders, truth, 0.75)
    # There is only one of sound alone.
    assert list(weights.values()) == [0.75, 0.75, 1.0]
    averaged = average_files(files, weights, "probability")
    assert averaged["validation"][0] == "average.npz"
    files, weights = choose_files(folders, truth, 1.0)
    name, averaged = average_files(files, weights, "probability")["evaluation"]
    assert name == "weight_1.0000.npz"
    assert averaged.labels == LABELS


def test_the_screen_says_what_is_better_and_where_it_is(runs, made, capsys):
    assert main(["ensemble", *members(runs), f"--out={made}"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"{made}: up to date, nothing was done"
    assert lines[-1].startswith(f"results: {made / 'ensemble.md'}")
    figures = read(made / "ensemble.json")["figures"]["median"]
    better = sum(
        figures["ensemble"][m] > figures["mean member"][m] for m in METRICS
    )
    said = f"Better than the mean member: {better} of 5 figures (median), "
    assert any(line.startswith(said) for line in lines)
    rows = [line for line in lines if line.startswith("| median | ensemble ")]
    assert f"{100 * figures['ensemble']['ebf1']:.2f}" in rows[0]


def test_it_is_compared_with_a_member(made, capsys):
    assert main(["compare", str(made / "members/film_1"), str(made)]) == 0
    out = capsys.readouterr().out
    assert "ensemble against film_1" in out
    assert "EBF1 macro" in out


def test_an_interrupted_call_goes_on(runs, made, tmp_path):
    out = shutil.copytree(made, tmp_path / "out")
    whole = (out / "ensemble.json").read_bytes()
    for name in ("ensemble.json", "members/sound/report.html"):
        (out / name).unlink()
    kept = out / "members/film_1/report.json"
    again = out / "members/sound/report.json"
    before = [path.stat().st_mtime_ns for path in (kept, again)]
    assert main(["ensemble", *members(runs), f"--out={out}"]) == 0
    after = [path.stat().st_mtime_ns for path in (kept, again)]
    assert after[0] == before[0]
    assert after[1] > before[1]
    assert (out / "ensemble.json").read_bytes() == whole


def fail(capsys, *arguments):
    """The one line of a call that must end with 2."""
    capsys.readouterr()
    assert main(["ensemble", *map(str, arguments)]) == 2
    printed, message = capsys.readouterr()
    assert printed == ""
    assert message.startswith("mmsed ensemble: ")
    assert len(message.splitlines()) == 1
    return message


def test_what_cannot_be_averaged_leaves_nothing(runs, made, tmp_path, capsys):
    out = tmp_path / "out"
    film, other = runs / "film_1", tmp_path / "other"
    assert "two runs or more" in fail(capsys, film, "--out", out)
    assert "each once" in fail(capsys, film, film, "--out", out)
    message = fail(capsys, film, tmp_path, "--out", out)
    assert f"{tmp_path}: no scores of student" in message
    message = fail(
        capsys, film, made / "scores/student", "--model=teacher", "--out", out
    )
    assert f"{film}: no scores of teacher" in message
    pair = (film, runs / "film_2")
    message = fail(capsys, *pair, "--weight=0.25", "--out", out)
    assert "no scores at the weight 0.25" in message
    message = fail(capsys, *pair, "--truth-folder", tmp_path, "--out", out)
    assert "validation.tsv: no such file" in message
    assert "--truth-folder" in fail(
        capsys, film / "scores/student", runs / "sound", "--out", out
    )
    for subset in SUBSETS:
        source = runs / "sound/scores/student" / subset / "weight_1.0000.npz"
        scores = ClipScores.load(source)
        coarse = dataclasses.replace(scores, frame=scores.frame[:, ::2])
        coarse.save(other / subset / "scores.npz")
    message = fail(capsys, film, other, "--out", out)
    assert "scores.npz: frames in a clip: 32" in message
    assert "weight_0.5000.npz has 64" in message
    assert not out.exists()


def test_other_folders_and_other_runs_are_kept_apart(
    runs, made, tmp_path, capsys
):
    (tmp_path / "mine.txt").write_text("mine")
    message = fail(capsys, *members(runs), "--out", tmp_path)
    assert "holds something else" in message
    message = fail(capsys, members(runs)[0], runs / "film_2", "--out", made)
    assert "was made with other settings" in message
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
