"""Tables from stored runs, of made-up scores: figures, choices, titles."""

import csv
import dataclasses
import json
import pathlib

import numpy as np
import pandas as pd
import pytest
from sweep import collect as collecting
from sweep import results
from sweep import rows as table_rows
from sweep.collect import collect, tabulate
from sweep.jobs import make_jobs
from sweep.paper import METRICS, PaperRow, notes
from sweep.plan_file import read_plan
from sweep.results import choose, figures_at, read_runs
from sweep.rows import clip_draws
from sweep.tables import first_cells

from speechbrain_mmsed.evaluation import run as evaluation_run
from speechbrain_mmsed.evaluation.run import evaluate_run
from speechbrain_mmsed.evaluation.statistics.clip_statistics import (
    clip_statistics,
)
from speechbrain_mmsed.files import write_json
from speechbrain_mmsed.postprocessing.scores import ClipScores

LABELS = ["Cat", "Dog"]
N_CLIPS = {"validation": 12, "evaluation": 16}
HOP = 0.15625
PLAN = """
title: Made-up scores
program: program.py
base_models: {transformer: base.yaml}
seeds: 2
paper_figures: paper.csv
stands_for: {image: openl3}
systems:
  audio: {base: transformer}
  image:
    base: transformer
    streams: [image]
    training: [0.5, 0.75]
    inference: [0.5, 0.75]
  image_random:
    base: transformer
    streams: [image]
    training: random
    inference: 0.75
"""


def write_truth(folder):
    """One event a clip, of classes in turn, at known times."""
    events = {}
    for subset, n in N_CLIPS.items():
        rows = [
            (f"{subset}{i}.wav", 1.0 + 0.2 * i, 4.0 + 0.3 * i, LABELS[i % 2])
            for i in range(n)
        ]
        events[subset] = rows
        folder.mkdir(parents=True, exist_ok=True)
        columns = ["filename", "onset", "offset", "event_label"]
        pd.DataFrame(rows, columns=columns).to_csv(
            folder / f"{subset}.tsv", sep="\t", index=False
        )
        durations = [(row[0], 10.0) for row in rows]
        pd.DataFrame(durations, columns=["filename", "duration"]).to_csv(
            folder / f"{subset}_durations.tsv", sep="\t", index=False
        )
    return events


def write_scores(folder, events, weights, noise, seed):
    """Scores that are right but for noise, which the weight scales."""
    rng = np.random.default_rng(seed)
    for subset, rows in events.items():
        n = len(rows)
        frame = np.zeros((n, 64, 2))
        clip = np.zeros((n, 2))
        for i, (_, onset, offset, label) in enumerate(rows):
            first, last = int(onset / HOP), int(offset / HOP)
            frame[i, first : last + 1, LABELS.index(label)] = 1
            clip[i, LABELS.index(label)] = 1
        flips = rng.uniform(-1, 1, frame.shape), rng.uniform(-1, 1, clip.shape)
        for weight in weights:
            scale = noise(weight)
            scores = [
                np.clip(0.5 + 0.3 * (x - 0.5) + scale * flip, 0.01, 0.99)
                for x, flip in zip((frame, clip), flips, strict=True)
            ]
            path = folder / "student" / subset
            path.mkdir(parents=True, exist_ok=True)
            ClipScores(
                filenames=[row[0] for row in rows],
                durations=np.full(n, 10.0),
                labels=LABELS,
                clip=scores[1].astype(np.float32),
                frame=scores[0].astype(np.float32),
                has_video=np.arange(n) % 4 != 0,
                frame_hop=HOP,
            ).save(path / f"weight_{weight:.4f}.npz")


@pytest.fixture(scope="module", autouse=True)
def reports_without_pictures():
    """Counts, pictures and intervals of single runs are for nobody here."""

    def write_report(report, folder, *_):
        write_json(pathlib.Path(folder) / "report.json", report)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(evaluation_run, "write_report", write_report)
        yield


@pytest.fixture(scope="module")
def experiment(tmp_path_factory):
    """(plan, jobs, folder): all runs but one, measured as recipes do."""
    root = tmp_path_factory.mktemp("made_up")
    (root / "program.py").write_text("")
    (root / "base.yaml").write_text("seed: 1\n")
    header = "table,base,streams,training,inference,split"
    names = ("cbf1", "sbf1", "ebf1", "psds1", "psds2")
    figures = ",".join(f"{name},{name}_std" for name in names)
    cells = "84.57,0.4,80.56,0.4,51.0,0.55,0.4168,0.008,0.6567,0.011"
    (root / "paper.csv").write_text(
        f"{header},{figures}\n5,transformer,openl3,0.5,0.75,all,{cells}\n"
    )
    (root / "plan.yaml").write_text(PLAN)
    plan = read_plan(root / "plan.yaml")
    events = write_truth(root / "prepared" / "ground_truth")
    plan.budget["prepared_folder"] = str(root / "prepared")
    jobs = make_jobs(plan, root / "e")
    # Best by validation: training 0.75, inference 0.5.
    noise = {None: 0.5, 0.5: 0.45, 0.75: 0.3, "random": 0.4}
    for job in jobs:
        if job.name == "image_random/seed_2":
            continue
        c = job.configuration
        scores = pathlib.Path(job.folder) / "scores"

        def scale(weight, base=noise[c.training]):
            return base * (0.9 if weight == 0.5 else 1.1)

        weights = sorted({*c.inference, 1.0})
        write_scores(scores, events, weights, scale, job.seed)
        evaluate_run(
            scores,
            root / "prepared" / "ground_truth",
            job.folder,
            LABELS,
            models=["student"],
            metadata={"training_steps": 100, "git_revision": "abc"},
        )
        job.write_record(status="done", seconds=1.0)
    return plan, jobs, root / "e"


@pytest.fixture(scope="module")
def tables(experiment):
    plan, jobs, folder = experiment
    return pathlib.Path(collect(plan, jobs, folder))


def cells(tables):
    with (tables.parent / "tables.csv").open() as file:
        return {
            (row["table"], row["system"], row["split"], row["metric"]): row
            for row in csv.DictReader(file)
        }


def test_means_and_deviations_are_those_of_the_reports(experiment, tables):
    _, jobs, _ = experiment
    found = cells(tables)
    values = []
    for job in jobs:
        if job.configuration.name == "audio":
            path = pathlib.Path(job.folder, "report.json")
            report = json.loads(path.read_text())
            values.append(report["metrics"]["student"]["all"]["ebf1"])
    cell = found["5", "audio", "all", "ebf1"]
    assert float(cell["mean"]) == pytest.approx(np.mean(values))
    assert float(cell["std"]) == pytest.approx(np.std(values, ddof=1))
    assert cell["seeds"] == "2" and cell["difference"] == ""
    # One seed of the third system is not done.
    cell = found["6", "image_random", "all", "cbf1"]
    assert cell["seeds"] == "1" and cell["std"] == ""
    assert cell["seeds_low"] == "" and cell["clips_low"] != ""


def test_a_pair_is_chosen_by_mean_validation_f1(experiment):
    plan, jobs, _ = experiment
    runs = read_runs(jobs)
    assert len(runs) == 7
    system = plan.systems[1]
    choice = choose(system, runs)
    means = {}
    for run in runs:
        c = run.job.configuration
        if c.name.startswith("image_0"):
            for weight, f1 in run.validation_f1.items():
                means.setdefault((c.training, weight), []).append(f1)
    means = {pair: np.mean(values) for pair, values in means.items()}
    assert len(means) == 4
    best = max(means, key=means.get)
    assert (choice.configuration.training, choice.weight) == best == (0.75, 0.5)
    assert choice.tried[best] == (pytest.approx(means[best]), 2)
    # Without the runs of the better training weight the other is chosen.
    some = [r for r in runs if r.job.configuration.training != 0.75]
    assert choose(system, some).configuration.training == 0.5
    assert choose(system, some).n_missing == 1
    assert choose(system, []) is None


def test_figures_at_another_weight_equal_a_run_that_chose_it(
    experiment, tmp_path, monkeypatch
):
    _, jobs, _ = experiment
    run = next(r for r in read_runs(jobs) if r.job.name == "image_0.5/seed_1")
    own = run.report["inference_weight"]["student"]
    other = 0.75 if own == 0.5 else 0.5
    figures, parameters = figures_at(run, other)
    # The same scores, with the other weight alone to choose from.
    folder = pathlib.Path(run.job.folder, "scores", "student")
    for subset in N_CLIPS:
        target = tmp_path / "scores" / "student" / subset
        target.mkdir(parents=True)
        for weight in (other, 1.0):
            name = f"weight_{weight:.4f}.npz"
            (target / name).write_bytes((folder / subset / name).read_bytes())
    truth = pathlib.Path(run.overrides["prepared_folder"], "ground_truth")
    report = evaluate_run(
        tmp_path / "scores", truth, tmp_path, LABELS, models=["student"]
    )
    expected = report["metrics"]["student"]
    for split, metrics in figures.items():
        assert metrics == pytest.approx(expected[split], nan_ok=False)
    assert figures != run.report["metrics"]["student"]
    # Once measured it is read, until the run is scored again.
    monkeypatch.setattr(results, "tune", None)
    assert figures_at(run, other)[0] == figures
    assert set(parameters) == {"cbf1", "sbf1", "ebf1", "psds1", "psds2"}
    run.mark = "scored again"
    with pytest.raises(TypeError):
        figures_at(run, other)


def test_clip_draws_are_the_plain_figures_of_drawn_clips(experiment):
    _, jobs, _ = experiment
    run = read_runs(jobs)[0]
    draws = clip_draws(run, 1.0, "video_ignored")
    scores = run.scores("evaluation", 1.0)
    names = sorted(np.array(scores.filenames)[scores.has_video])
    assert list(draws["clips"]) == names and len(names) == 12
    _, parameters = figures_at(run, 1.0)
    some = scores.subset(scores.has_video)
    truth = run.truth("evaluation").subset(some.filenames)
    counts = clip_statistics(some, truth, parameters, ["ebf1"])["ebf1"]
    rng = np.random.default_rng(0)  # the draws of `resample_weights`
    drawn = rng.integers(0, 12, (1000, 12))
    for r in (0, 17, 999):
        taken = [counts.filenames.index(names[i]) for i in drawn[r]]
        tp, nsys, nref = (
            a[taken].sum(0)
            for a in (counts.tp, counts.nsys, counts.n_reference)
        )
        f1 = [
            2 * t / (s + n) for t, s, n in zip(tp, nsys, nref, strict=True) if n
        ]
        assert draws["ebf1"][r] == pytest.approx(np.mean(f1))


def test_tables_say_what_they_are_and_have_the_paper_beside(tables):
    text = tables.read_text()
    assert "7 of 8 runs are done" in text
    title = next(x for x in text.splitlines() if x.startswith("## Table 5"))
    for part in (
        "not the paper's experiment",
        "experiment: 2 of 20 seeds",
        "12 of 1168 validation clips",
        "100 training steps instead of 25000",
        "image in the place of openl3",
    ):
        assert part in title
    # Each title speaks of its own table: here one run is not done.
    assert (
        "## Table 6: one stream, random weights in training (not the " in text
    )
    assert "experiment: 1 of 20 seeds" in text
    assert "84.57 ± 0.40" in text and "0.4168 ± 0.0080" in text
    assert "*:" not in text  # too few seeds for stars
    assert text.count("chosen") == 2 - 1 + text.count("Chosen by")
    latex = (tables.parent / "tables.tex").read_text()
    assert latex.count(r"\begin{tabular}") == 3
    assert r"84.57 $\pm$ 0.40" in latex
    for metric in ("cbf1", "sbf1", "ebf1", "psds1", "psds2"):
        assert (tables.parent / f"{metric}.png").stat().st_size > 5000


def test_table_7_compares_with_sound_alone_on_the_same_clips(
    experiment, tables
):
    found = cells(tables)
    splits = {key[2] for key in found if key[:2] == ("7", "image")}
    assert splits == {"video_available", "video_ignored", "video_unavailable"}
    assert ("7", "audio", "video_available", "ebf1") not in found
    seen = found["7", "image", "video_available", "ebf1"]
    sound = found["7", "audio", "video_ignored", "ebf1"]
    assert float(seen["difference"]) == pytest.approx(
        float(seen["mean"]) - float(sound["mean"])
    )
    assert float(seen["clips_low"]) < float(seen["clips_high"])


@pytest.mark.parametrize("clips", [True, False])
def test_other_clips_give_no_difference_and_a_note(
    experiment, tmp_path, monkeypatch, clips
):
    """As where a stream lacks for clips that have a film."""
    plan, jobs, _ = experiment
    scores_of = results.Run.scores

    def scores(run, subset, weight):
        found = scores_of(run, subset, weight)
        if run.job.configuration.name == "audio" and subset == "evaluation":
            found.has_video[1:3] = False
        return found

    monkeypatch.setattr(results.Run, "scores", scores)
    path = pathlib.Path(collect(plan, jobs, tmp_path, clips=clips))
    found = cells(path)
    for split in ("video_available", "video_ignored", "video_unavailable"):
        cell = found["7", "image", split, "ebf1"]
        names = "difference", "seeds_low", "clips_low"
        assert [cell[name] for name in names] == ["", "", ""]
    assert found["5", "image", "all", "ebf1"]["difference"] != ""
    text = path.read_text().split("## Table 7")[1].split("## ")[0]
    assert "No difference, since the clips are not the same" in text
    line = "sound + image, available: 12 clips against 10 of sound alone, 10"
    assert line in text.replace("video available", "available")
    assert "4 clips against 6 of sound alone, 4 in common" in text
    assert "| transformer | sound + image |" in text


def test_a_figure_of_fewer_seeds_than_its_row_is_marked(
    experiment, tables, tmp_path, monkeypatch
):
    plan, jobs, _ = experiment

    def figures(run, weight):
        found, parameters = figures_at(run, weight)
        if run.job.name == "audio/seed_2":
            found = {s: {**metrics} for s, metrics in found.items()}
            found["all"]["psds1"] = None
        return found, parameters

    assert "(n=" not in tables.read_text()
    monkeypatch.setattr(table_rows, "figures_at", figures)
    path = pathlib.Path(collect(plan, jobs, tmp_path, clips=False))
    for text in (path.read_text(), path.with_suffix(".tex").read_text()):
        marked = [line for line in text.splitlines() if "(n=1)" in line]
        assert len(marked) == 1 and marked[0].count("(n=") == 1
        assert text.count("(n=k): in the other seeds") == 1


def test_a_taught_system_says_so_and_is_nobodys_reference(experiment):
    plan, jobs, _ = experiment
    audio, image, _ = plan.systems
    runs = read_runs(jobs)
    choices = {system: choose(system, runs, jobs) for system in (audio, image)}
    taught = dataclasses.replace(audio, name="taught", pseudo_labels="audio")
    # With the figures of the other, so that a mistake would be seen.
    more = {**choices, taught: choices[image]}
    figures = dict.fromkeys(METRICS, (0.5, None))
    paper = {(5, "transformer", (), "audio", "all"): PaperRow(5, 1, 1, figures)}
    before, rows = (
        table_rows.table_rows(some, paper, {}, clips=False)
        for some in (choices, more)
    )
    assert [row.cells for row in rows if row.system != taught] == [
        row.cells for row in before
    ]
    (row,) = (r for r in rows if (r.table, r.system) == (5, taught))
    assert first_cells(row)[1] == "sound, taught by audio"
    assert row.cells["ebf1"].paper == (None, None)
    assert before[0].cells["ebf1"].paper == (0.5, None)
    assert "pseudo-labels of earlier networks" in notes(more, {})
    assert "pseudo-labels of earlier networks" not in notes(choices, {})


def test_tables_hold_done_runs_of_seeds_beyond_the_plan(
    experiment, monkeypatch
):
    plan, _, folder = experiment
    asked = []
    monkeypatch.setattr(
        collecting, "collect", lambda plan, jobs, *_: asked.extend(jobs)
    )
    monkeypatch.setattr(plan, "seeds", [1])
    assert "no run" in tabulate(plan, folder).lower()
    names = {job.name for job in asked}
    assert "audio/seed_2" in names and "image_0.5/seed_2" in names
    assert "image_random/seed_1" in names
    # Nobody has started this one, or asked for it.
    assert "image_random/seed_2" not in names and len(asked) == 7


def test_no_run_no_tables(experiment, tmp_path):
    plan, _, _ = experiment
    jobs = make_jobs(plan, tmp_path)
    assert collect(plan, jobs, tmp_path) is None
