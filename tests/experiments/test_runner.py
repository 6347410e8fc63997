"""Jobs are run once each, resumed, listed when they fail; nothing is left."""

import json
import multiprocessing
import os
import pathlib
import signal
import sys
import threading
import time

import pytest
from programs import is_alive
from sweep.experiment import run_experiment, summary
from sweep.jobs import make_jobs, without_streams
from sweep.plan import PlanError
from sweep.plan_file import read_plan
from sweep.progress import (
    failure_list,
    fraction_done,
    remaining_seconds,
)
from sweep.runner import Runner

from speechbrain_mmsed.launch import start, take_lock


def starts(job):
    path = pathlib.Path(job.folder) / "starts"
    return path.read_text().split() if path.exists() else []


def jobs_of(plan_file, folder, **budget):
    plan = read_plan(plan_file)
    plan.budget.update(budget)
    return make_jobs(plan, folder)


def run(jobs, command, devices=("cpu", "cpu")):
    return Runner(jobs, devices, 0.02, command).run()


def start_runner(plan_file, folder, seconds):
    """A runner in a process of its own, which a test may kill."""

    def command(job, device):
        return job.command(device)[:-3]

    def work():
        run(jobs_of(plan_file, folder, seconds=float(seconds)), command)

    # A copy of this one has loaded all libraries.
    runner = multiprocessing.get_context("fork").Process(target=work)
    runner.start()
    return runner


def wait_for(condition, seconds=20.0):
    end = time.time() + seconds
    while not condition():
        assert time.time() < end, "waited in vain"
        time.sleep(0.02)


def test_each_job_once_and_done_jobs_never_again(
    plan_file, tmp_path, dummy_command
):
    jobs = jobs_of(plan_file, tmp_path / "e")
    assert len(jobs) == 9
    assert run(jobs, dummy_command) == []
    assert all(len(starts(job)) == 1 and job.is_done() for job in jobs)
    assert run(jobs, dummy_command) == []
    assert all(len(starts(job)) == 1 for job in jobs)
    # Somebody else's log line is in the log, under the command.
    log = pathlib.Path(jobs[0].log).read_text()
    assert "== attempt 1" in log and "begun" in log


def test_a_failure_is_listed_and_stops_nothing(
    plan_file, tmp_path, dummy_command, capsys
):
    jobs = jobs_of(plan_file, tmp_path / "e", failing_seed=2)
    failed = run(jobs, dummy_command, ["cpu"])
    assert [job.seed for job, _ in failed] == [2, 2, 2]
    assert sum(job.is_done() for job in jobs) == 6
    text = failure_list(failed)
    assert "exit code 1" in text and jobs[3].log in text
    assert "no luck with this seed" in text
    # Started again, only the failed ones are tried again.
    run(jobs, dummy_command)
    assert [len(starts(job)) for job in jobs] == [1, 1, 1, 2, 2, 2, 1, 1, 1]
    assert "[9/9]" in capsys.readouterr().out


def test_a_broken_folder_stops_no_other_run(plan_file, tmp_path, dummy_command):
    jobs = jobs_of(plan_file, tmp_path / "e")
    run(jobs[4:5], dummy_command)
    pathlib.Path(jobs[4].folder, "job.json").write_text("")
    pathlib.Path(jobs[1].folder).parent.mkdir(exist_ok=True)
    pathlib.Path(jobs[1].folder).write_text("a file in place of a folder")
    pathlib.Path(jobs[7].log).mkdir(parents=True)
    assert "9 runs, 0 of them done, 2 not readable" in summary(jobs)
    failed = run(jobs, dummy_command)
    assert [job for job, _ in failed] == [jobs[1], jobs[4], jobs[7]]
    assert "Not a directory" in failed[0][1]
    assert "job.json is no record of a run" in failed[1][1]
    assert "Is a directory" in failed[2][1]
    assert "Is a directory" in failure_list(failed)
    good = [job for job in jobs if job not in (jobs[1], jobs[4], jobs[7])]
    assert all(job.is_done() for job in good)
    # A lock that is left would keep the job from being tried again.
    lock = take_lock(jobs[7].lock)
    assert lock is not None
    os.close(lock)
    pathlib.Path(jobs[4].folder, "job.json").unlink()
    pathlib.Path(jobs[1].folder).unlink()
    pathlib.Path(jobs[7].log).rmdir()
    assert run(jobs, dummy_command) == []


def test_a_program_without_a_report_has_failed(plan_file, tmp_path):
    jobs = jobs_of(plan_file, tmp_path / "e")[:1]
    failed = run(jobs, lambda job, device: [sys.executable, "-c", "pass"])
    assert failed == [(jobs[0], "ended without a report")]


def test_other_settings_in_the_same_folder_are_refused(
    plan_file, tmp_path, dummy_command
):
    run(jobs_of(plan_file, tmp_path / "e")[:1], dummy_command)
    jobs = jobs_of(plan_file, tmp_path / "e", seconds=0.1)
    with pytest.raises(PlanError, match="seconds 0.05 instead of 0.1"):
        run(jobs, dummy_command)
    assert sum(len(starts(job)) for job in jobs) == 1
    # Data may lie elsewhere: the run is the same.
    jobs = jobs_of(plan_file, tmp_path / "e", prepared_folder="/elsewhere")
    assert jobs[0].is_done()


def test_two_runners_share_the_jobs(plan_file, tmp_path):
    folder = str(tmp_path / "e")
    runners = [start_runner(plan_file, folder, 0.2) for _ in range(2)]
    for runner in runners:
        runner.join(60)
        assert runner.exitcode == 0
    jobs = jobs_of(plan_file, folder, seconds=0.2)
    assert all(job.is_done() for job in jobs)
    assert [len(starts(job)) for job in jobs] == [1] * 9


@pytest.mark.skipif(sys.platform != "linux", reason="Linux kills the children")
def test_a_killed_runner_leaves_no_training_and_is_resumed(
    plan_file, tmp_path, dummy_command
):
    folder = str(tmp_path / "e")
    runner = start_runner(plan_file, folder, 600)
    jobs = jobs_of(plan_file, folder, seconds=600.0)
    wait_for(lambda: sum(len(starts(job)) for job in jobs) == 2)
    children = [pid for job in jobs for pid in starts(job)]
    runner.kill()
    runner.join()
    wait_for(lambda: not any(is_alive(pid) for pid in children))
    # What was in work is started again, and is not taken for done.
    assert not any(job.is_done() for job in jobs)
    for job in jobs[:2]:
        record = job.record()
        assert record["status"] == "running" and record["attempt"] == 1
        record = {**record, "overrides": {**job.overrides, "seconds": 0.05}}
        pathlib.Path(job.folder, "job.json").write_text(json.dumps(record))
    jobs = jobs_of(plan_file, folder)
    assert run(jobs, dummy_command) == []
    assert [len(starts(job)) for job in jobs] == [2, 2] + [1] * 7
    assert jobs[0].record()["attempt"] == 2


def test_a_training_that_outlived_its_runner_is_waited_for(
    plan_file, tmp_path, dummy_command
):
    jobs = jobs_of(plan_file, tmp_path / "e")[:2]
    # What a runner leaves behind where children do not die with it: a
    # process that holds the lock of its job, and nobody else does.
    lock = take_lock(jobs[0].lock)
    sleeper = [sys.executable, "-c", "import time; time.sleep(1.0)"]
    with open(os.devnull, "wb") as log:
        orphan = start(sleeper, log, lock)
    os.close(lock)
    assert take_lock(jobs[0].lock) is None
    ended = []
    threading.Thread(
        target=lambda: ended.append((orphan.wait(), time.time()))
    ).start()
    assert run(jobs, dummy_command) == []
    assert ended and jobs[0].record()["began"] >= ended[0][1] - 0.2
    assert jobs[1].record()["began"] < ended[0][1]


def test_interrupting_the_runner_ends_its_trainings(plan_file, tmp_path):
    folder = str(tmp_path / "e")
    runner = start_runner(plan_file, folder, 600)
    jobs = jobs_of(plan_file, folder, seconds=600.0)
    wait_for(lambda: sum(len(starts(job)) for job in jobs) == 2)
    os.kill(runner.pid, signal.SIGINT)
    runner.join(20)
    children = [pid for job in jobs for pid in starts(job)]
    assert len(children) == 2
    wait_for(lambda: not any(is_alive(pid) for pid in children))


def test_what_is_done_and_the_time_that_remains(tmp_path):
    (tmp_path / "log").write_text("epoch 2/4, batch 50/100: loss 1\n")
    assert fraction_done(tmp_path / "log") == 0.375
    assert fraction_done(tmp_path / "log", 31) == 0
    assert fraction_done(tmp_path / "none") == 0
    assert remaining_seconds([100.0], 3, [(50.0, 0.5)], 1) == 350
    assert remaining_seconds([], 1, [(30.0, 0.25)], 1) == 210
    assert remaining_seconds([], 1, [(30.0, 0.0)], 1) is None


def test_streams_that_are_not_extracted_are_named(plan_file, tmp_path):
    jobs = jobs_of(plan_file, "e", prepared_folder=str(tmp_path))
    folder = tmp_path / "streams" / "openl3"
    missing = without_streams(jobs)
    assert list(missing) == [str(folder)]
    assert {job.configuration.name for job in missing[str(folder)]} == {
        "both_0.5",
        "both_0.75",
    }
    folder.mkdir(parents=True)
    (folder / "stream.json").write_text("{}")
    assert without_streams(jobs) == {}
    # Nothing is known of it before preparation.
    assert without_streams(jobs_of(plan_file, "e")) == {}


def test_data_are_made_first_and_once(plan_file, tmp_path, capfd):
    plan = read_plan(plan_file)
    make = plan_file.parent / "make.py"
    make.write_text(
        "import sys\nprint('made', sys.argv[1], file=open(sys.argv[1], 'a'))\n"
    )
    plan.before = [["make.py", "{folder}/data.txt"]]
    plan.program = str(plan_file.parent / "always.py")
    pathlib.Path(plan.program).write_text(
        "import os, sys\n"
        "v = dict(zip(sys.argv[2::2], sys.argv[3::2]))\n"
        "os.makedirs(v['--output_folder'], exist_ok=True)\n"
        "open(v['--output_folder'] + '/report.json', 'w').write('{}')\n"
    )
    folder = str(tmp_path / "e")
    jobs = make_jobs(plan, folder, [1], "audio")
    for _ in range(2):
        assert run_experiment(plan, jobs, folder, ["cpu"]) == []
    made = pathlib.Path(folder, "data.txt").read_text().splitlines()
    assert made == [f"made {folder}/data.txt"]
    assert "1 configurations x 1 seeds = 1 runs, 0 of them" in (
        capfd.readouterr().out
    )
    plan.before.append(["make.py"])  # fails: it has no argument
    with pytest.raises(PlanError, match="exit code 1"):
        run_experiment(plan, jobs, folder, ["cpu"])
