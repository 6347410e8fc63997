"""Readers of plans and of the recipes' yaml files."""

import importlib
import importlib.util
import re

import ruamel.yaml
from mutations.plain import plain, plain_yaml, tree
from mutations.recipe_tables import RECIPES, own_module
from mutations.trial import Reader
from sweep.plan_file import read_plan

from speechbrain_mmsed.files import ClearError
from speechbrain_mmsed.training.hparams import read_hparams

PLAN = """\
title: Two systems
program: program.py
base_models: {transformer: base.yaml}
seeds: 3
budget: {seconds: 0.05, failing_seed: 0}
before:
  - [program.py, --out, "{folder}/corpus"]
systems:
  audio: {base: transformer}
  both:
    base: transformer
    streams: [openl3]
    training: [0.5, 0.75]
    inference: [0.25, 0.875]
  # comment
  learner: {base: transformer, pseudo_labels: audio}
labeller: program.py
"""


BASE = """\
seed: 1 # of all draws
seconds: 0.5
failing_seed: 0
streams: []
fusion: !ref <seconds>
names: [a, "b: c", 'd']
widths:
  openl3: 512
"""


def plan(_):
    """The plan of an experiment."""
    files = {"plan.yaml": PLAN, "base.yaml": BASE, "program.py": ""}

    def read(folder):
        found = read_plan(str(folder / "plan.yaml"))
        found.check_budget()
        return (
            *(found.title, found.seeds, found.budget, found.before),
            [
                (s.name, s.base, s.streams, s.training, s.inference)
                for s in found.systems
            ],
        )

    def obvious(folder):
        text = (folder / "plan.yaml").read_bytes().decode("utf-8-sig")
        found = ruamel.yaml.YAML(typ="safe").load(text)
        assert isinstance(found["title"], str)
        seeds = found["seeds"]
        seeds = [*range(1, seeds + 1)] if type(seeds) is int else seeds
        if isinstance(seeds, str):
            seeds = [int(seed) for seed in seeds.split(",")]
            seeds = [*range(1, seeds[0] + 1)] if len(seeds) == 1 else seeds
        assert seeds and all(type(s) is int and s >= 0 for s in seeds), seeds
        assert len(seeds) < 1e6
        systems = []
        for name, values in found["systems"].items():
            values, weights = values or {}, []
            for key in "training", "inference":
                given = values.get(key)
                given = given if isinstance(given, list) else [given]
                weights.append(tuple(w for w in given if w is not None))
            for weight in weights[0] + weights[1]:
                assert weight == "random" or 0 < weight <= 1
            streams = values.get("streams") or ()
            assert isinstance(streams, tuple | list)
            assert all(isinstance(stream, str) for stream in streams)
            assert isinstance(name, str)
            systems.append((name, values["base"], tuple(streams), *weights))
        budget = found.get("budget") or {}
        before = found.get("before") or []
        assert isinstance(budget, dict) and isinstance(before, list)
        return found["title"], seeds, budget, before, systems

    files = {name: text.encode() for name, text in files.items()}
    damage = ("plan.yaml", "plan.yaml", "base.yaml")
    return Reader(files, read, obvious, damage)


def filled(node, values):
    """A tree with what its references name, and without tags."""
    if isinstance(node, dict):
        return {key: filled(value, values) for key, value in node.items()}
    if isinstance(node, list):
        return [filled(value, values) for value in node]
    if str(getattr(node, "tag", None)) != "!ref":
        return plain(node)
    whole = re.fullmatch(r"<(\w+)>", node.value)
    if whole:
        return filled(values[whole[1]], values)
    text = re.sub(
        r"<(\w+)>", lambda m: str(filled(values[m[1]], values)), node.value
    )
    # They may be sums of numbers.
    return eval(text) if re.fullmatch(r"[\d.+*/ ()-]+", text) else text


def recipe_yaml(_):
    """The yaml of a training, and a variant of it."""
    variant = (
        "variant_of: !include:base.yaml\n  seconds: 2.5\n  streams: [a, b]\n"
    )
    files = {"base.yaml": BASE, "variant.yaml": variant}

    def read(folder):
        values, _ = read_hparams(str(folder / "variant.yaml"))
        return values.get("variant_of", values)

    def obvious(folder):
        found = tree(folder / "variant.yaml") or {}
        if "variant_of" in found:
            own, found = found["variant_of"], tree(folder / "base.yaml")
            if not isinstance(own, dict):
                assert not plain(own)
                own = {}
            for key, value in own.items():
                assert key in found
                if isinstance(value, dict) and isinstance(found[key], dict):
                    value = {**found[key], **value}
                found[key] = value
        return filled(found, found)

    files = {name: text.encode() for name, text in files.items()}
    # An included file that is not there is the system's error.
    errors, names = (ClearError, OSError), ("[Errno",)
    return Reader(files, read, obvious, errors=errors, names=names)


def own_yaml(_):
    """The yaml of a corpus of one's own."""
    train = RECIPES / "own_corpus/sound_event_detection"
    own_module("corpus_tables")
    spec = importlib.util.spec_from_file_location(
        "own_train", train / "train.py"
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    text = (train / "hparams/own_corpus.yaml").read_bytes()

    def read(folder):
        found, _ = module.read_settings([str(folder / "own.yaml")])
        return {key: plain(value) for key, value in found.items()}

    def obvious(folder):
        found = plain_yaml(folder / "own.yaml")
        assert set(found) == known
        if found["prepared_folder"] is None:
            found["prepared_folder"] = f"{found['output_folder']}/prepared"
        return found

    known = set(plain_yaml(train / "hparams/own_corpus.yaml"))
    return Reader({"own.yaml": text}, read, obvious, share=0.2)


READERS = (plan, recipe_yaml, own_yaml)
