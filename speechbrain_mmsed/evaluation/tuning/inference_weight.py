"""Choice of the primary stream's weight at inference.

Section 3.2.1: the weight is the one with the best event-based F1 on the
validation set, each candidate with its own tuned post-processing. Scores of
every candidate lie on disk, `<subset>/weight_<w>.npz`; weight 1 ignores the
other streams and is no candidate, unless it is all there is.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import pathlib
import re

import numpy as np

from speechbrain_mmsed.evaluation.metrics.checks import check_same_clips
from speechbrain_mmsed.evaluation.tuning.tuning import tune_event
from speechbrain_mmsed.postprocessing.scores import ClipScores

WEIGHT_FILE = re.compile(r"weight_(\d+\.\d{4})\.npz")


def stored_weights(folder):
    """Weights whose scores lie in a folder.

    Arguments
    ---------
    folder : str or pathlib.Path
        Scores of one model and subset, `weight_<w>.npz`.

    Returns
    -------
    list of float
        In rising order.

    Raises
    ------
    FileNotFoundError
        Where there are none.
    """
    folder = pathlib.Path(folder)
    names = [path.name for path in folder.glob("weight_*.npz")]
    found = [WEIGHT_FILE.fullmatch(name) for name in names]
    weights = sorted(float(match[1]) for match in found if match)
    if not weights:
        raise FileNotFoundError(
            f"{folder}: no scores (weight_0.7500.npz and so on); score the "
            "clips before evaluating them"
        )
    return weights


def load_scores(folder, weight, labels):
    """Scores at one weight, checked to be of the expected classes.

    Arguments
    ---------
    folder : str or pathlib.Path
        Scores of one model and subset.
    weight : float
        Weight of the primary stream.
    labels : list of str
        C class labels.

    Returns
    -------
    ClipScores
    """
    path = pathlib.Path(folder) / f"weight_{weight:.4f}.npz"
    if not path.is_file():
        raise FileNotFoundError(
            f"{path}: no scores at this weight, there are those of "
            f"{stored_weights(folder)}; score validation and evaluation with "
            "the same weights"
        )
    scores = ClipScores.load(path)
    if scores.labels != list(labels):
        raise ValueError(
            f"{path}: classes {scores.labels}, expected {list(labels)}"
        )
    return scores


def choose_weight(folder, truth):
    """The candidate with the best validation event-based F1.

    Arguments
    ---------
    folder : str or pathlib.Path
        Scores of one model on the validation set.
    truth : GroundTruth
        Its reference.

    Returns
    -------
    float
        The weight; of equal ones the largest. 1 for a system of sound alone.
    ClipScores
        The validation scores at this weight.
    dict
        For each candidate, written as in its file name, the tuned macro F1;
        None where no class has validation events.
    """
    weights = stored_weights(folder)
    candidates = [weight for weight in weights if weight != 1] or weights
    f1, best, best_scores = {}, None, None
    for weight in candidates:
        scores = load_scores(folder, weight, truth.labels)
        check_same_clips(scores, truth)
        f1[weight] = macro_f1(scores, truth)
        if best is None or _rank(f1[weight]) >= _rank(f1[best]):
            best, best_scores = weight, scores
    return best, best_scores, {f"{w:.4f}": value for w, value in f1.items()}


def macro_f1(scores, truth):
    """Validation event-based F1 with tuned parameters.

    Arguments
    ---------
    scores : ClipScores
        Validation scores.
    truth : GroundTruth
        Their reference.

    Returns
    -------
    float or None
        Mean over the classes with events; None without such classes.
    """
    parameters, f1 = tune_event(scores, truth)
    if not parameters.tuned.any():
        return None
    return float(np.mean(f1[parameters.tuned]))


def _rank(f1):
    """Undefined counts as the lowest."""
    return -1.0 if f1 is None else f1
