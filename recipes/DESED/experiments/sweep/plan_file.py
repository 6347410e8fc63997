"""The yaml of a plan, read and checked.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import os
import re
from dataclasses import fields

import ruamel.yaml

from speechbrain_mmsed.files import ClearError
from speechbrain_mmsed.training.hparams import check_keys
from sweep.plan import Plan, PlanError, System

KINDS = {"title": str, "systems": dict, "base_models": dict, "budget": dict}
KINDS |= {"before": list, "devices": list, "stands_for": dict}
MOST_SEEDS = 10_000


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
    _check_names(content["systems"], path)
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
    streams = values.get("streams") or ()
    named = isinstance(streams, list | tuple) and isinstance(name, str)
    if not (named and all(isinstance(text, str) for text in streams)):
        raise PlanError(f"{where}: streams {streams!r}: expected [NAME, ...]")
    streams = tuple(streams)
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


def _check_names(systems, path):
    """Stops where two systems' runs would share a folder, or leave theirs."""
    taken = set()
    for system in systems:
        if not re.fullmatch(r"[^/\\\0.][^/\\\0]*", system.name):
            raise PlanError(
                f"{path}: system {system.name!r}: expected a name that can be "
                "that of a folder, without / and no dot in front"
            )
        for configuration in system.configurations():
            # Many disks do not tell upper from lower case.
            name = configuration.name.casefold()
            if name in taken:
                raise PlanError(
                    f"{path}: system {system.name}: the folder "
                    f"{configuration.name} of its runs is that of others; "
                    "rename it, or name each weight once"
                )
            taken.add(name)


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
