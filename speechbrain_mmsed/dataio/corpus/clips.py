"""One clip of a manifest, as tensors: what recipes' pipelines are made of.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import numpy as np
import torch

from speechbrain_mmsed.dataio.media.sound import read_sound
from speechbrain_mmsed.files import DamagedFileError, read_json
from speechbrain_mmsed.lobes.frontend import peak_normalise


def read_manifest(path):
    """Reads the manifest of a subset, which preparation wrote.

    clip id -> dict with wav, filename, subset, duration, events, tags,
    video, video_status, video_start.
    """
    try:
        return read_json(path)
    except (FileNotFoundError, DamagedFileError) as error:
        raise type(error)(
            f"{path} is missing or damaged: prepare the corpus first (leave "
            f"skip_prep at False, delete prepare_report.json). {error}"
        ) from None


def unpadded_waveform(path, frontend):
    """As `clip_waveform`, but (samples,): a shorter clip is not padded."""
    rate = frontend.settings()["sample_rate"]
    return peak_normalise(read_sound(path, rate, frontend.n_samples))


def clip_waveform(path, frontend):
    """Sound of a clip (n_samples,): mono, peak amplitude 1 (or silence).

    `frontend` says the rate and the length, to which it is cut or padded.
    """
    return frontend.fit(unpadded_waveform(path, frontend))


def clip_labels(events, tags, duration, labels, n_frames, frame_hop):
    """Targets of a clip (section 3.1.5); zeros where it has no labels.

    Frame k is [k h, (k + 1) h), cut at the clip's end; an event is
    [onset, offset) and covers every frame that it touches.

    Arguments
    ---------
    events : list
        (onset, offset, label), in seconds.
    tags : list of str
        Labels of the clip.
    duration : float
        Of the clip, in seconds.
    labels : list of str
        Class names, C.
    n_frames, frame_hop : int, float
        T, and h in seconds.

    Returns
    -------
    weak, strong : torch.Tensor
        (C,) and (T, C) float32 of 0 and 1.

    Example
    -------
    >>> weak, strong = clip_labels(
    ...     [(0.1, 0.3, "Dog")], ["Dog"], 1.0, ["Cat", "Dog"], 4, 0.25)
    >>> weak.tolist(), strong[:, 1].tolist()
    ([0.0, 1.0], [1.0, 1.0, 0.0, 0.0])
    """
    starts = np.arange(n_frames) * frame_hop
    ends = np.minimum((np.arange(n_frames) + 1) * frame_hop, duration)
    strong = np.zeros((n_frames, len(labels)), dtype=np.float32)
    for onset, offset, label in events:
        touched = (onset < ends) & (min(offset, duration) > starts)
        strong[touched, labels.index(label)] = 1.0
    weak = np.zeros(len(labels), dtype=np.float32)
    weak[[labels.index(tag) for tag in tags]] = 1.0
    return torch.from_numpy(weak), torch.from_numpy(strong)
