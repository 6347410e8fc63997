"""Statistics of the log-mel features of the training data.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import hashlib
import json

import numpy as np
import torch
from speechbrain.utils.logger import get_logger
from tqdm import tqdm

from speechbrain_mmsed.dataio.corpus.clips import (
    read_manifest,
    unpadded_waveform,
)
from speechbrain_mmsed.files import ABSENT, atomic_path, file_state, read_arrays
from speechbrain_mmsed.lobes.frontend import compute_statistics

logger = get_logger(__name__)


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
        npz file of the statistics; written if missing, outdated or damaged.
    """
    clips = [row for m in manifests for row in read_manifest(m).values()]
    identity = json.dumps(
        [frontend.key()] + [[row["wav"], row["duration"]] for row in clips]
    )

    def key_of(*values):  # which belong to these clips
        content = b"".join(np.asarray(x, np.float32).tobytes() for x in values)
        return hashlib.sha256(identity.encode() + content).hexdigest()

    states = np.array([file_state(row["wav"]) for row in clips], np.int64)
    try:
        stored = read_arrays(path, ["mean", "std", "key", "states"])
        mean, std = (torch.tensor(stored[name]) for name in ("mean", "std"))
        if str(stored["key"]) != key_of(mean, std):
            raise ValueError(f"{path} is damaged or of other clips")
        same = (stored["states"] == states) | (states == ABSENT)
        if same.all():
            return mean, std
    except FileNotFoundError:
        pass
    except (ValueError, TypeError) as error:
        logger.warning(f"Statistics are computed again: {error}")
    waveforms = (
        unpadded_waveform(row["wav"], frontend)
        for row in tqdm(clips, desc="statistics", disable=None)
    )
    mean, std = compute_statistics(frontend, waveforms)
    with atomic_path(path) as name:
        np.savez(name, mean=mean, std=std, key=key_of(mean, std), states=states)
    return mean, std
