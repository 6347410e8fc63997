"""The runs of an experiment: commands, folders, and what became of them.

Each run has a folder with `job.json`, written whole before and after the run.
There is no common state that could disagree with it.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import fnmatch
import json
import os
import sys
from dataclasses import dataclass

from speechbrain_mmsed.experiments.commands import filled, options
from speechbrain_mmsed.experiments.plan import PlanError
from speechbrain_mmsed.files import write_json

JOB_FILE = "job.json"
# Where data lie and how they are read do not change what is computed.
NOT_COMPARED = (
    *("data_folder", "prepared_folder", "streams_folder", "num_workers"),
    *("use_logmel_cache", "packed_streams", "ckpt_interval_minutes"),
)


@dataclass(frozen=True)
class Job:
    """One run: a configuration and a seed.

    Arguments
    ---------
    name : str
        `<configuration>/seed_<n>`.
    configuration : Configuration
        How to train.
    seed : int
        Seed of the run.
    program : str
        Path of the training program.
    yaml : str
        Path of the base yaml.
    overrides : dict
        Key of the yaml -> value, all of them but the output folder.
    folder : str
        Output folder of the run.
    log : str
        File that gets what the run prints.
    lock : str
        File that is locked while the run lasts.
    """

    name: str
    configuration: object
    seed: int
    program: str
    yaml: str
    overrides: dict
    folder: str
    log: str
    lock: str

    def command(self, device):
        """The command of the run.

        Arguments
        ---------
        device : str
            "cpu" or "cuda:0" and so on.

        Returns
        -------
        list of str
        """
        folder = ["--output_folder", self.folder]
        run_opts = ["--device", device, "--noprogressbar"]
        return [
            *(sys.executable, self.program, self.yaml),
            *options(self.overrides),
            *folder,
            *run_opts,
        ]

    def record(self):
        """What is known of the run.

        Returns
        -------
        dict
            Content of job.json, {"status": "new"} if there is none.

        Raises
        ------
        OSError, ValueError
            If the file cannot be read, or is no record.
        """
        try:
            with open(self._file, encoding="utf-8") as file:
                found = json.load(file)
        except FileNotFoundError:
            return {"status": "new"}
        except ValueError as error:
            found = error
        if not isinstance(found, dict) or "status" not in found:
            raise ValueError(
                f"{self._file} is no record of a run ({found}): expected "
                "a json with its status; remove it to run again"
            )
        return found

    def write_record(self, **values):
        """Replaces what is known of the run.

        Arguments
        ---------
        **values : dict
            Plain values; "status" among them.
        """
        write_json(self._file, {**values, "overrides": self.overrides})

    def is_done(self):
        """Whether the run has ended well, and is the one that is asked for.

        Returns
        -------
        bool

        Raises
        ------
        PlanError
            If the folder holds a run with other settings.
        """
        record = self.record()
        if "overrides" in record:
            self._check_same(record["overrides"])
        whole = os.path.isfile(os.path.join(self.folder, "report.json"))
        return whole and record["status"] == "done"

    @property
    def _file(self):
        return os.path.join(self.folder, JOB_FILE)

    def _check_same(self, found):
        """Refuses to mix runs of two budgets in one experiment."""
        asked = json.loads(json.dumps(self.overrides))
        told = [
            f"{key} {found.get(key)!r} instead of {asked.get(key)!r}"
            for key in {**found, **asked}
            if found.get(key) != asked.get(key) and key not in NOT_COMPARED
        ]
        if told:
            raise PlanError(
                f"{self.folder} holds a run with other settings "
                f"({', '.join(told)}). Give the same options, choose another "
                "folder for this experiment, or remove that run"
            )


def make_jobs(plan, folder, seeds=None, systems="*"):
    """The runs of a plan, seed by seed so that tables fill evenly.

    Arguments
    ---------
    plan : Plan
        Systems, seeds and budget.
    folder : str
        Folder of the experiment.
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
    chosen = {}
    for pattern in systems.split(","):
        found = {
            configuration.name: configuration
            for system in plan.systems
            for configuration in system.configurations()
            if fnmatch.fnmatch(system.name, pattern)
            or fnmatch.fnmatch(configuration.name, pattern)
        }
        if not found:
            names = ", ".join(system.name for system in plan.systems)
            raise PlanError(f"systems: {pattern!r} fits none of {names}")
        chosen.update(found)
    folder = os.path.abspath(folder)
    return [
        _make_job(plan, folder, configuration, seed)
        for seed in seeds or plan.seeds
        for configuration in plan.configurations()
        if configuration.name in chosen
    ]


def sorted_out(jobs):
    """What is done, what is not, and what nobody can tell of.

    Arguments
    ---------
    jobs : list of Job
        The runs of an experiment.

    Returns
    -------
    tuple of list
        Jobs that are done, jobs that wait, and (job, reason) of those whose
        record cannot be read.
    """
    done, waiting, broken = [], [], []
    for job in jobs:
        try:
            (done if job.is_done() else waiting).append(job)
        except PlanError:
            raise
        except (OSError, ValueError) as error:
            broken.append((job, f"not readable: {error}"))
    return done, waiting, broken


def _make_job(plan, folder, configuration, seed):
    name = f"{configuration.name}/seed_{seed}"
    flat = name.replace("/", "_")
    return Job(
        name=name,
        configuration=configuration,
        seed=seed,
        program=plan.program,
        yaml=plan.base_models[configuration.base],
        overrides={
            **filled(plan.budget, folder, plan.folder),
            **configuration.overrides(),
            "seed": seed,
        },
        folder=os.path.join(folder, "runs", configuration.name, f"seed_{seed}"),
        log=os.path.join(folder, "logs", f"{flat}.log"),
        lock=os.path.join(folder, "locks", f"{flat}.lock"),
    )
