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

    The candidates and 1 (other streams ignored); only 1 for one stream.

    Example
    -------
    >>> inference_weights(2, [0.5, 0.75])
    [0.5, 0.75, 1.0]
    >>> inference_weights(1, [0.5, 0.75])
    [1.0]
    """
    return [1.0] if n_streams == 1 else sorted({*candidates, 1.0})


def _weight_file(folder, subset, weight):
    """Where a model's scores of one subset and weight stand."""
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


def _write_scores(folder, subset, scores, clips, labels, frame_hop):
    """Writes what `score_clips` gives, a file for each weight."""
    # A system without further streams is split by what the corpus has.
    if clips["available"].shape[1] > 1:
        has_video = clips["available"][:, 1:].any(1)
    else:
        has_video = np.array([s == "present" for s in clips["video_status"]])
    for weight, (clip, frame) in scores.items():
        path = _weight_file(folder, subset, weight)
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


def _remove_others(folder, subset, weights):
    """Removes scores of other weights, made by an earlier network.

    Every file there is a candidate when the weight is chosen.
    """
    kept = {_weight_file(folder, subset, weight) for weight in weights}
    pattern = os.path.join(glob.escape(folder), subset, "weight_*.npz")
    for path in set(glob.glob(pattern)) - kept:
        os.remove(path)


def score_run(
    models,
    subsets,
    weights,
    inputs,
    scores_folder,
    labels,
    frame_hop,
    make_loader=iter,
):
    """Scores several models on several subsets.

    Arguments
    ---------
    models : dict
        name -> network, all with the same streams.
    subsets : dict
        Name -> what `make_loader` takes.
    weights, inputs
        As of `score_clips`.
    scores_folder : str
        Gets `<model>/<subset>/weight_<w>.npz`; those of other weights are
        removed.
    labels, frame_hop : list of str, float
        C class names, and seconds of a frame.
    make_loader : callable
        Makes batches of a dataset; by default it is batches already.
    """
    for name, network in models.items():
        for subset, dataset in subsets.items():
            batches = tqdm(
                make_loader(dataset),
                desc=f"scoring {subset}, {name}",
                disable=None,
            )
            scores, clips = score_clips(network, batches, weights, inputs)
            folder = os.path.join(scores_folder, name)
            _remove_others(folder, subset, weights)
            _write_scores(folder, subset, scores, clips, labels, frame_hop)


def shuffled_owners(stores, clip_ids, seed):
    """Deals the streams out anew among the clips that have them.

    The control for "does the model use what this stream shows": every clip
    keeps a film, but another clip's. Clips change places only with clips
    that have the same streams.

    Arguments
    ---------
    stores : list
        Stored streams; `status(clip_id)` is "available" where a clip has one.
    clip_ids : iterable of str
        Clips to deal among.
    seed : int
        Seed of the draw.

    Returns
    -------
    dict
        clip id -> the clip whose streams it gets, not its own if there is
        another with the same streams.
    """
    groups = {}
    for clip_id in clip_ids:
        streams = tuple(store.status(clip_id) for store in stores)
        key = tuple(status == "available" for status in streams)
        groups.setdefault(key, []).append(clip_id)
    owners = {}
    generator = derive_generator(seed, "shuffled streams")
    for members in groups.values():
        order = torch.randperm(len(members), generator=generator).tolist()
        # Along a random cycle everyone takes the next one's: nobody its own.
        for place, clip in enumerate(order):
            owners[members[clip]] = members[order[place - 1]]
    return {clip_id: owners[clip_id] for clip_id in clip_ids}
