"""Scores of every clip, written to disk for tuning and evaluation.

The encoders run once per clip; only the decoder runs again for each fusion
weight, since encoded streams do not depend on it (section 2.2).

Authors
 * The speechbrain_mmsed authors, 2026
"""

import glob
import os

import numpy as np
import torch
from tqdm import tqdm

from speechbrain_mmsed.nnet.fusion import renormalise, split_remainder
from speechbrain_mmsed.postprocessing.scores import ClipScores
from speechbrain_mmsed.seeding import derive_generator


def inference_weights(n_streams, candidates):
    """The primary stream's weights to score with.

    Arguments
    ---------
    n_streams : int
        Number of streams S, the primary one included.
    candidates : list of float
        Weights to choose from on validation, such as 0.25, 0.5, 0.75, 0.875.

    Returns
    -------
    list of float
        The candidates and 1 (other streams ignored); only 1 if S is 1.

    Example
    -------
    >>> inference_weights(2, [0.5, 0.75])
    [0.5, 0.75, 1.0]
    >>> inference_weights(1, [0.5, 0.75])
    [1.0]
    """
    return [1.0] if n_streams == 1 else sorted({*candidates, 1.0})


def weight_file(folder, subset, weight):
    """Where the scores of one subset and weight stand.

    Arguments
    ---------
    folder : str
        Folder of one model's scores.
    subset : str
        "validation" or "evaluation".
    weight : float
        Weight of the primary stream.

    Returns
    -------
    str
        Path of the npz file.

    Example
    -------
    >>> weight_file("scores/student", "validation", 0.75)
    'scores/student/validation/weight_0.7500.npz'
    """
    return os.path.join(folder, subset, f"weight_{weight:.4f}.npz")


@torch.no_grad()
def score_clips(network, batches, weights, inputs):
    """Clip and frame probabilities for each fusion weight.

    Arguments
    ---------
    network : MultiEncoder
        Put into eval mode.
    batches : iterable
        Batches of clips.
    weights : list of float
        Weights of the primary stream; the rest is split equally.
    inputs : callable
        Makes of a batch (log_mel (B, F, M), list of streams (B, T, D_s),
        available (B, S)).

    Returns
    -------
    scores : dict
        weight -> (clip (N, C), frame (N, T, C)) float32 arrays.
    clips : dict
        "filename" and "video_status" lists, "duration" and "available"
        arrays, in the same order.
    """
    network.eval()
    found = {weight: ([], []) for weight in weights}
    clips = {"filename": [], "video_status": [], "duration": []}
    availability = []
    for batch in batches:
        log_mel, streams, available = inputs(batch)
        encoded = network.encode(log_mel, streams, available)
        for weight in weights:
            fusion = split_remainder(weight, available.shape[1])
            fusion = renormalise(fusion.to(available.device), available)
            for kept, logits in zip(
                found[weight], network.decode(encoded, fusion), strict=True
            ):
                kept.append(logits.float().sigmoid().cpu().numpy())
        for name in ("filename", "video_status"):
            clips[name].extend(batch[name])
        # Collated to a tensor, which `inputs` may have moved to a GPU.
        clips["duration"].extend(torch.as_tensor(batch["duration"]).tolist())
        availability.append(available.cpu().numpy())
    clips["available"] = np.concatenate(availability)
    scores = {
        weight: (np.concatenate(clip), np.concatenate(frame))
        for weight, (clip, frame) in found.items()
    }
    return scores, clips


def write_scores(folder, subset, scores, clips, labels, frame_hop):
    """Writes one file per weight, each to a temporary name first.

    Arguments
    ---------
    folder : str
        Folder of one model's scores.
    subset : str
        "validation" or "evaluation".
    scores : dict
        First output of `score_clips`.
    clips : dict
        Second output of `score_clips`.
    labels : list of str
        Class names, C.
    frame_hop : float
        Seconds of a frame.
    """
    # A system without further streams is split by what the corpus has.
    if clips["available"].shape[1] > 1:
        has_video = clips["available"][:, 1:].any(1)
    else:
        has_video = np.array([s == "present" for s in clips["video_status"]])
    for weight, (clip, frame) in scores.items():
        path = weight_file(folder, subset, weight)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        ClipScores(
            filenames=list(clips["filename"]),
            durations=np.array(clips["duration"], dtype=np.float64),
            labels=list(labels),
            clip=clip,
            frame=frame,
            has_video=has_video,
            frame_hop=frame_hop,
        ).save(path)


def remove_others(folder, subset, weights):
    """Removes the scores of other weights, which an earlier network made.

    Every file there is a candidate when the weight is chosen.

    Arguments
    ---------
    folder : str
        Folder of one model's scores.
    subset : str
        "validation" or "evaluation".
    weights : list of float
        Those that stay.
    """
    kept = {weight_file(folder, subset, weight) for weight in weights}
    pattern = os.path.join(glob.escape(folder), subset, "weight_*.npz")
    for path in set(glob.glob(pattern)) - kept:
        os.remove(path)


def score_run(models, loaders, weights, inputs, scores_folder, **writing):
    """Scores several models on several subsets.

    Arguments
    ---------
    models : dict
        name -> network, all with the same streams.
    loaders : dict
        subset -> iterable of batches.
    weights : list of float
        See `score_clips`.
    inputs : callable
        See `score_clips`.
    scores_folder : str
        Gets `<model>/<subset>/weight_<w>.npz`; those of other weights are
        removed.
    **writing : dict
        `labels` and `frame_hop` of `write_scores`.
    """
    for name, network in models.items():
        for subset, loader in loaders.items():
            batches = tqdm(
                loader, desc=f"scoring {subset}, {name}", disable=None
            )
            scores, clips = score_clips(network, batches, weights, inputs)
            remove_others(os.path.join(scores_folder, name), subset, weights)
            write_scores(
                os.path.join(scores_folder, name),
                subset,
                scores,
                clips,
                **writing,
            )


def shuffled_owners(available, seed):
    """Deals the streams out anew among the clips that have them.

    The control for "does the model use what this stream shows": every clip
    keeps a film, but another clip's. Clips change places only with clips
    that have the same streams.

    Arguments
    ---------
    available : dict
        clip id -> tuple of bool, which of the further streams it has.
    seed : int
        Seed of the draw.

    Returns
    -------
    dict
        clip id -> the clip whose streams it gets; of two or more clips with
        the same streams none keeps its own.

    Example
    -------
    >>> have = {"a": (True,), "b": (False,), "c": (True,)}
    >>> shuffled_owners(have, seed=0)
    {'a': 'c', 'b': 'b', 'c': 'a'}
    """
    groups = {}
    for clip_id, streams in available.items():
        groups.setdefault(streams, []).append(clip_id)
    owners = {}
    generator = derive_generator(seed, "shuffled streams")
    for clip_ids in groups.values():
        order = torch.randperm(len(clip_ids), generator=generator).tolist()
        # Along a random cycle everyone takes the next one's: nobody its own.
        for place, clip in enumerate(order):
            owners[clip_ids[clip]] = clip_ids[order[place - 1]]
    return {clip_id: owners[clip_id] for clip_id in available}
