"""The plan of an experiment: systems, seeds, budget.

A system is what has a row in a table. It is trained in one configuration for
each training weight that the plan lists; `results.choose` takes the best.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import os
from dataclasses import dataclass, field, fields

import ruamel.yaml

from speechbrain_mmsed.files import ClearError
from speechbrain_mmsed.training.hparams import check_keys, merged_yaml

KINDS = {"title": str, "systems": dict, "base_models": dict, "budget": dict}
KINDS |= {"before": list, "devices": list, "stands_for": dict}
MOST_SEEDS = 10_000


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


def read_plan(path):
    """Reads and checks a plan.

    Arguments
    ---------
    path : str
        Yaml with the keys of `Plan`; `seeds` is a list or a number N that
        means 1 to N; `systems` maps names to base, streams, training and
        inference (a value or a list of values to choose from), and to
        pseudo_labels, a system above whose runs' mean scores are learned.

    Raises
    ------
    PlanError, HparamsError
        Naming the file, the value and what was expected.
    """
    try:
        with open(path, encoding="utf-8") as file:
            content = ruamel.yaml.YAML(typ="safe").load(file) or {}
        return _plan(content, path)
    except (ClearError, OSError):
        raise
    except Exception as error:  # ruamel has its own, a value any
        text = " ".join(str(error).split())[:300]
        raise PlanError(
            f"{path} cannot be read as a plan ({text}); see example.yaml"
        ) from error


def _plan(content, path):
    """The Plan of a yaml's content."""
    keys = [key.name for key in fields(Plan) if key.name != "folder"]
    check_keys(content, keys, path, "a plan")
    for key in ("title", "program", "base_models", "seeds", "systems"):
        if not content.get(key):
            raise PlanError(f"{path}: '{key}' has no value; a plan needs one")
    for key, kind in KINDS.items():
        if not isinstance(content.get(key) or kind(), kind):
            raise PlanError(
                f"{path}: {key} is {content[key]!r}, expected a "
                f"{kind.__name__}; see example.yaml"
            )
    folder = os.path.dirname(os.path.abspath(path))
    bases = content["base_models"]
    content["seeds"] = read_seeds(content["seeds"], path)
    content["systems"] = [
        _read_system(name, values or {}, bases, path)
        for name, values in content["systems"].items()
    ]
    _check_pseudo_labels(content, path)
    for name, file in bases.items():
        bases[name] = _existing(folder, file, path)
    for key in ("program", "labeller", "paper_figures"):
        if content.get(key):
            content[key] = _existing(folder, content[key], path)
    # A key without a value is a key that is not there.
    given = {key: value for key, value in content.items() if value is not None}
    return Plan(folder=folder, **given)


def read_seeds(value, source):
    """The seeds that a plan or a command line names.

    Arguments
    ---------
    value : int or list of int or str
        N for 1 to N, or the seeds; as text "3", or "1,5,7".
    source : str
        Where it stands, for the message.

    Raises
    ------
    PlanError
        If they are not different numbers from 0 on.

    Example
    -------
    >>> read_seeds(3, "plan"), read_seeds("1,5", "plan"), read_seeds([2], "p")
    ([1, 2, 3], [1, 5], [2])
    """
    seeds = value
    if isinstance(seeds, str):
        texts = [text.strip() for text in seeds.split(",")]
        seeds = [int(text) if text.isdecimal() else -1 for text in texts]
        seeds = seeds[0] if len(seeds) == 1 else seeds
    if type(seeds) is int:
        seeds = range(1, min(seeds, MOST_SEEDS + 1) + 1)
    good = isinstance(seeds, list | range) and (
        all(type(seed) is int and seed >= 0 for seed in seeds)
        and 0 < len(set(seeds)) == len(seeds) <= MOST_SEEDS
    )
    if not good:
        raise PlanError(
            f"{source}: seeds {value!r:.99}: expected a number N for the seeds "
            f"1 to N, or different seeds such as 1,5,7; at most {MOST_SEEDS}"
        )
    return list(seeds)


def _read_system(name, values, base_models, path):
    """One system of the yaml, checked."""
    where = f"{path}: system {name}"
    keys = [key.name for key in fields(System) if key.name != "name"]
    check_keys(values, keys, where, "a system")
    base = values.get("base")
    if base not in base_models:
        raise PlanError(
            f"{where}: base is {base!r}, expected one of {list(base_models)}"
        )
    streams = tuple(values.get("streams") or ())
    if not all(isinstance(text, str) for text in (name, *streams)):
        raise PlanError(f"{where}: streams {streams!r}: expected names")
    weights = {}
    for key in ("training", "inference"):
        given = values.get(key)
        given = given if isinstance(given, list) else [given]
        weights[key] = tuple(weight for weight in given if weight is not None)
        if bool(weights[key]) != bool(streams):
            raise PlanError(
                f"{where}: streams are {list(streams)}, but {key} is "
                f"{values.get(key)!r}; a system with streams needs weights of "
                "the sound, one without has none"
            )
    for weight in weights["training"] + weights["inference"]:
        random = weight == "random" and weights["training"] == ("random",)
        number = isinstance(weight, int | float) and 0 < weight <= 1
        if not (number or random and weight not in weights["inference"]):
            raise PlanError(
                f"{where}: weight {weight!r}: expected numbers above 0 and at "
                "most 1, or training: random"
            )
    labels = values.get("pseudo_labels") or ""
    return System(name, base, streams, pseudo_labels=labels, **weights)


def _check_pseudo_labels(content, path):
    """Stops where a system cannot learn from the one that it names."""
    above = set()
    for system in content["systems"]:
        source = system.pseudo_labels
        if source and source not in above:
            raise PlanError(
                f"{path}: system {system.name}: pseudo_labels is {source!r}, "
                f"expected a system above it with one training weight, of "
                f"{sorted(above)}"
            )
        if source and not content.get("labeller"):
            raise PlanError(
                f"{path}: system {system.name} has pseudo_labels, but the plan "
                "no labeller: name the program that makes them"
            )
        if len(system.configurations()) == 1:
            above.add(system.name)


def _existing(folder, file, path):
    """A path of the plan, made absolute."""
    found = os.path.normpath(os.path.join(folder, file))
    if not os.path.isfile(found):
        raise PlanError(
            f"{path}: {file} is not there; paths are relative to {folder}"
        )
    return found
