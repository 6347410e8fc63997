"""The yaml of a detector folder, made of the yaml of the run.

Only what inference needs is taken over: front end, network, what they are
built of, and the settings that say what they take and give. Nothing in it
reads files or runs functions, whatever else the yaml of the run names.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import io
import math
import os

import ruamel.yaml
from ruamel.yaml.comments import CommentedMap, CommentedSeq, TaggedScalar

SETTINGS = (
    *("sample_rate", "clip_seconds", "n_frames", "frame_hop"),
    *("streams", "stream_widths", "min_video_coverage", "fusion"),
    "use_logmel_cache",
)

HEAD = """\
# Sound event detector, exported by the training recipe. Load it with
#   SoundEventDetector.from_hparams(source=<this folder>)
"""

TAIL = """\

# Recordings of several windows: frames that two windows share on each side,
# at least; frames between the beginnings of two windows, at least; and the
# smallest peak that a window is divided by, so that silence is not blown up.
margin_frames: {margin}
shortest_hop: {shortest}
peak_floor: 0.001

# Beside this file: thresholds, windows, boxes and the weight of the sound,
# chosen on validation for each model; what made the features of the streams.
postprocessing: postprocessing.json
streams_file: streams.json

pretrainer: !new:speechbrain.utils.parameter_transfer.Pretrainer
  loadables:
    network: !ref <modules[network]>
    frontend: !ref <modules[frontend]>
  custom_hooks:
    network: !name:speechbrain_mmsed.inference.weights.load_weights
    frontend: !name:speechbrain_mmsed.inference.weights.load_weights
"""


def detector_yaml(resolved_yaml, descriptions):
    """HyperPyYAML text for a detector, of that of the run.

    The descriptions are those of `streams.json`; "embedder" in one says
    which class with which arguments made the features.
    """
    yaml = ruamel.yaml.YAML()
    run = yaml.load(resolved_yaml)
    copies = {}
    modules = _plain(run["modules"], copies)
    needed = set(copies)
    tree = CommentedMap(labels=_plain(run["class_labels"], copies))
    for key in SETTINGS:
        tree[key] = _plain(run[key], copies)
    built = {d["name"]: d.get("embedder") for d in descriptions}
    built = {name: how for name, how in built.items() if how is not None}
    weights = [how["arguments"].get("weights") for how in built.values()]
    folder = next((os.path.dirname(path) for path in weights if path), None)
    tree["weights_folder"] = folder
    tree["embedders"] = CommentedMap(
        (name, _embedder(how, folder)) for name, how in built.items()
    )
    # What network and front end are built of; all other keys stay behind.
    for key, value in run.items():
        if id(value) in needed and key not in tree and key != "modules":
            tree[key] = _plain(value, copies)
    tree["modules"] = modules
    text = io.StringIO()
    yaml.dump(tree, text)
    margin, shortest = overlap(run["n_frames"], run["frame_hop"])
    tail = TAIL.format(margin=margin, shortest=shortest)
    return HEAD + text.getvalue() + tail


def overlap(n_frames, frame_hop):
    """The fewest frames that windows share, and those between their starts.

    A second on each side, where a window is long enough for that, and half of
    what a window may move at most.

    Example
    -------
    >>> overlap(64, 0.1565), overlap(6, 0.167)
    ((7, 25), (1, 2))
    """
    margin = max(1, min(math.ceil(1 / frame_hop), n_frames // 4))
    return margin, max(1, (n_frames - 2 * margin) // 2)


def _plain(node, copies):
    """A copy without comments; what is shared stays shared by `copies`."""
    if not isinstance(node, CommentedMap | CommentedSeq):
        return node
    if id(node) not in copies:
        copy = copies[id(node)] = type(node)()
        if node.tag.value:
            copy.yaml_set_ctag(node.tag)
        if isinstance(node, CommentedMap):
            copy.update((k, _plain(v, copies)) for k, v in node.items())
        else:
            copy.extend(_plain(value, copies) for value in node)
    return copies[id(node)]


def _embedder(built, weights_folder):
    """A node that builds an embedder; weights elsewhere keep their path."""
    node = CommentedMap(built["arguments"])
    folder, name = os.path.split(node.get("weights") or "")
    if name and folder == weights_folder:
        path = f"<weights_folder>/{name}"
        node["weights"] = TaggedScalar(path, tag="!ref")
    node.yaml_set_ctag(ruamel.yaml.tag.Tag(suffix=f"!name:{built['class']}"))
    return node
