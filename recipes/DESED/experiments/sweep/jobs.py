"""The runs of an experiment: commands, folders, and what became of them.

Each run has a folder with `job.json`, written whole before and after the run.
There is no common state that could disagree with it.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import fnmatch
import functools
import os
import sys
from dataclasses import dataclass

from speechbrain_mmsed.files import read_json, write_json
from speechbrain_mmsed.folders import changed_settings
from sweep.plan import PlanError

# Where data lie and how they are read do not change what is computed.
NOT_COMPARED = (
    *("data_folder", "prepared_folder", "streams_folder", "num_workers"),
    *("use_logmel_cache", "packed_streams", "ckpt_interval_minutes"),
    *("corpus_on_device", "damaged_features"),
)


@dataclass(frozen=True)
class Job:
    """One run: a configuration and a seed."""

    configuration: object
    seed: int
    program: str  # path of the training program
    yaml: str  # path of the base model's
    overrides: dict  # all but the output folder
    experiment: str  # folder

    @property
    def name(self):
        """`<configuration>/seed_<n>`."""
        return f"{self.configuration.name}/seed_{self.seed}"

    @property
    def folder(self):
        """Output folder of the run."""
        return os.path.join(self.experiment, "runs", self.name)

    @property
    def log(self):
        """File that gets what the run prints."""
        return self._file("logs", "log")

    @property
    def lock(self):
        """File that is locked while the run lasts."""
        return self._file("locks", "lock")

    def _file(self, folder, ending):
        flat = self.name.replace("/", "_")
        return os.path.join(self.experiment, folder, f"{flat}.{ending}")

    def command(self, device):
        """The command of the run on "cpu" or "cuda:0", as a list of str."""
        return [
            *(sys.executable, self.program, self.yaml),
            *as_options(self.overrides),
            *("--output_folder", self.folder),
            *("--device", device, "--noprogressbar"),
        ]

    def record(self):
        """What is known of the run: job.json, or {"status": "new"}.

        Raises
        ------
        OSError, ValueError
            If the file cannot be read, or is no record.
        """
        path = os.path.join(self.folder, "job.json")
        try:
            found = read_json(path)
        except FileNotFoundError:
            return {"status": "new"}
        except ValueError as error:
            found = error
        bad = isinstance(found, ValueError) or "status" not in found
        if bad or not isinstance(found.get("overrides", {}), dict):
            raise ValueError(
                f"{path} is no record of a run ({found}): expected "
                "a json with its status; remove it to run again"
            )
        return found

    def write_record(self, **values):
        """Replaces what is known of the run; "status" is among the values."""
        path = os.path.join(self.folder, "job.json")
        write_json(path, {**values, "overrides": self.overrides})

    def has_report(self):
        """Whether the training program has come to its end."""
        return os.path.isfile(os.path.join(self.folder, "report.json"))

    def is_done(self):
        """Whether the run has ended well, and is the one that is asked for.

        Raises
        ------
        PlanError
            If the folder holds a run with other settings: runs of two budgets
            are not mixed in one experiment.
        """
        record, changed = self.record(), {}
        if "overrides" in record:
            before = record["overrides"]
            changed = changed_settings(before, self.overrides, NOT_COMPARED)
        if changed:
            told = ", ".join(
                f"{key} {found!r} instead of {asked!r}"
                for key, (found, asked) in changed.items()
            )
            raise PlanError(
                f"{self.folder} holds a run with other settings ({told}). "
                "Give the same options, choose another folder for this "
                "experiment, or remove that run"
            )
        return self.has_report() and record["status"] == "done"


def make_jobs(plan, folder, seeds=None, systems="*"):
    """The runs of a plan, seed by seed so that tables fill evenly.

    Arguments
    ---------
    plan, folder : Plan, str
        The experiment and its folder.
    seeds : list of int, optional
        In place of the plan's.
    systems : str
        Pattern of the names of systems or configurations, several with
        commas.

    Returns
    -------
    list of Job

    Raises
    ------
    PlanError
        If a pattern fits nothing.
    """
    chosen = set()
    for pattern in systems.split(","):
        found = {
            configuration
            for system in plan.systems
            for configuration in system.configurations()
            if fnmatch.fnmatch(system.name, pattern)
            or fnmatch.fnmatch(configuration.name, pattern)
        }
        if not found:
            names = ", ".join(system.name for system in plan.systems)
            raise PlanError(f"systems: {pattern!r} fits none of {names}")
        chosen |= found
    folder = os.path.abspath(folder)
    fill = functools.partial(plan.filled, folder=folder)
    return [
        Job(
            configuration,
            seed,
            plan.program,
            plan.base_models[configuration.base],
            fill({**plan.budget, **configuration.overrides(), "seed": seed}),
            folder,
        )
        for seed in seeds or plan.seeds
        for configuration in plan.configurations()
        if configuration in chosen
    ]


def sorted_out(jobs):
    """Which jobs are done, which wait, and (job, reason) of broken records."""
    done, waiting, broken = [], [], []
    for job in jobs:
        try:
            (done if job.is_done() else waiting).append(job)
        except PlanError:
            raise
        except (OSError, ValueError) as error:
            broken.append((job, f"not readable: {error}"))
    return done, waiting, broken


def without_streams(jobs):
    """Folders of streams that are not extracted -> jobs that need them.

    Nothing is known before they run of jobs with neither `prepared_folder`
    nor `streams_folder` among their overrides.
    """
    missing = {}
    for job in jobs:
        folder = job.overrides.get("streams_folder")
        prepared = job.overrides.get("prepared_folder")
        if folder is None and prepared is not None:
            folder = os.path.join(prepared, "streams")
        for name in job.configuration.streams if folder else ():
            stream = os.path.join(folder, name)
            if not os.path.isfile(os.path.join(stream, "stream.json")):
                missing.setdefault(stream, []).append(job)
    return missing


def as_options(overrides):
    """Overrides (key of the yaml -> value) as arguments of a command.

    Example
    -------
    >>> as_options({"streams": ["openl3"], "cnn": {"channels": [8, 8]}})
    ['--streams', '[openl3]', '--cnn', '{channels: [8, 8]}']
    """
    return [
        text
        for key, value in overrides.items()
        for text in (f"--{key}", _yaml_text(value))
    ]


def _yaml_text(value):
    """A value as yaml on one line."""
    if isinstance(value, dict):
        pairs = (f"{key}: {_yaml_text(part)}" for key, part in value.items())
        return "{" + ", ".join(pairs) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_yaml_text(part) for part in value) + "]"
    return "null" if value is None else str(value)
