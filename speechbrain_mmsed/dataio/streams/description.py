"""How the features of a stream were made, and whether that is as asked.

Features of two networks, of two sets of weights or of two ways to cut a
picture look alike on disk. The description beside them, `stream.json`,
keeps them from being mixed.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import hashlib
import importlib.metadata
import json
import os
import re

from speechbrain_mmsed.files import write_json

# What decides whether two stores hold the same features. Versions of
# libraries are recorded beside, but do not make a store unusable.
IDENTITY = (
    "network",
    "weights_sha256",
    "preprocessing",
    "width",
    "n_frames",
    "clip_seconds",
    "precision",
)


COMMAND = (
    "python recipes/DESED/extract_visual.py recipes/DESED/hparams/"
    "extract.yaml --data_folder <data_folder> --prepared_folder "
    "{prepared} --streams_folder {folder} --streams '[{stream}]'"
)

LIBRARIES = ("speechbrain_mmsed", "torch", "av", "numpy")


class StreamError(Exception):
    """A stream that cannot be used or written; says what to do."""


def fingerprint(description):
    """Short hash of what decides whether features are the same.

    Arguments
    ---------
    description : dict
        Content of a `stream.json`.

    Returns
    -------
    key : str
        Twelve hexadecimal digits.

    Example
    -------
    >>> fingerprint({"width": 3}) == fingerprint({"width": 3, "when": 1})
    True
    """
    identity = {key: description.get(key) for key in IDENTITY}
    text = json.dumps(identity, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def stream_name(spec):
    """Name of the folder of a stream.

    Arguments
    ---------
    spec : str
        What the stream is made by, as in the yaml of the extraction.

    Returns
    -------
    name : str
        Letters, digits and `_-.`; of `import:<folder>` the last part.

    Example
    -------
    >>> stream_name("timm:resnet18"), stream_name("import:/data/vggish/")
    ('timm_resnet18', 'vggish')
    """
    if spec.startswith("import:"):
        spec = os.path.basename(spec[len("import:") :].rstrip("/"))
    name = re.sub(r"[^A-Za-z0-9_.-]", "_", spec)
    if not name.strip("."):
        raise StreamError(f"{spec!r} is no name for a stream")
    return name


def read_description(path):
    """Reads a `stream.json`.

    Arguments
    ---------
    path : str
        The file.

    Returns
    -------
    description : dict or None
        Its content; None if there is no such file.
    """
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise StreamError(
            f"{path} is not valid JSON ({error}); remove its folder and "
            f"extract the stream again"
        ) from error


def agree_on_description(path, description, adopt=()):
    """Writes a `stream.json`, or makes sure that the one there agrees.

    Arguments
    ---------
    path : str
        The file.
    description : dict
        What makes the features; see `IDENTITY`.
    adopt : tuple of str
        Keys in which the stored value is as welcome as the one given.

    Returns
    -------
    description : dict
        That of the features: as given, with the stored value of `adopt`.

    Raises
    ------
    StreamError
        If the file says that the features beside it were made otherwise.
    """
    found = read_description(path)
    if found is None:
        write_json(path, description)
        return description
    stored = {key: found[key] for key in adopt if key in found}
    description = {**description, **stored}
    if fingerprint(found) == fingerprint(description):
        # Features made before this was recorded can be made again, too.
        if "embedder" in description and "embedder" not in found:
            write_json(path, {**found, "embedder": description["embedder"]})
        return description
    differing = "\n".join(
        f"  {key}: stored {found.get(key)!r}, "
        f"asked for {description.get(key)!r}"
        for key in IDENTITY
        if found.get(key) != description.get(key)
    )
    raise StreamError(
        f"{path} says that the features beside it have the fingerprint "
        f"{fingerprint(found)}, but those asked for have "
        f"{fingerprint(description)}:\n{differing}\n"
        f"Give the yaml the stored settings, choose another "
        f"streams_folder, or remove the folder of that file."
    )


def library_versions():
    """Versions of what computes features, for the record.

    Returns
    -------
    versions : dict
        Package -> version.
    """
    return {name: importlib.metadata.version(name) for name in LIBRARIES}


def extraction_command(streams_folder, made_from):
    """The command that extracts a stream.

    Arguments
    ---------
    streams_folder : str
        Folder of all streams.
    made_from : str
        What the stream is made by, as in the yaml of the extraction.

    Returns
    -------
    command : str
        To be run in the project's folder.
    """
    folder = os.path.abspath(streams_folder)
    return COMMAND.format(
        prepared=os.path.dirname(folder), folder=folder, stream=made_from
    )
