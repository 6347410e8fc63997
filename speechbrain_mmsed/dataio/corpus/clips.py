"""One clip of a manifest, as tensors: what recipes' pipelines are made of.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import json

import torch

from speechbrain_mmsed.dataio.corpus.annotations import (
    events_to_frames,
    tags_to_vector,
)
from speechbrain_mmsed.dataio.media.sound import read_sound
from speechbrain_mmsed.lobes.frontend import peak_normalise


def read_manifest(path):
    """Reads the manifest of a subset.

    Arguments
    ---------
    path : str
        JSON file that preparation wrote.

    Returns
    -------
    dict
        clip id -> dict with wav, filename, subset, duration, events, tags,
        video, video_status.

    Raises
    ------
    FileNotFoundError
        If the corpus has not been prepared.
    """
    try:
        with open(path, encoding="utf-8") as handle:
            return json.load(handle)
    except FileNotFoundError:
        raise FileNotFoundError(
            f"{path} does not exist: prepare the corpus first (leave "
            "skip_prep at False)."
        ) from None


def unpadded_waveform(path, frontend):
    """Sound of a clip: mono, cut, peak amplitude 1; silence stays silence.

    Arguments
    ---------
    path : str
        Sound file of any rate and channel count.
    frontend : LogMelFrontend
        Says the rate, and where longer clips are cut.

    Returns
    -------
    torch.Tensor
        (samples,) float32, at most the front end's `n_samples`.
    """
    rate = frontend.settings()["sample_rate"]
    waveform = read_sound(path, rate)[: frontend.n_samples]
    return peak_normalise(waveform)


def clip_waveform(path, frontend):
    """As `unpadded_waveform`, zero-padded to the full length.

    Arguments
    ---------
    path : str
        Sound file of any rate and channel count.
    frontend : LogMelFrontend
        Says rate and length.

    Returns
    -------
    torch.Tensor
        (n_samples,) float32.
    """
    return frontend.fit(unpadded_waveform(path, frontend))


def clip_labels(events, tags, duration, labels, n_frames, frame_hop):
    """Both kinds of labels of a clip; zeros where it has none.

    Arguments
    ---------
    events : list
        [onset, offset, label] in seconds.
    tags : list of str
        Labels of the clip.
    duration : float
        Seconds.
    labels : list of str
        Class names, C.
    n_frames : int
        T.
    frame_hop : float
        Seconds of a frame.

    Returns
    -------
    weak : torch.Tensor
        (C,) float32.
    strong : torch.Tensor
        (T, C) float32; an event covers every frame it touches.

    Example
    -------
    >>> weak, strong = clip_labels(
    ...     [[0.0, 0.1, "Dog"]], ["Dog"], 10.0, ["Cat", "Dog"], 64, 0.1565)
    >>> weak.tolist(), strong.sum().item()
    ([0.0, 1.0], 1.0)
    """
    strong = events_to_frames(events, labels, n_frames, frame_hop, duration)
    weak = tags_to_vector(tags, labels)
    return torch.as_tensor(weak), torch.as_tensor(strong)
