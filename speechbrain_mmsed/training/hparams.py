"""Reading a recipe's yaml, with one yaml built on another.

A yaml that differs from another in a few keys names it under `base_yaml` and
lists only these keys: nothing is copied, and what a variant changes can be
seen at a glance. A key of the base is replaced whole.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import difflib
import io
import os

import ruamel.yaml
from hyperpyyaml import load_hyperpyyaml, resolve_references


class HparamsError(ValueError):
    """A yaml or an override that would train something else."""


def merged_yaml(path):
    """The text of a yaml with its bases filled in.

    Arguments
    ---------
    path : str
        HyperPyYAML file; `base_yaml` is relative to its folder.

    Returns
    -------
    str
        HyperPyYAML text without `base_yaml`.

    Raises
    ------
    HparamsError
        If a key does not exist in the base yaml.
    """
    yaml = ruamel.yaml.YAML()
    with open(path, encoding="utf-8") as handle:
        tree = yaml.load(handle)
    base_name = tree.pop("base_yaml", None)
    if base_name is not None:
        base = yaml.load(
            merged_yaml(os.path.join(os.path.dirname(path), base_name))
        )
        check_keys(tree, base, path, base_name)
        for key, value in tree.items():
            base[key] = value
        tree = base
    text = io.StringIO()
    yaml.dump(tree, text)
    return text.getvalue()


def check_keys(given, known, source, target):
    """Stops at a key that nothing reads, with what was probably meant.

    Arguments
    ---------
    given : iterable of str
        Keys to check.
    known : iterable of str
        Keys that exist.
    source : str
        Where the given keys stand, for the message.
    target : str
        Where the known keys stand.

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
            close = difflib.get_close_matches(key, list(known), 3, 0.5)
            meant = f" Did you mean: {', '.join(close)}?" if close else ""
            raise HparamsError(
                f"{source}: unknown key '{key}'; {target} has no such "
                f"key.{meant}"
            )


def read_hparams(path, overrides=""):
    """Reads a recipe's yaml with its bases and the command line's values.

    Arguments
    ---------
    path : str
        HyperPyYAML file.
    overrides : str
        Yaml text from `speechbrain.parse_arguments`.

    Returns
    -------
    hparams : dict
        The loaded values.
    resolved : str
        The yaml with all references and overrides filled in, for the
        record in the output folder.

    Raises
    ------
    HparamsError
        If a key of the yaml or of the overrides does not exist in the base,
        or a required value was not given.
    """
    text = merged_yaml(path)
    loader = ruamel.yaml.YAML()
    known = loader.load(text)
    given = (loader.load(overrides) if overrides else {}) or {}
    check_keys(given, known, "command line", os.path.basename(path))
    for key, value in known.items():
        tag = getattr(getattr(value, "tag", None), "value", None)
        if tag == "!PLACEHOLDER" and key not in given:
            raise HparamsError(
                f"{os.path.basename(path)}: '{key}' has no value; give it on "
                f"the command line: --{key} VALUE"
            )
    text, overrides = _fill_mappings(known, given)
    hparams = load_hyperpyyaml(text, overrides)
    return hparams, resolve_references(text, overrides).getvalue()


def _fill_mappings(tree, given):
    """Puts mappings of the command line into a yaml; text and the rest.

    HyperPyYAML changes what a mapping of the yaml has, but adds nothing to
    it and does not fill an empty one, such as the places of a corpus or the
    widths of streams.
    """
    rest = {}
    for key, value in given.items():
        before = tree.get(key)
        plain = before is None or (
            isinstance(before, dict) and not before.tag.value
        )
        if isinstance(value, dict) and plain:
            tree[key] = {**(before or {}), **value}
        else:
            rest[key] = value
    yaml, texts = ruamel.yaml.YAML(), []
    for content in (tree, rest):
        text = io.StringIO()
        yaml.dump(content, text)
        texts.append(text.getvalue())
    return texts
