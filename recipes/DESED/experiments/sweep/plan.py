"""The plan of an experiment: systems, seeds, budget.

A system is what has a row in a table. It is trained in one configuration for
each training weight that the plan lists; `results.choose` takes the best.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import os
from dataclasses import dataclass, field

import ruamel.yaml

from speechbrain_mmsed.files import ClearError
from speechbrain_mmsed.training.hparams import check_keys, merged_yaml


class PlanError(ClearError, ValueError):
    """A plan that would run something other than it says."""


@dataclass(frozen=True)
class Configuration:
    """One way to train: a command of the recipe but for the seed.

    Example
    -------
    >>> Configuration("b", "transformer", ("openl3",), 0.5, (0.75,)).overrides()
    {'streams': ['openl3'], 'fusion': 0.5, 'inference_weights': [0.75]}
    """

    name: str  # folder of its runs
    base: str
    streams: tuple  # names, beside the sound
    training: object  # weight of the sound, "random", or None without streams
    inference: tuple  # weights of the sound to score with
    pseudo_labels: str = ""  # the system whose scores it learns from

    def overrides(self):
        """What differs from the base yaml, key -> value as of a plan."""
        found = {"streams": list(self.streams)}
        if self.streams:
            found["fusion"] = self.training
            found["inference_weights"] = list(self.inference)
        if self.pseudo_labels:
            labels = f"{{folder}}/pseudo_labels/{self.pseudo_labels}"
            found["pseudo_labels_folder"] = labels
        return found


@dataclass(frozen=True)
class System:
    """A row of a table; weights of the sound are () without streams."""

    name: str
    base: str
    streams: tuple = ()
    training: tuple = ()  # weights to choose from
    inference: tuple = ()  # weights to choose from
    pseudo_labels: str = ""  # the system whose scores it learns from

    @property
    def kind(self):
        """How its weights are set in training: audio, fixed or random."""
        if not self.streams:
            return "audio"
        return "random" if self.training == ("random",) else "fixed"

    def configurations(self):
        """The ways to train it: list of Configuration."""
        several = len(self.training) > 1
        return [
            Configuration(
                f"{self.name}_{weight}" if several else self.name,
                self.base,
                self.streams,
                weight,
                self.inference,
                self.pseudo_labels,
            )
            for weight in self.training or (None,)
        ]


@dataclass
class Plan:
    """What is to be run, and how it becomes tables.

    Arguments
    ---------
    title, folder : str
        What the experiment is; the folder to which its paths are relative.
    program, base_models : str, dict
        Path of the training program; name -> path of one of its yaml.
    seeds, systems : list of int, list of System
        One run for each seed and configuration of a system.
    devices : list of str
        Where to run unless the command line says it.
    budget : dict
        Overrides of every run.
    before : list of list of str
        Commands that make what the runs need: a program's path, arguments.
    labeller : str or None
        Path of the program that makes pseudo-labels of runs.
    paper_figures : str or None
        Path of the published figures.
    stands_for : dict
        Stream -> the stream of the published systems in whose place it is.
    """

    title: str
    folder: str
    program: str
    base_models: dict
    seeds: list
    systems: list
    devices: list = field(default_factory=list)
    budget: dict = field(default_factory=dict)
    before: list = field(default_factory=list)
    labeller: str | None = None
    paper_figures: str | None = None
    stands_for: dict = field(default_factory=dict)

    def configurations(self):
        """All ways to train, in the order of the systems."""
        return [c for system in self.systems for c in system.configurations()]

    def filled(self, values, folder):
        """Values of the plan with the folders that it could not know.

        In texts {folder} is the experiment's folder, {plan} the plan's.

        Example
        -------
        >>> plan = Plan("title", "/p", "train.py", {}, [1], [])
        >>> plan.filled({"data_folder": "{folder}/corpus", "lr": 0.1}, "/e")
        {'data_folder': '/e/corpus', 'lr': 0.1}
        """
        if isinstance(values, str):
            filled = values.replace("{folder}", folder)
            return filled.replace("{plan}", self.folder)
        if isinstance(values, dict):
            return {k: self.filled(v, folder) for k, v in values.items()}
        if isinstance(values, list):
            return [self.filled(value, folder) for value in values]
        return values

    def check_budget(self):
        """Stops with a HparamsError at an override that no base yaml has."""
        for path in self.base_models.values():
            known = ruamel.yaml.YAML().load(merged_yaml(path))
            name = os.path.basename(path)
            check_keys(self.budget, known, "budget of the experiment", name)
