"""An experiment from its plan to its tables.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import glob
import os
import shlex
import sys

from speechbrain_mmsed.experiments.before import run_before, without_streams
from speechbrain_mmsed.experiments.collect import collect
from speechbrain_mmsed.experiments.commands import options, plain_command
from speechbrain_mmsed.experiments.failures import failure_list
from speechbrain_mmsed.experiments.jobs import make_jobs, sorted_out
from speechbrain_mmsed.experiments.plan import PlanError
from speechbrain_mmsed.experiments.runner import Runner


def summary(jobs):
    """How many runs there are, for the first line.

    Arguments
    ---------
    jobs : list of Job
        The runs of an experiment.

    Returns
    -------
    str
    """
    configurations = {job.configuration for job in jobs}
    seeds = {job.seed for job in jobs}
    done, _, broken = sorted_out(jobs)
    told = f", {len(broken)} not readable" if broken else ""
    return (
        f"{len(configurations)} configurations x {len(seeds)} seeds = "
        f"{len(jobs)} runs, {len(done)} of them done{told}"
    )


def run_experiment(plan, jobs, folder, devices):
    """Prepares, runs what is not done, and writes the tables.

    Arguments
    ---------
    plan : Plan
        The experiment.
    jobs : list of Job
        Its runs, or some of them.
    folder : str
        Folder of the experiment.
    devices : list of str
        One run at a time on each.

    Returns
    -------
    list of tuple
        (job, reason) of those that failed or could not start.
    """
    print(summary(jobs), flush=True)
    plan.check_budget()
    run_before(plan, folder)
    blocked = {}
    for stream, needing in without_streams(jobs).items():
        reason = f"not started: no stream in {stream}; extract it first"
        print(f"{len(needing)} runs {reason}", flush=True)
        blocked.update({job.name: (job, reason) for job in needing})
    ready = [job for job in jobs if job.name not in blocked]
    failed = list(blocked.values())
    failed += Runner(ready, devices).run()
    if failed:
        print(f"\n{len(failed)} runs failed; start again to try them again:")
        print(failure_list(failed))
    return failed


def tabulate(plan, folder, seeds=(), model="student", clips=True):
    """Writes the tables of all runs that are done, of whatever seed.

    Arguments
    ---------
    plan : Plan
        The experiment.
    folder : str
        Folder of the experiment.
    seeds : list of int
        Further seeds than the plan's.
    model : str
        "student" or "teacher".
    clips : bool
        Whether differences get intervals over clips.

    Returns
    -------
    str
        The line that says where the tables are.
    """
    seeds = sorted({*plan.seeds, *seeds})
    jobs = make_jobs(plan, folder, seeds)
    further = sorted(_seeds_in(folder) - {*seeds})
    if further:
        # Runs of other seeds that somebody asked for earlier.
        jobs += [
            job
            for job in make_jobs(plan, folder, further)
            if os.path.isdir(job.folder)
        ]
    path = collect(plan, jobs, folder, model, clips)
    if path is None:
        return f"No run of {folder} is done: there are no tables yet."
    return f"Tables: {os.path.abspath(path)}"


def _seeds_in(folder):
    """Seeds that have a folder in an experiment."""
    found = glob.glob(os.path.join(glob.escape(folder), "runs", "*", "seed_*"))
    numbers = [path.rsplit("seed_", 1)[1] for path in found]
    return {int(number) for number in numbers if number.isdecimal()}


def cluster_lines(jobs, program, plan_path, folder, devices, extra):
    """One command a run, for a job array; runs that are done are left out.

    Arguments
    ---------
    jobs : list of Job
        The runs.
    program : str
        The program that runs one job with `--job`.
    plan_path : str
        The plan's file.
    folder : str
        Folder of the experiment.
    devices : list of str
        The first is the device of every run.
    extra : dict
        Overrides of the command line.

    Returns
    -------
    list of str
    """
    done = sorted_out(jobs)[0]
    return [
        shlex.join(
            [
                *(sys.executable, os.path.abspath(program)),
                os.path.abspath(plan_path),
                *("--folder", os.path.abspath(folder)),
                *("--devices", devices[0], "--job", job.name),
                *options(extra),
            ]
        )
        for job in jobs
        if job not in done
    ]


def plain_lines(plan, seed):
    """The command of the training program for each configuration.

    Arguments
    ---------
    plan : Plan
        The experiment.
    seed : int
        Seed to put into the commands.

    Returns
    -------
    list of str
    """
    return [plain_command(plan, c, seed) for c in plan.configurations()]


def one_job(jobs, name):
    """The run of a name.

    Arguments
    ---------
    jobs : list of Job
        The runs of an experiment.
    name : str
        `<configuration>/seed_<n>`.

    Returns
    -------
    list of Job
        With one entry.

    Raises
    ------
    PlanError
        If there is none.
    """
    found = [job for job in jobs if job.name == name]
    if not found:
        raise PlanError(
            f"--job {name}: there is no such run; the first of "
            f"{len(jobs)} is {jobs[0].name}"
        )
    return found


def seeds_with(name, seeds):
    """Seeds among which the one of a run's name is.

    A line of a job array names its run alone, whatever `--seeds` it was
    printed with.

    Arguments
    ---------
    name : str
        `<configuration>/seed_<n>`.
    seeds : list of int
        Those of the plan or the command line.

    Returns
    -------
    list of int

    Example
    -------
    >>> seeds_with("transformer_audio/seed_4", [1, 2])
    [1, 2, 4]
    """
    number = name.rpartition("/seed_")[2]
    if not number.isdecimal() or int(number) in seeds:
        return seeds
    return [*seeds, int(number)]
