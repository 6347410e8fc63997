"""The command line of an experiment.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import argparse

import ruamel.yaml
from sweep.plan import PlanError


def parse(arguments, description):
    """Reads options, and overrides of every run.

    Arguments
    ---------
    arguments : list of str
        Without the program's name.
    description : str
        First line of the help.

    Returns
    -------
    options : argparse.Namespace
    overrides : dict
        `--key value` of the training program's yaml.
    """
    parser = argparse.ArgumentParser(
        description=description,
        epilog="Every other --key value goes to all runs, as in train.py: "
        "--data_folder DESED --prepared_folder PREPARED",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("plan", help="yaml of the experiment")
    add("--folder", required=True, help="gets runs, logs and tables")
    add("--devices", help="where to run: cpu or cpu,cpu or cuda:0,cuda:1")
    add("--seeds", help="the first N, or 1,5,7")
    add("--systems", default="*", help="names or patterns: 'transformer_*'")
    add("--job", help="run this one alone")
    add(
        "--print",
        choices=["jobs", "commands"],
        help="print one line a run, for a job array; or the training "
        "program's command of each system; and run nothing",
    )
    add("--tables", action="store_true", help="write the tables, run nothing")
    add("--model", choices=["student", "teacher"], default="student")
    add(
        "--no_clip_intervals",
        action="store_true",
        help="leave out the intervals over clips, which take longest",
    )
    options, rest = parser.parse_known_args(arguments)
    return options, read_overrides(rest)


def read_overrides(words):
    """Pairs of --key and value of a command line, values read as yaml.

    Raises
    ------
    PlanError
        If they are no pairs.

    Example
    -------
    >>> read_overrides(["--number_of_epochs", "2", "--fusion=random"])
    {'number_of_epochs': 2, 'fusion': 'random'}
    """
    yaml, found, words = ruamel.yaml.YAML(typ="safe"), {}, list(words)
    while words:
        key = words.pop(0)
        value = None
        if key.startswith("--") and "=" in key:
            key, value = key.split("=", 1)
        elif key.startswith("--") and words:
            value = words.pop(0)
        if value is None or value.startswith("--"):
            raise PlanError(
                f"{key!r}: expected --key value, as train.py takes them"
            )
        found[key[2:]] = yaml.load(value)
    return found


def read_devices(text, planned):
    """Devices of the command line ("cpu,cpu"), or else those of the plan.

    Raises
    ------
    PlanError
        If neither names one.
    """
    devices = text.split(",") if text else list(planned)
    if not devices or not all(devices):
        raise PlanError(
            "Where to run? --devices cuda:0,cuda:1 for two runs at once, each "
            "on a GPU; --devices cpu for one after the other on the processor"
        )
    return devices


def seeds_with(name, seeds):
    """Seeds among which the one of a run's name is.

    A line of a job array names its run alone, whatever `--seeds` it was
    printed with.

    Example
    -------
    >>> seeds_with("transformer_audio/seed_4", [1, 2])
    [1, 2, 4]
    """
    number = name.rpartition("/seed_")[2]
    if not number.isdecimal() or int(number) in seeds:
        return seeds
    return [*seeds, int(number)]


def one_job(jobs, name):
    """The run of a name, `<configuration>/seed_<n>`, as a list of one.

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
