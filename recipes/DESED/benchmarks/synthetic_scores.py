"""Made-up scores and ground truth, as much of them as DESED's validation set.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import numpy as np
import pandas as pd

from speechbrain_mmsed.evaluation.metrics.truth import GroundTruth
from speechbrain_mmsed.postprocessing.decode import EVENT_COLUMNS
from speechbrain_mmsed.postprocessing.scores import ClipScores

N_FRAMES, HOP, CLIP_SECONDS = 64, 0.1565, 10.0


def make_corpus(n_clips, n_classes, seed):
    """Scores that follow random events, with gaps and false alarms."""
    rng = np.random.default_rng(seed)
    labels = [f"class_{c}" for c in range(n_classes)]
    names = [f"{n:04d}.wav" for n in range(n_clips)]
    logits = rng.normal(-4.5, 2.0, (n_clips, N_FRAMES + 4, n_classes))
    # Neighbouring frames resemble each other.
    logits = sum(logits[:, k : k + N_FRAMES] for k in range(5)) / 5
    rows = []
    for n in range(n_clips):
        for c in rng.choice(n_classes, rng.integers(0, 4), replace=False):
            end = 0.0
            while True:
                onset = end + rng.exponential(2.5)
                if onset > CLIP_SECONDS - 0.25:
                    break
                length = rng.choice([0.5, 2.0, 8.0]) * rng.exponential()
                end = min(onset + 0.2 + length, CLIP_SECONDS)
                rows.append([names[n], onset, end, labels[c]])
                if rng.random() < 0.8:
                    frames = np.arange(int(onset / HOP), int(end / HOP) + 1)
                    frames = frames[frames < N_FRAMES]
                    gain = rng.normal(6, 2, len(frames) // 8 + 1)
                    logits[n, frames, c] += gain[np.arange(len(frames)) // 8]
    frame = 1 / (1 + np.exp(-logits))
    scores = ClipScores(
        names,
        np.full(n_clips, CLIP_SECONDS),
        labels,
        (frame**2).sum(axis=1) / frame.sum(axis=1),
        frame,
        np.ones(n_clips, bool),
        HOP,
    )
    events = pd.DataFrame(rows, columns=EVENT_COLUMNS)
    durations = dict.fromkeys(names, CLIP_SECONDS)
    return scores, GroundTruth(events, durations, labels)


def some_classes(scores, truth, labels):
    """The same clips with the first few classes only."""
    n = len(labels)
    part = ClipScores(
        scores.filenames,
        scores.durations,
        labels,
        scores.clip[:, :n],
        scores.frame[:, :, :n],
        scores.has_video,
        scores.frame_hop,
    )
    events = truth.events[truth.events["event_label"].isin(labels)]
    return part, GroundTruth(events, truth.durations, labels)
