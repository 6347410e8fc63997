"""An experiment from its plan to its runs, here or on a cluster.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import os
import shlex
import sys
import time

from speechbrain_mmsed.files import read_json, write_json
from speechbrain_mmsed.launch import start, stop, take_lock
from speechbrain_mmsed.training.pseudo_labels import read_source
from sweep.jobs import (
    as_options,
    make_jobs,
    sorted_out,
    without_streams,
)
from sweep.plan import PlanError
from sweep.progress import failure_list
from sweep.runner import Runner


def summary(jobs):
    """How many runs there are, and how many are done, in one line."""
    configurations = {job.configuration for job in jobs}
    seeds = {job.seed for job in jobs}
    done, _, broken = sorted_out(jobs)
    told = f", {len(broken)} not readable" if broken else ""
    return (
        f"{len(configurations)} configurations x {len(seeds)} seeds = "
        f"{len(jobs)} runs, {len(done)} of them done{told}"
    )


def run_experiment(plan, jobs, folder, devices):
    """Prepares, and runs what is not done.

    Arguments
    ---------
    plan, folder : Plan, str
        The experiment and its folder.
    jobs : list of Job
        Its runs, or some of them.
    devices : list of str
        One run at a time on each.

    Returns
    -------
    list of tuple
        (job, reason) of those that failed or could not start.
    """
    print(summary(jobs), flush=True)
    plan.check_budget()
    _run_before(plan, os.path.abspath(folder))
    blocked = {}
    for stream, needing in without_streams(jobs).items():
        reason = f"not started: no stream in {stream}; extract it first"
        print(f"{len(needing)} runs {reason}", flush=True)
        blocked.update({job.name: (job, reason) for job in needing})
    ready = [job for job in jobs if job.name not in blocked]
    failed = list(blocked.values())
    # A system stands below the one that it learns from, so sources are ready.
    for source in dict.fromkeys(c.pseudo_labels for c in plan.configurations()):
        learners = [j for j in ready if j.configuration.pseudo_labels == source]
        reason = source and learners and _label(plan, learners[0], devices[0])
        if reason:
            print(f"{len(learners)} runs {reason}", flush=True)
            failed += [(job, reason) for job in learners]
        elif learners:
            failed += Runner(learners, devices).run()
    if failed:
        print(f"\n{len(failed)} runs failed; start again to try them again:")
        print(failure_list(failed))
    return failed


def cluster_lines(jobs, program, plan_path, folder, devices, extra):
    """One command a run, for a job array; runs that are done are left out.

    Arguments
    ---------
    jobs : list of Job
        The runs.
    program, plan_path, folder : str
        The program that runs one job with `--job`, the plan's file, the
        folder of the experiment.
    devices : list of str
        The first is the device of every run.
    extra : dict
        Overrides of the command line.

    Returns
    -------
    list of str
    """
    done = {job.name for job in sorted_out(jobs)[0]}
    return [
        shlex.join(
            [
                *(sys.executable, os.path.abspath(program)),
                os.path.abspath(plan_path),
                *("--folder", os.path.abspath(folder)),
                *("--devices", devices[0], "--job", job.name),
                *as_options(extra),
            ]
        )
        for job in jobs
        if job.name not in done
    ]


def plain_lines(plan, seed):
    """The command of each configuration, as typed in the recipe's folder.

    Returns
    -------
    list of str
        With this seed.
    """
    here = os.path.dirname(plan.program)
    lines = []
    for configuration in plan.configurations():
        files = [plan.program, plan.base_models[configuration.base]]
        overrides = {**plan.budget, **configuration.overrides(), "seed": seed}
        if not configuration.streams:
            del overrides["streams"]  # audio only is the yaml's default
        words = [os.path.relpath(file, here) for file in files]
        lines.append(shlex.join(["python", *words, *as_options(overrides)]))
    return lines


def _run_before(plan, folder):
    """Makes what the runs need, once: of several runners one, others wait."""
    record = os.path.join(folder, "before.json")
    lock = _wait_for_lock(os.path.join(folder, "locks", "before.lock"))
    try:
        done = []
        if os.path.isfile(record):
            done = read_json(record, list)
        for command in plan.before:
            words = [str(word) for word in plan.filled(command, folder)]
            program = os.path.normpath(os.path.join(plan.folder, words[0]))
            command = [sys.executable, program, *words[1:]]
            if command not in done:
                print(f"== first: {shlex.join(command)}", flush=True)
                _run(command, lock)
                done.append(command)
                write_json(record, done)
    finally:
        os.close(lock)


def _label(plan, learner, device):
    """Makes the pseudo-labels of a run, once; why that cannot be, or ""."""
    source = learner.configuration.pseudo_labels
    runs = make_jobs(plan, learner.experiment, systems=source)
    _, waiting, broken = sorted_out(runs)
    missing = [job.name for job in [*waiting, *(job for job, _ in broken)]]
    if missing:
        return f"not started: they learn from {', '.join(missing)}, not done"
    out = learner.overrides["pseudo_labels_folder"]
    lock = _wait_for_lock(f"{learner.experiment}/locks/labels_{source}.lock")
    try:
        found = read_source(out)
        if found is None:
            folders = [job.folder for job in runs]
            command = [*folders, "--out", out, "--device", device]
            _run([sys.executable, plan.labeller, *command], lock)
        elif {s["seed"] for s in found["sources"]} != {j.seed for j in runs}:
            return (
                f"not started: {out} is of other seeds than the plan's; choose "
                "another folder for the experiment"
            )
    finally:
        os.close(lock)
    return ""


def _wait_for_lock(path):
    """The lock, once nobody else holds it."""
    told = False
    while (lock := take_lock(path)) is None:
        if not told:
            print("Waiting for another runner that prepares data.")
            told = True
        time.sleep(0.5)
    return lock


def _run(command, lock):
    """Runs a command to its end; one that fails stops the experiment."""
    process = start(command, None, lock)
    try:
        code = process.wait()
    except BaseException:
        stop(process)
        raise
    if code:
        raise PlanError(
            f"{shlex.join(command)}\nfailed with exit code {code}, see "
            "above; start the experiment again to continue"
        )
