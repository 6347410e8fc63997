"""How the features of a stream were made, and whether that is as asked.

Features of two networks, of two sets of weights or of two ways to cut a
picture look alike on disk. The description beside them, `stream.json`,
keeps them from being mixed.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import hashlib
import json

# What decides whether two streams hold the same features. Versions of
# libraries are recorded beside, but do not make a stream unusable.
IDENTITY = (
    "network",
    "weights_sha256",
    "preprocessing",
    "width",
    "n_frames",
    "clip_seconds",
    "precision",
)


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
    str
        Twelve hexadecimal digits.

    Example
    -------
    >>> fingerprint({"width": 3}) == fingerprint({"width": 3, "when": 1})
    True
    """
    identity = {key: description.get(key) for key in IDENTITY}
    text = json.dumps(identity, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]
