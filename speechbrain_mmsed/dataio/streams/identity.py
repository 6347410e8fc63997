"""Whether two streams hold the same features, by their descriptions.

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


def fingerprint(description):
    """Short hash of what in a `stream.json` decides features.

    Example
    -------
    >>> fingerprint({"width": 3}) == fingerprint({"width": 3, "when": 1})
    True
    """
    identity = {key: description.get(key) for key in IDENTITY}
    text = json.dumps(identity, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]
