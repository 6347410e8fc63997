"""A run goes on only with the settings it was begun with.

The same command, given again, continues an interrupted run and scores a
finished one again. With other settings it would report the old network under
the new settings, or train one network with both.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import json
import os

import ruamel.yaml

from speechbrain_mmsed.files import write_json
from speechbrain_mmsed.training.hparams import HparamsError

SETTINGS_FILE = "settings.json"


def training_settings(resolved, free):
    """The settings that shape training, as plain values.

    Arguments
    ---------
    resolved : str
        The yaml with all references filled in, as from `read_hparams`.
    free : iterable of str
        Keys that may differ: folders, logs, what happens after training.

    Returns
    -------
    dict
        Key -> value; tagged nodes become ["<tag>", value].

    Example
    -------
    >>> training_settings("a: 1\\nb: !new:x.Y\\n  c: [2]\\nd: 3", ["d"])
    {'a': 1, 'b': ['!new:x.Y', {'c': [2]}]}
    """
    tree = ruamel.yaml.YAML().load(resolved)
    return {k: _plain(v) for k, v in tree.items() if k not in set(free)}


def check_continuation(save_folder, settings):
    """Stops if the folder holds a run of other settings.

    Arguments
    ---------
    save_folder : str
        Folder of the checkpoints.
    settings : dict
        From `training_settings`.

    Raises
    ------
    HparamsError
        With each key that differs, its old and its new value.
    """
    path = os.path.join(save_folder, SETTINGS_FILE)
    if not _has_checkpoint(save_folder) or not os.path.isfile(path):
        return
    with open(path, encoding="utf-8") as file:
        before = json.load(file)
    settings = json.loads(json.dumps(settings))
    told = [
        f"\n  {key}: {_short(before.get(key))} there, "
        f"{_short(settings.get(key))} now"
        for key in sorted({*before, *settings})
        if before.get(key) != settings.get(key)
    ]
    if told:
        raise HparamsError(
            f"{save_folder} holds a run with other settings:{''.join(told)}\n"
            f"Choose another output_folder, or give the old settings to go "
            f"on with that run."
        )


def note_settings(save_folder, settings):
    """Notes the settings of the run that begins or goes on here.

    Arguments
    ---------
    save_folder : str
        Folder of the checkpoints.
    settings : dict
        From `training_settings`.
    """
    write_json(os.path.join(save_folder, SETTINGS_FILE), settings)


def _has_checkpoint(folder):
    """Whether anything was trained there."""
    if not os.path.isdir(folder):
        return False
    return any(name.startswith("CKPT") for name in os.listdir(folder))


def _short(value):
    """A value that fits into a line; what was built of others is long."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _plain(node):
    """A yaml node without types of the parser."""
    tag = getattr(getattr(node, "tag", None), "value", None)
    if isinstance(node, dict):
        value = {str(key): _plain(item) for key, item in node.items()}
    elif isinstance(node, list):
        value = [_plain(item) for item in node]
    elif isinstance(node, ruamel.yaml.comments.TaggedScalar):
        value = str(node.value)
    elif isinstance(node, bool) or node is None:
        value = node
    elif isinstance(node, int):
        value = int(node)
    elif isinstance(node, float):
        value = float(node)
    else:
        value = str(node)
    return [tag, value] if tag else value
