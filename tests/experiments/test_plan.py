"""Plans: the paper's numbers of systems and runs, and what is refused."""

import pathlib
import re

import pytest
from sweep.experiment import plain_lines
from sweep.jobs import make_jobs
from sweep.paper import METRICS, read_paper, table_of
from sweep.plan import PlanError
from sweep.plan_file import read_plan

from speechbrain_mmsed.training.hparams import HparamsError

EXPERIMENTS = (
    pathlib.Path(__file__).resolve().parents[2] / "recipes/DESED/experiments"
)


def plan(name):
    return read_plan(EXPERIMENTS / f"{name}.yaml")


def keys(systems):
    return {(table_of(s), s.base, s.streams, s.kind) for s in systems}


def test_the_papers_plan_has_every_row_with_its_weights():
    found = plan("paper")
    assert len(found.configurations()) == len(found.systems) == 18
    assert found.seeds == list(range(1, 21))
    paper = read_paper(found.paper_figures)
    rows = {key[:4]: row for key, row in paper.items() if row.table != 7}
    assert keys(found.systems) == set(rows)
    for system in found.systems:
        key = table_of(system), system.base, system.streams, system.kind
        published = rows[key]
        training = [str(weight) for weight in system.training or (1,)]
        assert training == [published.training], system.name
        inference = [str(weight) for weight in system.inference or (1,)]
        assert inference == [published.inference], system.name


def test_the_search_has_42_configurations_of_the_same_systems():
    found, paper = plan("search"), plan("paper")
    assert keys(found.systems) == keys(paper.systems)
    configurations = found.configurations()
    assert len(configurations) == 42
    assert len({c.name for c in configurations}) == 42
    kinds = {}
    for system in found.systems:
        kind = len(system.streams), system.kind
        n = len(system.configurations())
        kinds[kind] = kinds.get(kind, 0) + n
    assert kinds == {
        (0, "audio"): 2,
        (1, "fixed"): 24,
        (1, "random"): 6,
        (2, "fixed"): 8,
        (2, "random"): 2,
    }
    for configuration in configurations:
        if configuration.streams:
            assert configuration.inference == (0.25, 0.5, 0.75, 0.875)


def test_row_counts_and_cells_of_the_transcription():
    rows = read_paper(EXPERIMENTS / "paper_figures.csv")
    count = {
        n: sum(row.table == n for row in rows.values()) for n in (5, 6, 7, 8)
    }
    assert count == {5: 8, 6: 6, 7: 22, 8: 4}
    for row in rows.values():
        for mean, deviation in row.figures.values():
            assert 0.3 < mean < 0.9
            assert (deviation is None) == (row.table == 7)
            assert deviation is None or 0.003 < deviation < 0.02


NAMES = {"openl3": "OpenL3", "tce": "Temporally", "vgg16": "VGG16"}
# Scanned cell by cell, from below.
SCATTERED = (6, "conformer", ("vgg16",), "random", "all")


def plain_lines_of(text):
    """Lines without markup, one space between cells: "84.57 ±0.40 80.56"."""
    for mark, plain in ((r"\pm", "±"), ("\\", " "), ("$", " ")):
        text = text.replace(mark, plain)
    text = re.sub(r"</?b>", "", text)
    lines = [re.sub(r"±\s*", "±", line) for line in text.splitlines()]
    return [" ".join(line.split()) for line in lines]


def published(metric, mean, deviation):
    scale = 1 if metric.startswith("psds") else 100
    shown = f"{scale * mean:.{4 if scale == 1 else 2}f}"
    if deviation is None:
        return shown
    digits = {"psds1": 4, "psds2": 3}.get(metric, 2)
    return f"{shown} ±{scale * deviation:.{digits}f}"


def test_transcription_stands_in_the_papers_text(shared_folder):
    """The five figures of a row, in order, on one line of its inputs."""
    path = shared_folder / "paper" / "boes2022.txt"
    lines = plain_lines_of(path.read_text(encoding="utf-8"))
    wanted = {}
    for key, row in read_paper(EXPERIMENTS / "paper_figures.csv").items():
        cells = [published(m, *row.figures[m]) for m in METRICS]
        # A line of table 7 has all splits of a system in each cell.
        wanted.setdefault(key[:4], []).append(cells)
        if key == SCATTERED:
            scattered = " ".join(line for line in lines if line)
            assert all(cell in scattered for cell in cells)
    assert len(wanted) == 26
    for key, splits in wanted.items():
        if key == SCATTERED[:4]:
            continue
        metrics = zip(*splits, strict=True)
        cells = " ".join(cell for metric in metrics for cell in metric)
        found = [line for line in lines if cells in line]
        assert len(found) == 1, (key, cells)
        inputs = {name for name, text in NAMES.items() if text in found[0]}
        assert inputs == {*key[2]}, (key, found)


def test_transcribed_means_are_those_of_the_decisions(shared_folder):
    text = (shared_folder / "paper" / "decisions.md").read_text()
    rows = read_paper(EXPERIMENTS / "paper_figures.csv")
    line = next(x for x in text.splitlines() if "conformer, + VGG16" in x)
    cells = [float(cell) for cell in line.split("|")[2:7]]
    found = rows[5, "conformer", ("vgg16",), "fixed", "all"].figures
    means = [found[m][0] for m in ("cbf1", "sbf1", "ebf1", "psds1", "psds2")]
    scaled = [100 * x for x in means[:3]] + means[3:]
    assert scaled == pytest.approx(cells)


def test_example_has_both_models_all_kinds_and_three_seeds():
    found = plan("example")
    kinds = {(s.base, len(s.streams), s.kind) for s in found.systems}
    assert kinds == {
        (base, *kind)
        for base in ("transformer", "conformer")
        for kind in (
            (0, "audio"),
            (1, "fixed"),
            (1, "random"),
            (2, "fixed"),
            (2, "random"),
        )
    }
    assert len(make_jobs(found, "e")) == 30
    found.check_budget()


def test_the_readme_lists_the_18_commands():
    text = (EXPERIMENTS / "README.md").read_text()
    for line in plain_lines(plan("paper"), 1):
        assert line in text.splitlines()


def test_overrides_of_a_run_are_the_budget_and_the_system(plan_file):
    jobs = make_jobs(read_plan(plan_file), "e", systems="both")
    assert [job.name for job in jobs[:3]] == [
        "both_0.5/seed_1",
        "both_0.75/seed_1",
        "both_0.5/seed_2",
    ]
    assert jobs[1].overrides == {
        "seconds": 0.05,
        "failing_seed": 0,
        "streams": ["openl3"],
        "fusion": 0.75,
        "inference_weights": [0.25, 0.875],
        "seed": 1,
    }
    words = jobs[1].command("cuda:1")
    assert words[-3:] == ["--device", "cuda:1", "--noprogressbar"]
    assert "[0.25, 0.875]" in words


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("seeds: 3", "seeds: [1, 1]", "different seeds"),
        ("seeds: 3", "sedes: 3", "Did you mean: seeds"),
        ("program.py", "prog.py", "prog.py is not there"),
        ("{base: transformer}", "{base: conformer}", "expected one of"),
        ("training: [0.5, 0.75]", "training: 1.5", "weight 1.5"),
        ("    training: [0.5, 0.75]\n", "", "needs weights"),
        ("inference: [0.25, 0.875]", "inference: random", "weight 'random'"),
        ("training: [0.5, 0.75]", "training: [0.5, 0.5]", "weight once"),
        ("streams: [openl3]", "streams: openl3", r"expected \[NAME"),
        ("  audio:", "  both_0.5: {base: transformer}\n  audio:", "rename"),
        ("  audio:", "  Audio: {base: transformer}\n  audio:", "rename"),
        ("  audio:", "  ../audio:", "that of a folder"),
        ("  audio:", '  "":', "that of a folder"),
    ],
)
def test_what_would_run_something_else_is_refused(plan_file, old, new, message):
    text = plan_file.read_text()
    assert old in text
    plan_file.write_text(text.replace(old, new))
    with pytest.raises((PlanError, HparamsError), match=message):
        read_plan(plan_file)


def test_unknown_override_stops_before_anything_runs(plan_file):
    found = read_plan(plan_file)
    found.budget["secnods"] = 1
    with pytest.raises(HparamsError, match="Did you mean: seconds"):
        found.check_budget()


def test_systems_that_do_not_exist(plan_file):
    with pytest.raises(PlanError, match="fits none of audio, both"):
        make_jobs(read_plan(plan_file), "e", systems="aduio")
