#!/usr/bin/env python3
"""Recipe for sound event detection on recordings and classes of one's own.

The recordings and their table become, once, what the DESED recipe trains on;
from sample rate, clip length, hop and mel bins all other sizes follow. Then
that recipe runs, and ends with a detector.

To run it:
> python train.py hparams/own_corpus.yaml --data_folder RECORDINGS \
    --table TABLE --output_folder OUT

Authors
 * The speechbrain_mmsed authors, 2026
"""

import argparse
import io
import os
import sys
import tempfile

import desed_train
import ruamel.yaml
from corpus_sizes import derived_sizes
from hyperpyyaml.core import recursive_update
from own_corpus_prepare import prepare_own_corpus

from speechbrain_mmsed.files import run_program, write_text
from speechbrain_mmsed.training.checks import check_values
from speechbrain_mmsed.training.hparams import (
    HparamsError,
    check_keys,
    merged_yaml,
)

HERE = os.path.dirname(os.path.abspath(__file__))
BASE = os.path.join(
    os.path.dirname(os.path.realpath(desed_train.__file__)),
    "hparams/transformer.yaml",
)
DEFAULT = "hparams/own_corpus.yaml"
TRAINING = "training"
TRAINED = ("strong", "weak", "unlabelled")
PATHS = (
    *("data_folder", "table", "evaluation_table"),
    *("output_folder", "prepared_folder"),
)


def read_settings(arguments):
    """The yaml's settings with those of the command line, and what is left.

    Arguments
    ---------
    arguments : list of str
        Path of the yaml, then options; those that are no keys of it are for
        the DESED recipe.

    Returns
    -------
    settings : dict
        Key -> value; `training` holds keys of the DESED recipe.
    rest : list of str
        The other options.
    """
    yaml = ruamel.yaml.YAML()
    paths = [a for a in arguments[:1] if not a.startswith("-")]
    if {"-h", "--help"} & set(arguments):
        paths = paths or [os.path.join(HERE, DEFAULT)]
    settings = {}
    if paths:
        settings = yaml.load(merged_yaml(paths[0]))
        own = yaml.load(merged_yaml(os.path.join(HERE, DEFAULT)))
        check_keys(settings, own, paths[0], DEFAULT)
        check_keys(own, settings, DEFAULT, paths[0])
    parser = argparse.ArgumentParser(
        description=__doc__.split("\n\n")[0],
        epilog="Further options are keys of the DESED recipe's yaml.",
        allow_abbrev=False,
    )
    parser.add_argument("yaml", help="such as hparams/own_corpus.yaml")
    for key in settings:
        comment = settings.ca.items.get(key)
        comment = comment[2] if comment else None
        comment = comment.value if comment else ""
        if key != TRAINING:
            parser.add_argument(
                f"--{key}", help=comment.split("\n")[0].lstrip("# ")
            )
    given, rest = parser.parse_known_args(arguments)
    for key, value in vars(given).items():
        if key in settings and value is not None:
            # A folder may have a number for its name.
            is_path = key in PATHS and value[0] != "["
            settings[key] = value if is_path else _value(key, value)
    if settings["prepared_folder"] is None:
        settings["prepared_folder"] = f"{settings['output_folder']}/prepared"
    return settings, rest


def _value(key, text):
    """A value of the command line, as yaml."""
    try:
        return ruamel.yaml.YAML().load(text)
    except ruamel.yaml.error.YAMLError as error:
        told = " ".join(str(error).split())
        raise HparamsError(f"--{key} {text} is no yaml: {told}") from error


def training_yaml(settings, corpus):
    """The DESED recipe's yaml for a corpus, as text.

    Arguments
    ---------
    settings : dict
        Of `read_settings`.
    corpus : dict
        Of `prepare_own_corpus`.
    """
    yaml = ruamel.yaml.YAML()
    tree = yaml.load(merged_yaml(BASE))
    check_keys(settings[TRAINING], tree, TRAINING, "transformer.yaml")
    own = {key: settings[key] for key in settings if key in tree}
    own |= settings[TRAINING]
    own |= derived_sizes(
        *(corpus["sample_rate"], corpus["clip_seconds"]),
        *(settings["hop_seconds"], settings["n_mels"]),
    )
    own["class_labels"] = list(corpus["class_labels"])
    own["n_classes"] = len(own["class_labels"])
    absent = set(TRAINED) - corpus["subsets"].keys()
    own |= {f"batch_{name}": 0 for name in absent}
    recursive_update(tree, own)
    places = subset_places(settings["prepared_folder"], corpus)
    tree["subset_paths"] = places
    text = io.StringIO()
    yaml.dump(tree, text)
    return text.getvalue()


def subset_places(prepared_folder, corpus):
    """Where each subset is; validation stands for an evaluation that is not."""
    folder = os.path.join(os.path.abspath(prepared_folder), "own_corpus")
    found = {name: name for name in (*TRAINED, "validation", "evaluation")}
    if "evaluation" not in corpus["subsets"]:
        found["evaluation"] = "validation"
    return {
        subset: {
            "audio": os.path.join(folder, name),
            "tsv": os.path.join(folder, f"{name}.tsv"),
            "video": None,
        }
        for subset, name in found.items()
    }


def check(settings, rest):
    """Stops at wrong settings, before the recordings are read.

    Of the DESED recipe, too, which is asked about a corpus of the usual sizes.
    """
    known = {k: v for k, v in settings.items() if v is not None}
    check_values(known)
    corpus = {
        "sample_rate": known.get("sample_rate", 16000),
        "clip_seconds": known.get("clip_seconds", 10.0),
        "class_labels": known.get("class_labels", ["a class"]),
        "subsets": dict.fromkeys(TRAINED),
    }
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "training.yaml")
        # Whether a detector's front end fits, only the recordings tell.
        training = {**settings[TRAINING], "start": None}
        trial = {**settings, TRAINING: training}
        write_text(path, training_yaml(trial, corpus))
        desed_train.read([path, *rest])


def main(arguments):
    """Prepares the corpus, then trains, scores, evaluates and exports."""
    settings, rest = read_settings(arguments)
    check(settings, rest)
    corpus = prepare_own_corpus(settings, settings["prepared_folder"])
    path = os.path.join(settings["output_folder"], "training.yaml")
    write_text(path, training_yaml(settings, corpus))
    desed_train.main([path, *rest])


if __name__ == "__main__":
    run_program("train.py", main, sys.argv[1:])
