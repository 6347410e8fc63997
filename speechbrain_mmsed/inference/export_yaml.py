"""The yaml of a detector folder, made of the yaml of the run.

Only what inference needs is taken over: front end, network and the settings
that say what they take and give. Nothing in it reads files or runs
functions.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import io
import os

import ruamel.yaml
from ruamel.yaml.comments import CommentedMap, CommentedSeq

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
margin_frames: 7
shortest_hop: 25
peak_floor: 0.001

# Beside this file: thresholds, windows and the weight of the sound, chosen on
# validation for each model; and what made the features of the streams.
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
    """The yaml text.

    Arguments
    ---------
    resolved_yaml : str
        The run's yaml, references filled in.
    descriptions : list of dict
        For each stream its name and `stream.json`; "embedder" in it says
        which class with which arguments made the features.

    Returns
    -------
    str
        HyperPyYAML text.
    """
    yaml = ruamel.yaml.YAML()
    run = yaml.load(resolved_yaml)
    plain = _Plain()
    tree = CommentedMap()
    tree["labels"] = plain(run["class_labels"])
    for key in SETTINGS:
        tree[key] = plain(run[key])
    tree["weights_folder"] = None
    tree["embedders"] = CommentedMap()
    for description in descriptions:
        built = description.get("embedder")
        if built is None:
            continue
        weights = built["arguments"].get("weights")
        if weights and tree["weights_folder"] is None:
            tree["weights_folder"] = os.path.dirname(weights)
        node = _embedder(built, tree["weights_folder"])
        tree["embedders"][description["name"]] = node
    used = _used(run["modules"])
    for key, value in run.items():
        if id(value) in used and key not in tree and key != "modules":
            tree[key] = plain(value)
    tree["modules"] = plain(run["modules"])
    text = io.StringIO()
    yaml.dump(tree, text)
    return HEAD + text.getvalue() + TAIL


class _Plain:
    """Copies a tree without comments; what is shared stays shared."""

    def __init__(self):
        self.done = {}

    def __call__(self, node):
        if not isinstance(node, CommentedMap | CommentedSeq):
            return node
        if id(node) not in self.done:
            copy = type(node)()
            self.done[id(node)] = copy
            if node.tag.value:
                copy.yaml_set_ctag(node.tag)
            if isinstance(node, CommentedMap):
                copy.update((key, self(value)) for key, value in node.items())
            else:
                copy.extend(self(value) for value in node)
        return self.done[id(node)]


def _used(node):
    """Ids of all lists and mappings under a node."""
    if not isinstance(node, CommentedMap | CommentedSeq):
        return set()
    children = node.values() if isinstance(node, CommentedMap) else node
    return {id(node)}.union(*(_used(child) for child in children))


def _embedder(built, weights_folder):
    """A node that builds an embedder; weights elsewhere keep their path."""
    node = CommentedMap()
    for key, value in built["arguments"].items():
        if key == "weights" and value:
            folder, name = os.path.split(value)
            if folder == weights_folder:
                value = ruamel.yaml.comments.TaggedScalar(
                    f"<weights_folder>/{name}", tag="!ref"
                )
        node[key] = value
    node.yaml_set_ctag(ruamel.yaml.tag.Tag(suffix=f"!name:{built['class']}"))
    return node
