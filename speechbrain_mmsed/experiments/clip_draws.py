"""Figures of resampled clips, the same resamples for all runs.

The interval over clips says how far a difference rests on the clips that
happen to be in the evaluation set. It is paired: both systems, and all their
seeds, are measured on the same resamples.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import os

import numpy as np

from speechbrain_mmsed.evaluation.statistics.bootstrap import resample_weights
from speechbrain_mmsed.evaluation.statistics.clip_statistics import (
    PSDS,
    clip_statistics,
)
from speechbrain_mmsed.experiments.paper import METRICS
from speechbrain_mmsed.experiments.results import figures_at
from speechbrain_mmsed.files import atomic_path

# PSDS costs a hundred times as much as F1.
RESAMPLES = {"f1": 1000, "psds": 200}
FIGURE = {"cbf1": "micro", "sbf1": "micro", "ebf1": "macro"}


def clip_draws(run, weight, split):
    """Figures of a run on resampled clips of a split; kept on disk.

    Arguments
    ---------
    run : Run
        A finished run.
    weight : float
        Weight of the sound that was chosen.
    split : str
        A split of the evaluation set.

    Returns
    -------
    dict
        "clips" (N,) file names in rising order, and metric -> (R,) figures;
        only "clips" where there are fewer than two clips.
    """
    name = f"{run.model}_weight_{weight:.4f}_{split}.npz"
    path = os.path.join(run.folder, name)
    if os.path.isfile(path):
        with np.load(path, allow_pickle=False) as found:
            if str(found["mark"]) == run.mark:
                return {k: found[k] for k in found.files if k != "mark"}
    draws = _draw(run, weight, split)
    with atomic_path(path) as temporary:
        np.savez(temporary, mark=run.mark, **draws)
    return draws


def _draw(run, weight, split):
    _, parameters = figures_at(run, weight)
    used = 1.0 if split == "video_ignored" else weight
    scores = run.scores("evaluation", used)
    if split != "all":
        wanted = split != "video_unavailable"
        scores = scores.subset(scores.has_video == wanted)
    clips = sorted(scores.filenames)
    draws = {"clips": np.array(clips, dtype=np.str_)}
    if len(clips) < 2:
        return draws
    truth = run.truth("evaluation").subset(scores.filenames)
    counts = clip_statistics(scores, truth, parameters, METRICS)
    place = {name: index for index, name in enumerate(clips)}
    weights = {
        kind: resample_weights(len(clips), number)
        for kind, number in RESAMPLES.items()
    }
    for metric in METRICS:
        order = [place[name] for name in counts[metric].filenames]
        drawn = weights["psds" if metric in PSDS else "f1"][:, order]
        figures = counts[metric].figures(drawn)
        draws[metric] = np.asarray(figures[FIGURE.get(metric, "value")])
    return draws
