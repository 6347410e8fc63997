"""Scores of every clip, written to disk for tuning and evaluation.

The encoders run once per clip; only the decoder runs again for each fusion
weight, since encoded streams do not depend on it (section 2.2).

Authors
 * The speechbrain_mmsed authors, 2026
"""

import dataclasses
import glob
import os

import numpy as np
import pandas as pd
import torch
from tqdm import tqdm

from speechbrain_mmsed.files import atomic_path
from speechbrain_mmsed.nnet.fusion import FixedFusion, clip_weights
from speechbrain_mmsed.nnet.fusion_settings import (
    PRIMARY,
    GatedFusion,
    named_weights,
)
from speechbrain_mmsed.postprocessing.scores import (
    GATED,
    ClipScores,
    ignored_streams,
    score_file,
)

# Instead of a list of candidates.
SEARCH = "search"


def inference_weights(streams, candidates, fusion=None):
    """What to score with: weights, as `fusion_weights` takes them, rising.

    Only 1 where there are no `streams`, and `GATED` where the network was
    trained with that `fusion`; candidates may be by name, or `SEARCH`.

    Example
    -------
    >>> inference_weights(["film"], [0.75, {"sound": 0.5, "film": 0.5}])
    [0.5, 0.75]
    >>> inference_weights([], [0.5, 0.75])
    [1.0]
    """
    if not streams:
        return [1.0]
    if isinstance(fusion, GatedFusion):
        return [GATED]
    if candidates == SEARCH:
        return [SEARCH]
    return sorted(
        {named_weights(w, streams) for w in candidates}, key=score_file
    )


@torch.no_grad()
def encode_batches(network, batches, inputs):
    """Yields each batch and what `MultiEncoder.encode` makes of it.

    `inputs` makes of a batch log_mel (B, F, M), streams (B, T, D_s) and
    available (B, S).
    """
    network.eval()
    for batch in batches:
        yield batch, network.encode(*inputs(batch))


@torch.no_grad()
def score_clips(network, encoded, variants):
    """Clip and frame probabilities for each variant.

    Arguments
    ---------
    network : MultiEncoder
        In eval mode.
    encoded : iterable
        What `encode_batches` yields.
    variants : dict
        Name -> weight (as of `inference_weights`) and columns of availability
        of the streams to ignore.

    Returns
    -------
    scores : dict
        Name -> (clip (N, C), frame (N, T, C), weights (N, S)) float32 arrays.
    clips : dict
        "filename" and "video_status" lists, "duration" and "available"
        arrays, in the same order.
    """
    found = {name: ([], [], []) for name in variants}
    clips = {"filename": [], "video_status": [], "duration": []}
    availability = []
    for batch, streams in encoded:
        for name, (weight, ignored) in variants.items():
            available = streams.available.clone()
            available[:, ignored] = False
            here = dataclasses.replace(streams, available=available)
            fusion = GatedFusion() if weight == GATED else FixedFusion(weight)
            weights = clip_weights(fusion, available)
            if weights is None:
                weights = network.gate_weights(here)
            clip, frame = network.decode(here, weights)
            parts = clip.float().sigmoid(), frame.float().sigmoid(), weights
            for kept, values in zip(found[name], parts, strict=True):
                kept.append(values.cpu().numpy())
        for name in ("filename", "video_status"):
            clips[name].extend(batch[name])
        # Collated to a tensor, which `inputs` may have moved to a GPU.
        clips["duration"].extend(torch.as_tensor(batch["duration"]).tolist())
        availability.append(streams.available.cpu().numpy())
    clips["available"] = np.concatenate(availability)
    scores = {
        name: tuple(map(np.concatenate, parts)) for name, parts in found.items()
    }
    return scores, clips


@dataclasses.dataclass
class ScoreWriter:
    """Scores several models on several subsets.

    Arguments
    ---------
    scores_folder : str
        Gets `<model>/<subset>/` with a file for each weight, as `score_file`
        calls it, and fusion_weights.csv of a gate; others are removed.
    labels, frame_hop : list of str, float
        C class names, and seconds of a frame.
    candidates, fusion
        As of `inference_weights`.
    make_loader : callable
        Makes batches of a dataset; by default it is batches already.
    search : callable or None
        Tries weights on the validation set where the candidates are `SEARCH`:
        called with a function from weights to ClipScores and the number of
        streams S, returns the ClipScores of all that it tried by weight, the
        best one last.
    """

    scores_folder: str
    labels: list
    frame_hop: float
    candidates: list
    fusion: object = None
    make_loader: object = iter
    search: object = None

    def __call__(self, models, subsets, inputs, stores=(), weights=None):
        """Writes the scores.

        Arguments
        ---------
        models : dict
            Name -> network, all with the same streams.
        subsets : dict
            Name -> what `make_loader` takes; validation first.
        inputs : callable
            As of `encode_batches`.
        stores : list of StoredStream
            The streams besides the sound: `stream` and `kind` of each.
        weights : list or None
            Weights to score with instead of the candidates.

        Returns
        -------
        dict
            Name of each model -> the weights it was scored with at last.
        """
        streams = [store.stream for store in stores]
        if weights is None:
            weights = inference_weights(streams, self.candidates, self.fusion)
        kinds, used = [store.kind for store in stores], {}
        for name, network in models.items():
            used[name] = list(weights)
            for subset, dataset in subsets.items():
                folder = os.path.join(self.scores_folder, name, subset)
                batches = tqdm(
                    self.make_loader(dataset),
                    desc=f"scoring {subset}, {name}",
                    disable=None,
                )
                encoded = encode_batches(network, batches, inputs)
                tried = {}
                if used[name] == [SEARCH]:
                    encoded = list(encoded)
                    tried = self._search(network, encoded, kinds)
                    used[name] = [list(tried)[-1]]
                variants = _variants(used[name], streams, kinds, subset)
                scores, clips = score_clips(network, encoded, variants)
                files = {score_file(w): made for w, made in tried.items()}
                for file, parts in scores.items():
                    files[file] = self._clip_scores(parts, clips, kinds)
                _remove_others(folder, files)
                for file, made in files.items():
                    made.save(os.path.join(folder, file))
                if used[name] == [GATED]:
                    given = scores[score_file(GATED)][2]
                    _write_weights(folder, clips, streams, given)
        return used

    def _search(self, network, encoded, kinds):
        """Weight -> ClipScores of what the search tried, the best one last."""

        def score(weight):
            variant = {"": (weight, [])}
            scores, clips = score_clips(network, encoded, variant)
            return self._clip_scores(scores[""], clips, kinds)

        return self.search(score, network.n_streams)

    def _clip_scores(self, parts, clips, kinds):
        """ClipScores of what `score_clips` gives for a variant."""
        films = [i for i, kind in enumerate(kinds, 1) if kind == "film"]
        has_video = clips["available"][:, films].any(axis=1)
        # A system without films is split by what the corpus has.
        if not films:
            status = np.array(clips["video_status"], dtype=np.str_)
            has_video = status == "present"
        return ClipScores(
            filenames=list(clips["filename"]),
            durations=np.array(clips["duration"], dtype=np.float64),
            labels=list(self.labels),
            clip=parts[0],
            frame=parts[1],
            has_video=has_video,
            frame_hop=self.frame_hop,
        )


def _variants(weights, streams, kinds, subset):
    """File -> weight and ignored columns, of all that is to be scored."""
    others = list(range(1, 1 + len(streams)))
    variants = {score_file(weight): (weight, []) for weight in weights}
    variants[score_file(1.0)] = (1.0, others)
    if subset != "evaluation":
        return variants
    for weight in weights:
        without = ignored_streams(streams, kinds, weight)
        for used, name, columns in without.values():
            variants[score_file(used, name)] = (used, columns)
    return variants


def _remove_others(folder, files):
    """Removes scores at other weights, made by an earlier network.

    Every file there is a candidate when the weight is chosen.
    """
    os.makedirs(folder, exist_ok=True)
    pattern = os.path.join(glob.escape(folder), "weight_*.npz")
    for path in glob.glob(pattern):
        if os.path.basename(path) not in files:
            os.remove(path)


def _write_weights(folder, clips, streams, weights):
    """Writes what a gate gave to each clip."""
    table = pd.DataFrame(weights, clips["filename"], [PRIMARY, *streams])
    path = os.path.join(folder, "fusion_weights.csv")
    with atomic_path(path) as name:
        table.to_csv(name, float_format="%.4f", index_label="filename")
