"""What lies in a folder of scores, and what is chosen from it on validation.

Section 3.1.3: for each class and metric the threshold and window with the best
F1 of that class; where an F1 is a micro average, this is the literal reading
and need not be the optimum. For PSDS the largest area under its own PSD-ROC.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import pathlib

import numpy as np

from speechbrain_mmsed.evaluation.metrics.truth import check_same_clips
from speechbrain_mmsed.postprocessing.parameters import ClassParameters
from speechbrain_mmsed.postprocessing.scores import (
    ClipScores,
    score_file,
    weight_of_file,
    weight_text,
)

# The paper's grid. Division, unlike np.arange(0.1, 1, 0.1), gives exactly
# the numbers that 0.1, 0.2, ... 0.9 stand for.
THRESHOLDS = tuple(step / 10 for step in range(1, 10))
WINDOWS = tuple(range(1, 32, 2))
DEFAULT_THRESHOLD = 0.5
DEFAULT_WINDOW = 1
# Areas that differ by less are the same but for rounding.
SAME_AREA = 1e-12


def stored_weights(folder):
    """Weights of a folder's `score_file`s with all streams, at least one."""
    folder = pathlib.Path(folder)
    names = sorted(path.name for path in folder.glob("weight_*.npz"))
    found = [weight_of_file(name) for name in names]
    weights = [pair[0] for pair in found if pair and not pair[1]]
    if not weights:
        raise FileNotFoundError(
            f"{folder}: no scores (weight_0.7500.npz and so on); score the "
            "clips before evaluating them"
        )
    return weights


def load_scores(folder, weight, labels, without=""):
    """The ClipScores of a `score_file` of a folder, of the expected classes."""
    path = pathlib.Path(folder) / score_file(weight, without)
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


def best_weight(folder, truth, tune_event):
    """The candidate with the best validation event-based F1.

    Weight 1 ignores the other streams and is no candidate, unless it is all
    there is: a system of sound alone. Of equal ones the largest is taken.

    Arguments
    ---------
    folder : str or pathlib.Path
        Scores of one model on the validation set.
    truth : GroundTruth
        Its reference.
    tune_event : callable
        From scores and truth to what `best_parameters` returns for events.

    Returns
    -------
    tuple
        The weight, its ClipScores, and candidate -> tuned macro F1 or None.
    """
    weights = stored_weights(folder)
    found, best, best_scores = {}, None, None
    for weight in [w for w in weights if w != 1] or weights:
        scores = load_scores(folder, weight, truth.labels)
        check_same_clips(scores, truth)
        parameters, f1 = tune_event(scores, truth)
        macro = None
        if parameters.tuned.any():
            macro = float(np.mean(f1[parameters.tuned]))
        # One class at least is tuned for every candidate or for none.
        if best is None or macro is None or macro >= found[best]:
            best, best_scores = weight, scores
        found[weight] = macro
    f1 = {weight_text(weight): value for weight, value in found.items()}
    return best, best_scores, f1


def best_parameters(counts):
    """The grid point with the best F1 of each class.

    Of equal ones the threshold nearest 0.5 is taken, then the smaller
    window, then the smaller threshold. A class without reference events
    gets threshold 0.5 and window 1, marked as not tuned.

    `counts` has labels (C), thresholds (H,), windows (W,), tp and nsys
    (C, H, W) and n_reference (C,): matched, predicted and reference items.
    Returns the ClassParameters and the F1 (C,), NaN where not tuned.
    """
    n_classes = len(counts.labels)
    tuned = counts.n_reference > 0
    thresholds = np.full(n_classes, DEFAULT_THRESHOLD)
    windows = np.full(n_classes, DEFAULT_WINDOW)
    best = np.full(n_classes, np.nan)
    grid = np.meshgrid(counts.thresholds, counts.windows, indexing="ij")
    threshold, window = map(np.ravel, grid)
    # Rounded, as 0.7 - 0.5 and 0.5 - 0.3 differ in the last bit.
    distance = np.round(np.abs(threshold - DEFAULT_THRESHOLD), 9)
    preference = np.lexsort((threshold, window, distance))
    for c in np.flatnonzero(tuned):
        items = counts.n_reference[c] + counts.nsys[c]
        f1 = (2 * counts.tp[c] / items).ravel()
        # argmax takes the first, that is the most preferred, maximum.
        chosen = preference[f1[preference].argmax()]
        thresholds[c], windows[c] = threshold[chosen], window[chosen]
        best[c] = f1[chosen]
    return ClassParameters(counts.labels, thresholds, windows, tuned), best


def best_windows(labels, windows, areas):
    """ClassParameters with the median window of the largest area.

    `areas` (W, C) lie under the classes' own PSD-ROC; -1 for classes without
    reference events longer than 0 s, which get window 1, marked untuned.
    Ties go to the smaller window.

    Example
    -------
    >>> areas = np.array([[0.2, -1.0], [0.5, -1.0], [0.5, -1.0]])
    >>> best_windows(["Dog", "Cat"], [1, 3, 5], areas).windows.tolist()
    [3, 1]
    """
    best = np.argmax(areas >= areas.max(axis=0) - SAME_AREA, axis=0)
    present = areas.max(axis=0) >= 0
    chosen = np.where(present, np.asarray(windows)[best], DEFAULT_WINDOW)
    return ClassParameters(labels, None, chosen, present)
