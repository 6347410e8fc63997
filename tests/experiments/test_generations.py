"""Systems that learn from the scores of others wait for them."""

import functools
import json
import pathlib

import pytest
from sweep import experiment
from sweep.experiment import run_experiment
from sweep.jobs import make_jobs
from sweep.plan import PlanError
from sweep.plan_file import read_plan
from sweep.runner import Runner
from sweep.tables import inputs_of

EXPERIMENTS = (
    pathlib.Path(__file__).resolve().parents[2] / "recipes/DESED/experiments"
)
LABELLER = """
import json, pathlib, sys
*runs, _, out, _, _ = sys.argv[1:]
runs = [pathlib.Path(run) for run in runs]
assert all((run / "report.json").is_file() for run in runs)
pathlib.Path(out).mkdir(parents=True)
seeds = [int(run.name.removeprefix("seed_")) for run in runs]
source = {"runs": [str(run) for run in runs]}
source["sources"] = [{"seed": seed} for seed in seeds]
pathlib.Path(out, "source.json").write_text(json.dumps(source))
"""
SYSTEMS = """
labeller: labeller.py
systems:
  first: {base: transformer}
  second: {base: transformer, pseudo_labels: first}
  third: {base: transformer, pseudo_labels: second}
"""


@pytest.fixture
def generations(plan_file, monkeypatch):
    """Three generations of two seeds, looked at often."""
    quick = functools.partial(Runner, poll_seconds=0.02)
    monkeypatch.setattr(experiment, "Runner", quick)
    (plan_file.parent / "labeller.py").write_text(LABELLER)
    text = plan_file.read_text().replace("seeds: 3", "seeds: 2")
    plan_file.write_text(text[: text.index("systems:")] + SYSTEMS)
    return plan_file


def test_each_generation_learns_from_all_seeds_of_the_last(
    generations, tmp_path
):
    plan, folder = read_plan(generations), str(tmp_path / "e")
    jobs = make_jobs(plan, folder)
    for _ in range(2):
        assert run_experiment(plan, jobs, folder, ["cpu", "cpu"]) == []
    assert all(job.is_done() for job in jobs)
    for source, learner in (("first", "second"), ("second", "third")):
        labels = f"{folder}/pseudo_labels/{source}"
        found = json.loads(pathlib.Path(labels, "source.json").read_text())
        assert found["runs"] == [
            f"{folder}/runs/{source}/seed_{seed}" for seed in (1, 2)
        ]
        for job in jobs:
            if job.configuration.name == learner:
                assert job.overrides["pseudo_labels_folder"] == labels
                starts = pathlib.Path(job.folder, "starts").read_text()
                assert len(starts.split()) == 1

    # Not with the labels of two seeds where three are planned.
    generations.write_text(generations.read_text().replace("s: 2", "s: 3"))
    plan = read_plan(generations)
    jobs = make_jobs(plan, folder, [3])
    failed = run_experiment(plan, jobs, folder, ["cpu"])
    assert [job for job, _ in failed] == jobs[1:]
    assert "first is of other seeds" in failed[0][1]


def test_nobody_learns_from_what_is_not_done(generations, tmp_path):
    plan, folder = read_plan(generations), str(tmp_path / "e")
    plan.budget["failing_seed"] = 2
    jobs = make_jobs(plan, folder, systems="first,second")
    failed = run_experiment(plan, jobs, folder, ["cpu", "cpu"])
    reasons = {job.name: reason for job, reason in failed}
    assert list(reasons) == ["first/seed_2", "second/seed_1", "second/seed_2"]
    assert reasons["second/seed_1"] == (
        "not started: they learn from first/seed_2, not done"
    )
    assert not (tmp_path / "e/pseudo_labels").exists()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("labeller: labeller.py", "", "the plan no labeller"),
        ("labeller.py", "nothing.py", "nothing.py is not there"),
        ("pseudo_labels: second", "pseudo_labels: third", r"\['first', 'sec"),
    ],
)
def test_a_plan_names_the_labeller_and_systems_above(
    generations, old, new, message
):
    generations.write_text(generations.read_text().replace(old, new))
    with pytest.raises(PlanError, match=message):
        read_plan(generations)


def test_the_recipes_plan_has_two_iterations():
    plan = read_plan(EXPERIMENTS / "pseudo_labels.yaml")
    plan.check_budget()
    inputs = [inputs_of(system) for system in plan.systems]
    assert inputs == [
        "sound",
        "sound, taught by first",
        "sound, taught by second",
    ]
