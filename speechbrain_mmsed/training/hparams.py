"""Reading and checking a recipe's yaml before anything is built or trained.

A yaml that differs from another in a few keys has one key, `variant_of`:
`!include:<other>.yaml` with only these keys below it. Keys that nothing reads
and sizes that do not fit stop with one line.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import difflib
import io
import math
import os
import re

import ruamel.yaml
import torch
from hyperpyyaml import load_hyperpyyaml, resolve_references
from hyperpyyaml.core import recursive_update

from speechbrain_mmsed.files import ClearError
from speechbrain_mmsed.nnet.fusion_settings import named_weights
from speechbrain_mmsed.training.scoring import SEARCH

VARIANT, INCLUDE = "variant_of", "!include:"


class HparamsError(ClearError, ValueError):
    """A yaml or an override that would train something else."""


class Settings(dict):
    """What a yaml holds; one that is asked for and is not there is told."""

    def __missing__(self, key):
        raise HparamsError(f"{self.yaml} lacks '{key}': copy the recipe's")


def read_hparams(path, overrides=""):
    """Reads a recipe's yaml with the command line's values.

    Arguments
    ---------
    path : str
        HyperPyYAML file, perhaps a variant of another.
    overrides : str
        Yaml text from `speechbrain.parse_arguments`.

    Returns
    -------
    hparams : dict
        The loaded values, as HyperPyYAML gives them: those of a variant are
        in `hparams["variant_of"]`.
    resolved : str
        The yaml with all includes, references and overrides filled in, for
        the record. An unknown key or a missing value is an HparamsError.
    """
    is_variant = VARIANT in _load(path)
    text = merged_yaml(path)
    known = _parsed(text, path)
    given = _parsed(overrides, "The command line")
    check_keys(given, known, "command line", os.path.basename(path))
    for key, value in known.items():
        if _tag(value) == "!PLACEHOLDER" and key not in given:
            raise HparamsError(
                f"{os.path.basename(path)}: '{key}' has no value; give it on "
                f"the command line: --{key} VALUE"
            )
    text, overrides = _fill_mappings(known, given)
    try:
        resolved = resolve_references(text, overrides).getvalue()
        hparams = load_hyperpyyaml(text, overrides)
    except (ClearError, OSError):
        raise
    except Exception as error:  # of whatever the yaml builds
        told = " ".join(": ".join(map(str, error.args)).split())
        odd = [k for k in given if isinstance(known[k], int | float)]
        odd = ", ".join(f"{k} {given[k]!r}" for k in odd) or "none"
        raise HparamsError(
            f"{os.path.basename(path)}: {told} (numbers given: {odd})"
        ) from error
    hparams = Settings(hparams)
    hparams.yaml = os.path.basename(path)
    return ({VARIANT: hparams} if is_variant else hparams), resolved


def print_help(arguments, program, default):
    """Prints the keys of a program's yaml, and comments, where that is asked.

    That among the arguments, or the default one beside the program.
    """
    if not {"-h", "--help"} & set(arguments):
        return
    given = [a for a in arguments if a.endswith((".yaml", ".yml"))]
    folder, name = os.path.split(program)
    path = given[0] if given else os.path.join(folder, default)
    print(f"usage: python {name} {default} --KEY VALUE ...\n\nKeys of {path}:")
    for line in merged_yaml(path).split("\n"):
        if re.match(r"\w+:(?! !(new|name|apply))|  +- [^!]|# (?!yam)\w", line):
            print(f"  {line}")
    print("\nOptions of SpeechBrain:")


def merged_yaml(path):
    """The text of a yaml; that of a variant has what it includes filled in.

    A key of the variant that does not exist there is an HparamsError.
    """
    tree = _load(path)
    if VARIANT in tree:
        own = tree[VARIANT]
        more = len(tree) > 1 or getattr(own, "value", "")
        if more or not _tag(own).startswith(INCLUDE):
            raise HparamsError(
                f"{path}: expected '{VARIANT}: {INCLUDE}<file>.yaml' and no "
                f"other key beside it, found {list(tree)}."
            )
        name = _tag(own)[len(INCLUDE) :]
        tree = _load(os.path.join(os.path.dirname(path), name))
        own = own if isinstance(own, dict) else {}
        check_keys(own, tree, path, name)
        try:
            recursive_update(tree, own)
        except TypeError as error:
            raise HparamsError(f"{path}: {error} in {name}") from error
    return _dump(tree)


def check_keys(given, known, source, target):
    """Stops at a key that nothing reads, with what was probably meant.

    Arguments
    ---------
    given, known : iterable of str
        Keys to check, and those that exist.
    source, target : str
        Where they stand, for the message.

    Raises
    ------
    HparamsError
        For the first unknown key.

    Example
    -------
    >>> check_keys(["sead"], ["seed"], "command line", "a.yaml")
    Traceback (most recent call last):
    ...
    speechbrain_mmsed.training.hparams.HparamsError: command line: unknown \
key 'sead'; a.yaml has no such key. Did you mean: seed?
    """
    for key in given:
        if key not in known:
            close = difflib.get_close_matches(str(key), map(str, known), 3, 0.5)
            meant = f" Did you mean: {', '.join(close)}?" if close else ""
            raise HparamsError(
                f"{source}: unknown key '{key}'; {target} has no such "
                f"key.{meant}"
            )


def check_sizes(hparams):
    """Stops where the loaded yaml's sizes would train something else.

    HyperPyYAML builds the network before any data are prepared, so sizes
    stand in the yaml and are checked here instead of being read from data.
    """
    labels, n_classes = hparams["class_labels"], hparams["n_classes"]
    _expect(
        len(labels) == n_classes == len(set(labels)),
        f"n_classes is {n_classes}, but class_labels has {len(labels)} "
        f"labels ({len(set(labels))} different): make them equal",
    )
    rate = hparams["frontend"].settings()["sample_rate"]
    _expect(
        hparams["sample_rate"] == rate,
        f"sample_rate is {hparams['sample_rate']}, but the front end is made "
        f"for {rate}",
    )
    candidates = hparams["inference_weights"]
    candidates = [] if candidates == SEARCH else list(candidates)
    for weight in [*candidates, hparams["validation_weight"]]:
        try:
            named_weights(weight, hparams["streams"])
        except ValueError as error:
            raise HparamsError(
                f"yaml: weight {weight} of the sound must be in (0, 1], or "
                f"one for each stream by name: {error}."
            ) from None
    _check_output_length(hparams)


def _check_output_length(hparams):
    """Runs one silent clip through front end and extractor."""
    frontend, extractor = hparams["frontend"], hparams["extractor"]
    training = extractor.training
    with torch.no_grad():
        silence = torch.zeros(1, frontend.n_samples)
        frames = extractor.eval()(frontend(silence)).shape[1]
    extractor.train(training)
    _expect(
        frames == hparams["n_frames"],
        f"n_frames is {hparams['n_frames']}, but the extractor gives "
        f"{frames} frames for a clip of {hparams['clip_seconds']} s",
    )
    seconds, hop = hparams["clip_seconds"], hparams["frame_hop"]
    wanted = math.ceil(seconds / hop - 1e-9)
    _expect(
        frames == wanted,
        f"n_frames is {frames}, but {hop:g} s each for a clip of {seconds} s "
        f"are {wanted}: set n_frames: {wanted}, or change hop_length",
    )
    _expect(
        extractor.time_reduction == hparams["time_pooling"],
        f"time_pooling is {hparams['time_pooling']}, but the extractor pools "
        f"{extractor.time_reduction} frames into one: labels would not fit",
    )


def _expect(condition, message):
    """Raises an HparamsError with a message unless a condition holds."""
    if not condition:
        raise HparamsError(f"yaml: {message}.")


def _load(path):
    """The tree of a yaml file, tags kept."""
    with open(path, encoding="utf-8") as file:
        return _parsed(file, path)


def _parsed(yaml, source):
    """The tree of a yaml text or an open file."""
    try:
        tree = ruamel.yaml.YAML().load(yaml)
    except (ruamel.yaml.error.YAMLError, UnicodeDecodeError) as error:
        told = " ".join(str(error).split())
        raise HparamsError(f"{source} is no yaml: {told}") from error
    if not isinstance(tree or {}, dict):
        raise HparamsError(f"{source}: {tree!r} is no mapping, key: value")
    return tree or {}


def _dump(tree):
    """A yaml tree as text."""
    text = io.StringIO()
    ruamel.yaml.YAML().dump(tree, text)
    return text.getvalue()


def _tag(node):
    """The tag of a yaml node, or an empty text."""
    return getattr(getattr(node, "tag", None), "value", None) or ""


def _fill_mappings(tree, given):
    """Puts mappings of the command line into a yaml; text and the rest.

    HyperPyYAML changes what a mapping of the yaml has, but adds nothing to
    it and does not fill an empty one, such as the places of a corpus or the
    widths of streams, or one instead of a number, such as fusion weights.
    """
    rest = {}
    for key, value in given.items():
        before = tree.get(key)
        if isinstance(value, dict) and key in tree and not _tag(before):
            kept = before if isinstance(before, dict) else {}
            tree[key] = {**kept, **value}
        else:
            rest[key] = value
    return _dump(tree), _dump(rest)
