"""The command line of an experiment.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import argparse

import ruamel.yaml

from speechbrain_mmsed.experiments.plan import PlanError


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
        What to do.
    overrides : dict
        `--key value` of the training program's yaml.
    """
    parser = argparse.ArgumentParser(
        description=description,
        epilog="Every other --key value goes to all runs, as in train.py: "
        "--data_folder DESED --prepared_folder PREPARED",
        allow_abbrev=False,
    )
    parser.add_argument("plan", help="yaml of the experiment")
    parser.add_argument(
        "--folder", required=True, help="gets runs, logs and tables"
    )
    parser.add_argument(
        "--devices", help="where to run: cpu or cpu,cpu or cuda:0,cuda:1"
    )
    parser.add_argument("--seeds", help="the first N, or 1,5,7")
    parser.add_argument(
        "--systems", default="*", help="names or patterns: 'transformer_*'"
    )
    parser.add_argument("--job", help="run this one alone")
    parser.add_argument(
        "--print",
        choices=["jobs", "commands"],
        help="print one line a run, for a job array; or the training "
        "program's command of each system; and run nothing",
    )
    parser.add_argument(
        "--tables", action="store_true", help="write the tables, run nothing"
    )
    parser.add_argument(
        "--model", choices=["student", "teacher"], default="student"
    )
    parser.add_argument(
        "--no_clip_intervals",
        action="store_true",
        help="leave out the intervals over clips, which take longest",
    )
    options, rest = parser.parse_known_args(arguments)
    return options, read_overrides(rest)


def read_overrides(words):
    """Pairs of --key and value.

    Arguments
    ---------
    words : list of str
        As they stand on the command line.

    Returns
    -------
    dict
        Values read as yaml.

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
    """Devices of the command line, or of the plan.

    Arguments
    ---------
    text : str or None
        "cpu,cpu" or "cuda:0".
    planned : list of str
        Those of the plan.

    Returns
    -------
    list of str

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
