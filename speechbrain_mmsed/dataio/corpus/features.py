"""Statistics of the log-mel features of the training data.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import hashlib
import json
import os

import numpy as np
import torch
from tqdm import tqdm

from speechbrain_mmsed.dataio.corpus.clips import (
    read_manifest,
    unpadded_waveform,
)
from speechbrain_mmsed.files import ABSENT, atomic_path, file_state
from speechbrain_mmsed.lobes.frontend import compute_statistics


def training_statistics(frontend, manifests, path):
    """Mean and deviation (M,) of each mel bin over the training clips.

    They are kept in a file and computed again only when the clips, their
    sound files (size, time of change) or the front end's settings are others.
    Sound that is no longer there counts as unchanged.

    Arguments
    ---------
    frontend : LogMelFrontend
        Its settings decide what is computed.
    manifests : list of str
        Manifests of the training subsets.
    path : str
        npz file of the statistics; written if missing or outdated.
    """
    clips = []
    for manifest in manifests:
        clips += list(read_manifest(manifest).values())
    identity = json.dumps(
        [frontend.key()] + [[row["wav"], row["duration"]] for row in clips]
    )
    key = hashlib.sha256(identity.encode()).hexdigest()
    states = np.array([file_state(row["wav"]) for row in clips], np.int64)
    states = states.reshape(-1, 2)
    if os.path.exists(path):
        with np.load(path) as stored:
            if str(stored["key"]) == key and _unchanged(stored, states):
                return torch.tensor(stored["mean"]), torch.tensor(stored["std"])
    waveforms = (
        unpadded_waveform(row["wav"], frontend)
        for row in tqdm(clips, desc="statistics", disable=None)
    )
    mean, std = compute_statistics(frontend, waveforms)
    with atomic_path(path) as name:
        np.savez(
            name, mean=mean.numpy(), std=std.numpy(), key=key, states=states
        )
    return mean, std


def _unchanged(stored, states):
    """Whether each sound file that is still there is the one that was read."""
    if "states" not in stored or stored["states"].shape != states.shape:
        return False
    return bool(((stored["states"] == states) | (states == ABSENT)).all())
