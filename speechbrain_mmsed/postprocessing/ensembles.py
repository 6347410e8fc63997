"""Ensembles: the mean of the scores that several systems gave the same clips.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import dataclasses

import numpy as np

from speechbrain_mmsed.problems import PredictionError, listed

# Stored scores have four digits: log-odds beyond them say nothing.
LEAST = 1e-4


def mean_scores(parts, average):
    """Mean of arrays of probabilities, of these or of their log-odds.

    Log-odds let a member that is sure count for more.

    Example
    -------
    >>> float(mean_scores([0.5, 0.99], "probability"))
    0.745
    >>> round(float(mean_scores([0.5, 0.99], "log-odds")), 3)
    0.909
    """
    parts = np.asarray(parts, dtype=np.float64)
    if average == "probability":
        return parts.mean(0)
    parts = parts.clip(LEAST, 1 - LEAST)
    return 1 / (1 + np.exp(-np.log(parts / (1 - parts)).mean(0)))


def average_scores(members, average="probability"):
    """ClipScores whose probabilities are the means of the members'.

    A clip has video where a member says so; its duration is the first one's.

    Arguments
    ---------
    members : dict
        Name of each member, as messages call it -> its ClipScores.
    average : str
        "probability" or "log-odds": what is averaged.

    Returns
    -------
    ClipScores

    Raises
    ------
    PredictionError
        Where classes, clips or frames are not the same: with both values.

    Example
    -------
    >>> from speechbrain_mmsed.postprocessing.scores import ClipScores
    >>> low, high = (
    ...     ClipScores(["a"], [1], ["Dog"], [[p]], [[[p], [p]]], [False], 0.5)
    ...     for p in (0.25, 0.75)
    ... )
    >>> average_scores({"seed 1": low, "seed 2": high}).frame.ravel().tolist()
    [0.5, 0.5]
    """
    (first, scores), *others = members.items()
    for name, other in others:
        for what, here, there in _compared(scores, other):
            if here != there:
                raise PredictionError(
                    f"{name}: {what} {there}, where {first} has {here}; the "
                    "members of an ensemble need the same classes, clips (in "
                    "the same order) and frames"
                )
    parts = members.values()
    return dataclasses.replace(
        scores,
        clip=mean_scores([s.clip for s in parts], average),
        frame=mean_scores([s.frame for s in parts], average),
        has_video=np.any([s.has_video for s in parts], axis=0),
    )


def _compared(scores, other):
    """Yields what two sets of scores must agree on: name, here, there."""
    yield "classes", scores.labels, other.labels
    yield "frames in a clip:", scores.frame.shape[1], other.frame.shape[1]
    yield "seconds of a frame:", scores.frame_hop, other.frame_hop
    pair = scores.filenames, other.filenames
    if pair[0] != pair[1]:
        alone = set(pair[0]) - set(pair[1]), set(pair[1]) - set(pair[0])
        texts = (
            f"{len(names)} ({listed(own) or names[0]} and others)"
            for names, own in zip(pair, alone, strict=True)
        )
        yield "clips", *texts
