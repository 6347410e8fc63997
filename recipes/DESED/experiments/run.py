#!/usr/bin/env python3
"""Runs the systems of a plan over several seeds, and makes the tables.

> python run.py paper.yaml --folder EXPERIMENT --devices cuda:0,cuda:1 \
      --data_folder DESED --prepared_folder PREPARED
> python run.py example.yaml --folder EXPERIMENT

It may be interrupted and started again at any time: runs that are done are
left alone, others resume from their checkpoint. Several may work on one
folder. `--print jobs` gives the lines of a job array, `--tables` the tables
of what is done so far.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import sys

from run_arguments import (
    one_job,
    parse,
    read_devices,
    seeds_with,
)
from sweep.collect import tabulate
from sweep.experiment import (
    cluster_lines,
    plain_lines,
    run_experiment,
    summary,
)
from sweep.jobs import make_jobs
from sweep.plan_file import read_plan, read_seeds

from speechbrain_mmsed.files import run_program


def main(arguments):
    """Prints, runs or tabulates.

    Arguments
    ---------
    arguments : list of str
        Of the command line.

    Returns
    -------
    int
        1 if a run failed.
    """
    options, overrides = parse(arguments, __doc__.split("\n")[0])
    plan = read_plan(options.plan)
    plan.budget.update(overrides)
    plan.check_budget()
    seeds = read_seeds(options.seeds, "--seeds") if options.seeds else None
    if options.print == "commands":
        print("\n".join(plain_lines(plan, (seeds or plan.seeds)[0])))
        return 0
    if options.job:
        seeds = seeds_with(options.job, seeds or plan.seeds)
    failed = []
    if not options.tables:
        jobs = make_jobs(plan, options.folder, seeds, options.systems)
        devices = read_devices(options.devices, plan.devices)
        if options.print == "jobs":
            print(summary(jobs), file=sys.stderr)
            lines = cluster_lines(
                jobs,
                __file__,
                options.plan,
                options.folder,
                devices,
                overrides,
            )
            print("\n".join(lines))
            return 0
        if options.job:
            jobs = one_job(jobs, options.job)
        failed = run_experiment(plan, jobs, options.folder, devices)
    # Tables are made once, not by every job of an array.
    if not options.job:
        clips = not options.no_clip_intervals
        print(tabulate(plan, options.folder, seeds or (), options.model, clips))
    return 1 if failed else 0


if __name__ == "__main__":
    try:
        run_program("run.py", main, sys.argv[1:])
    except KeyboardInterrupt:
        sys.exit("\nInterrupted. The same command resumes from here.")
