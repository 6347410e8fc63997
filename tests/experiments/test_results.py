"""The pair of weights of a system: which runs it is chosen by."""

from types import SimpleNamespace

import pytest
from sweep.jobs import Job
from sweep.paper import notes
from sweep.plan import PlanError, System
from sweep.results import choose, read_runs

from speechbrain_mmsed.files import DamagedFileError


def made_up_runs(system, figures):
    """Runs with a validation F1: (training weight, seed) -> by weight."""
    of_weight = {c.training: c for c in system.configurations()}
    return [
        SimpleNamespace(
            job=SimpleNamespace(
                configuration=of_weight[training], seed=seed, folder="runs/x"
            ),
            validation_f1=f1,
            model="student",
            report={
                "metadata": {"training_steps": 25000},
                "counts": {
                    "subsets": {
                        "validation": {"clips": 1168},
                        "evaluation": {"clips": 692},
                    }
                },
            },
        )
        for (training, seed), f1 in figures.items()
    ]


def test_a_half_finished_search_is_compared_on_shared_seeds_and_noted():
    system = System("s", "transformer", ("openl3",), (0.5, 0.75), (0.5,))
    # Seed 2 is an easy one, and only one of the weights has it.
    figures = {(0.5, 1): {0.5: 0.3}, (0.75, 1): {0.5: 0.4}}
    runs = made_up_runs(system, {**figures, (0.5, 2): {0.5: 0.9}})
    planned = made_up_runs(
        system, {(w, seed): {} for w in (0.5, 0.75) for seed in (1, 2)}
    )
    jobs = [run.job for run in planned]
    choice = choose(system, runs, jobs)
    assert choice.configuration.training == 0.75 and choice.n_missing == 1
    assert choice.tried == {(0.5, 0.5): (0.3, 1), (0.75, 0.5): (0.4, 1)}
    told = "weights chosen before all runs of the search were done"
    assert told in notes({system: choice}, {})
    runs += made_up_runs(system, {(0.75, 2): {0.5: 0.5}})
    choice = choose(system, runs, jobs)
    assert choice.configuration.training == 0.5 and choice.n_missing == 0
    assert told not in notes({system: choice}, {})
    # One pair: nothing was chosen too early.
    system = System("s", "transformer", ("openl3",), (0.5,), (0.5,))
    runs = made_up_runs(system, {(0.5, 1): {0.5: 0.3}})
    planned = made_up_runs(system, {(0.5, 1): {}, (0.5, 2): {}})
    jobs = [run.job for run in planned]
    assert choose(system, runs, jobs).n_missing == 0


def test_weights_are_looked_up_as_reports_write_them():
    third = 1 / 3
    system = System("s", "transformer", ("openl3",), (0.5,), (third, 0.5))
    figures = {(0.5, 1): {0.3333: 0.6, 0.5: 0.4}}
    assert choose(system, made_up_runs(system, figures)).weight == third
    # Not defined is worse than any figure; not there is a mistake.
    figures = {(0.5, 1): {0.3333: None, 0.5: 0.4}}
    assert choose(system, made_up_runs(system, figures)).weight == 0.5
    with pytest.raises(PlanError, match=r"runs/x.* 0.3333 .*only at \[0.5\]"):
        choose(system, made_up_runs(system, {(0.5, 1): {0.5: 0.4}}))


@pytest.mark.parametrize(
    "damaged",
    ["{}", "[1", "[]", '{"metrics": 1}', '{"validation_ebf1": {"student": 1}}'],
)
def test_a_damaged_report_is_named(tmp_path, damaged):
    system = System("a", "base")
    job = Job(system.configurations()[0], 1, "p", "y", {}, str(tmp_path))
    job.write_record(status="done")
    path = tmp_path / "runs/a/seed_1/report.json"
    path.write_text(damaged)
    with pytest.raises(DamagedFileError, match="seed_1/report.json.*it"):
        read_runs([job])
