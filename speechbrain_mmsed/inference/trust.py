"""Whether an exported folder is what was exported, and builds only networks.

HyperPyYAML runs whatever a yaml names. A detector comes from elsewhere more
often than not, so that its yaml is looked at before anything is built: by the
tree of its nodes, from which nothing is made.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import os
import re

import ruamel.yaml

from speechbrain_mmsed.inference.results import DetectionError
from speechbrain_mmsed.inference.weights import AGAIN, read_json
from speechbrain_mmsed.lobes.visual.weights import file_sha256

# What the yaml of an export names: networks of this package and their weights.
ALLOWED = re.compile(
    r"!(new|name):speechbrain_mmsed\.lobes\.("
    r"frontend\.LogMelFrontend|cnn\.ConvolutionalFeatureExtractor|"
    r"multi_encoder\.(MultiEncoder|build_encoder|build_decoder)|"
    r"(visual|auditory)\.\w+\.\w+Embedder)|"
    r"!name:speechbrain_mmsed\.inference\.weights\.load_weights|"
    r"!apply:speechbrain_mmsed\.nnet\.gate\.gate_from_setting"
)
PRETRAINER = "!new:speechbrain.utils.parameter_transfer.Pretrainer"
DATA = re.compile(r"tag:yaml\.org,2002:(str|int|float|bool|null|seq|map)")
# A key, or a file in a folder that a key names; a dot would read an attribute.
REFERENCE = re.compile(r"<(\w+)((?:\[\w+\])*)>(/[\w. -]+)?")
# What HyperPyYAML would look up or calculate where a reference leads to it.
CALCULATED = re.compile(r"[<>*%'\"]")
# It makes a tuple of this, with a loader that builds any object.
TUPLE = re.compile(r"\(.*\)\s*", re.DOTALL)
PLAIN = re.compile(r"\w[\w.-]*")
MOST_NODES = 10_000
MOST_BYTES = 1_000_000


def refuse_code(path):
    """Stops if a yaml names more than networks of this package.

    Arguments
    ---------
    path : str or pathlib.Path
        The yaml of an exported folder.

    Raises
    ------
    DetectionError
        If something else would be built or run, if the file is no yaml, or
        if it is larger than any export.

    Example
    -------
    >>> path = getfixture("tmp_path") / "hyperparams.yaml"
    >>> _ = path.write_text("labels: [Cat]")
    >>> refuse_code(path)
    >>> _ = path.write_text("labels: !apply:os.system [reboot]")
    >>> refuse_code(path)
    Traceback (most recent call last):
    ...
    speechbrain_mmsed.inference.results.DetectionError: ...
    """
    root = _compose(path)
    waiting, seen = [root], 0
    while waiting:
        node = waiting.pop()
        seen += 1
        if seen > MOST_NODES:
            raise DetectionError(
                f"{path} has more than {MOST_NODES} values, repeated ones "
                f"counted each time; no export has"
            )
        reason = _forbidden(node, root)
        if reason:
            line = node.start_mark.line + 1 if node else 1
            raise DetectionError(
                f"{path}, line {line}: {reason}; expected networks of this "
                f"package and plain values. If you know who wrote it and let "
                f"it run code on this machine: mmsed ... --trust, in Python "
                f"trust=True"
            )
        children = getattr(node, "value", None)
        for child in children if isinstance(children, list) else ():
            waiting += child if isinstance(child, tuple) else [child]


def _compose(path):
    """The tree of nodes of a yaml; nothing is made of them."""
    try:
        size = os.path.getsize(path)
        if size > MOST_BYTES:
            raise ValueError(f"{size} bytes, expected at most {MOST_BYTES}")
        with open(path, encoding="utf-8") as file:
            return ruamel.yaml.YAML(typ="rt", pure=True).compose(file)
    except (
        *(OSError, ValueError, RecursionError, MemoryError),
        ruamel.yaml.error.YAMLError,
    ) as error:
        raise _unreadable(path, error) from error


def _forbidden(node, root):
    """What a node would build or run; None where it is harmless."""
    if node is None:
        return "nothing is in it"
    tag = str(node.tag)
    scalar = isinstance(node, ruamel.yaml.ScalarNode)
    if tag == "!ref":
        found = scalar and REFERENCE.fullmatch(node.value)
        if found and not CALCULATED.search(_target(root, *found.groups()[:2])):
            return None
        return f"!ref {str(node.value)[:80]!r} is no plain reference"
    if tag == PRETRAINER:
        keys = {str(key.value) for key, _ in node.value}
        extra = sorted(keys - {"loadables", "custom_hooks"})
        return f"{tag} has {', '.join(extra)}" if extra else None
    if not DATA.fullmatch(tag) and not ALLOWED.fullmatch(tag):
        return f"{tag[:120]!r} is named"
    if scalar and TUPLE.fullmatch(node.value):
        return f"{node.value[:80]!r} would be computed"
    return None


def _target(node, key, parts):
    """The text that a reference leads to; empty where it is no text."""
    for part in [key, *parts.strip("[]").split("][")]:
        if part and isinstance(node, ruamel.yaml.MappingNode):
            node = next((v for k, v in node.value if k.value == part), None)
    if isinstance(node, ruamel.yaml.ScalarNode) and str(node.tag) != "!ref":
        return node.value
    return ""


def _unreadable(path, error):
    """A DetectionError for a yaml that cannot be read."""
    return DetectionError(
        f"{path} cannot be read: {' '.join(str(error).split())[:300]}"
    )


def check_files(get):
    """Stops if files are not those that the export listed in files.json.

    A folder without the list is from an earlier version, and taken as it is.

    Arguments
    ---------
    get : callable
        Takes the name of a file of the folder, gives a path to it.

    Raises
    ------
    DetectionError
        For the first file that is gone or another.
    """
    if not os.path.isfile(get("files.json")):
        return
    listed = read_json(get("files.json"))
    if type(listed) is not dict or not all(map(PLAIN.fullmatch, listed)):
        raise DetectionError(
            f"{get('files.json')} is no list of files and hashes; {AGAIN}"
        )
    for name, sha256 in listed.items():
        path = get(name)
        try:
            found = file_sha256(path)
        except OSError as error:
            raise _unreadable(path, error) from error
        if found != sha256:
            raise DetectionError(
                f"{path} has the sha256 {found[:12]}..., expected "
                f"{str(sha256)[:12]}...: it was damaged or changed since the "
                f"export. Copy the folder again or {AGAIN}; if the change is "
                f"yours, delete files.json beside it"
            )
