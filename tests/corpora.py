"""Made-up corpora, and scores of them."""

import numpy as np
import pandas as pd

from speechbrain_mmsed.evaluation.metrics.truth import GroundTruth
from speechbrain_mmsed.files import write_json
from speechbrain_mmsed.postprocessing.decode import (
    EVENT_COLUMNS,
    frames_inside,
)
from speechbrain_mmsed.postprocessing.runs import median_scores
from speechbrain_mmsed.postprocessing.scores import ClipScores
from speechbrain_mmsed.training.pseudo_labels import save_pseudo_labels

HOP = 0.1565


def make_corpus(classes, labels, seed=0, noise=1.0, ending=".wav"):
    """Noisy scores that follow events, and these as GroundTruth.

    Clips of 10 s have one event of each of their `classes` (indices, for each
    clip); the noise does not change the events. Of three clips two have video.
    """
    rng = np.random.default_rng(seed)
    logits = np.full((len(classes), 64, len(labels)), -2.0)
    names = [f"{n}{ending}" for n in range(len(classes))]
    rows = []
    for n, of_clip in enumerate(classes):
        for c in of_clip:
            onset = rng.uniform(0, 6)
            offset = onset + rng.uniform(0.5, 3.5)
            rows.append([names[n], onset, offset, labels[c]])
            logits[n, int(onset / HOP) : int(offset / HOP) + 1, c] = 2
    logits += noise * rng.normal(size=logits.shape)
    frame = (1 / (1 + np.exp(-logits))).astype(np.float32)
    scores = ClipScores(
        names,
        np.full(len(names), 10.0),
        labels,
        frame.max(axis=1),
        frame,
        np.arange(len(names)) % 3 > 0,
        HOP,
    )
    events = pd.DataFrame(rows, columns=EVENT_COLUMNS)
    return scores, GroundTruth(events, dict.fromkeys(names, 10.0), labels)


def write_truth(folder, truth, subset):
    """`<subset>.tsv` and `<subset>_durations.tsv`; the last clip is silent."""
    folder.mkdir(parents=True, exist_ok=True)
    silent = pd.DataFrame({"filename": [list(truth.durations)[-1]]})
    table = pd.concat([truth.events, silent])
    table.to_csv(folder / f"{subset}.tsv", sep="\t", index=False)
    durations = pd.Series(truth.durations, name="duration")
    path = folder / f"{subset}_durations.tsv"
    durations.to_csv(path, sep="\t", index_label="filename")


def write_table(path, values, hop, labels=("Dog", "Cat"), end=None):
    """Scores of a clip as sed_scores_eval has them; `end` cuts the last."""
    path.parent.mkdir(parents=True, exist_ok=True)
    times = np.arange(len(values) + 1) * hop
    if end is not None:
        times[-1] = end
    table = pd.DataFrame({"onset": times[:-1], "offset": times[1:]})
    table[list(labels)] = values
    table.to_csv(path, sep="\t", index=False)


def dense_tables(counts):
    """(N, P, C) events found and false positives, (N, P, C, C) cross-triggers.

    Of PsdsCounts, by clip and threshold, of the changes one by one.
    """
    n_classes = len(counts.labels)
    shape = len(counts.filenames), counts.n_thresholds, n_classes
    dense = np.zeros((*shape, n_classes + 1), int)
    for clip, label, other, level, change in zip(*counts.changes, strict=True):
        # A level is the number of thresholds below.
        dense[clip, : int(level), label, other] += change
    own = np.arange(n_classes)
    tp = dense[..., own, own].copy()
    dense[..., own, own] = 0
    return tp, dense[..., n_classes], dense[..., :n_classes]


def audible_scores(scores, windows):
    """(N, T, C) filtered scores, minus infinity past a clip's end."""
    filtered = median_scores(scores.frame, windows)
    filtered[
        ~frames_inside(
            scores.durations, scores.frame.shape[1], scores.frame_hop
        )
    ] = -np.inf
    return filtered


def write_pseudo_labels(folder, clips, labels, n_frames=64, hop=HOP):
    """A folder of random pseudo-labels and, in it, the manifests of the clips.

    `clips` are tags by clip id and subset. Returns what was stored, and the
    paths of the manifests, by subset.
    """
    rng = np.random.default_rng(3)
    stored, manifests = {}, {}
    for subset, tags in clips.items():
        # Stored in another order than the manifest has.
        names = [f"{clip_id.split('/')[1]}.wav" for clip_id in tags][::-1]
        n, c = len(names), len(labels)
        stored[subset] = ClipScores(
            names,
            np.full(n, 10.0),
            labels,
            rng.random((n, c)),
            rng.random((n, n_frames, c)),
            np.zeros(n, bool),
            hop,
        )
        manifest = {
            clip_id: {"filename": name, "tags": tags[clip_id]}
            for clip_id, name in zip(tags, names[::-1], strict=True)
        }
        manifests[subset] = folder / f"{subset}.json"
        write_json(manifests[subset], manifest)
    save_pseudo_labels(folder, stored, [{"run": "made up"}])
    return stored, manifests
