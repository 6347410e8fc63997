"""Tuning of thresholds and median windows on the validation set.

Section 3.1.3: for each class and each metric the threshold and window with
the best F1 of that class. For event-based F1, a macro average, this is the
optimum of the figure itself. Clip- and segment-based F1 are micro averages,
which are not separable by class: there it is the paper's literal reading and
need not be the optimum.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import numpy as np

from speechbrain_mmsed.evaluation.counts.counts import count_clips, count_grid
from speechbrain_mmsed.postprocessing.parameters import ClassParameters

# The paper's grid. Division, unlike np.arange(0.1, 1, 0.1), gives exactly
# the numbers that 0.1, 0.2, ... 0.9 stand for.
THRESHOLDS = tuple(step / 10 for step in range(1, 10))
WINDOWS = tuple(range(1, 32, 2))
DEFAULT_THRESHOLD = 0.5
DEFAULT_WINDOW = 1


def tune_clip(scores, truth, thresholds=THRESHOLDS):
    """Thresholds of clip labels with the best F1 of each class.

    Arguments
    ---------
    scores : ClipScores
        Scores of the validation set.
    truth : GroundTruth
        Its reference.
    thresholds : sequence of float
        Thresholds to try.

    Returns
    -------
    ClassParameters
        Without windows.
    numpy.ndarray
        (C,) validation F1 of each class at these; NaN where not tuned.

    Example
    -------
    >>> import pandas as pd
    >>> from speechbrain_mmsed.evaluation.metrics.truth import GroundTruth
    >>> from speechbrain_mmsed.postprocessing.scores import ClipScores
    >>> frame = np.zeros((2, 64, 1))
    >>> scores = ClipScores(
    ...     ["a.wav", "b.wav"],
    ...     [10.0, 10.0],
    ...     ["Dog"],
    ...     [[0.35], [0.05]],
    ...     frame,
    ...     [True, True],
    ...     0.1565,
    ... )
    >>> events = pd.DataFrame(
    ...     [["a.wav", 0.0, 1.5, "Dog"]],
    ...     columns=["filename", "onset", "offset", "event_label"],
    ... )
    >>> truth = GroundTruth(events, {"a.wav": 10.0, "b.wav": 10.0}, ["Dog"])
    >>> parameters, f1 = tune_clip(scores, truth)
    >>> parameters.thresholds.tolist(), f1.shape
    ([0.3], (1,))
    """
    counts = count_clips(scores, truth, thresholds)
    parameters, f1 = best_parameters(counts)
    parameters.windows = None
    return parameters, f1


def tune_segment(scores, truth, thresholds=THRESHOLDS, windows=WINDOWS):
    """Thresholds and windows with the best segment F1 of each class.

    Arguments
    ---------
    scores : ClipScores
        Scores of the validation set.
    truth : GroundTruth
        Its reference.
    thresholds : sequence of float
        Thresholds to try.
    windows : sequence of int
        Odd median windows to try, in frames.

    Returns
    -------
    ClassParameters
    numpy.ndarray
        (C,) validation F1 of each class at these; NaN where not tuned.
    """
    grid = count_grid(scores, truth, thresholds, windows, ("segment",))
    return best_parameters(grid["segment"])


def tune_event(scores, truth, thresholds=THRESHOLDS, windows=WINDOWS):
    """Thresholds and windows with the best event F1 of each class.

    Arguments
    ---------
    scores : ClipScores
        Scores of the validation set.
    truth : GroundTruth
        Its reference.
    thresholds : sequence of float
        Thresholds to try.
    windows : sequence of int
        Odd median windows to try, in frames.

    Returns
    -------
    ClassParameters
    numpy.ndarray
        (C,) validation F1 of each class at these; NaN where not tuned.
    """
    grid = count_grid(scores, truth, thresholds, windows, ("event",))
    return best_parameters(grid["event"])


def tune_all(scores, truth, thresholds=THRESHOLDS, windows=WINDOWS):
    """The three tunings with one pass over the grid.

    Arguments
    ---------
    scores : ClipScores
        Scores of the validation set.
    truth : GroundTruth
        Its reference.
    thresholds : sequence of float
        Thresholds to try.
    windows : sequence of int
        Odd median windows to try, in frames.

    Returns
    -------
    dict
        For "clip", "segment" and "event" what their functions return.
    """
    grid = count_grid(scores, truth, thresholds, windows)
    tuned = {metric: best_parameters(counts) for metric, counts in grid.items()}
    return {"clip": tune_clip(scores, truth, thresholds), **tuned}


def best_parameters(counts):
    """The grid point with the best F1 of each class.

    Of equal ones the threshold nearest 0.5 is taken, then the smaller
    window, then the smaller threshold. A class without reference events
    gets threshold 0.5 and window 1, marked as not tuned.

    Arguments
    ---------
    counts : Counts
        Counts of C classes.

    Returns
    -------
    ClassParameters
    numpy.ndarray
        (C,) F1 of each class at these; NaN where not tuned.
    """
    n_classes = len(counts.labels)
    f1 = counts.f1()
    tuned = counts.nref > 0
    thresholds = np.full(n_classes, DEFAULT_THRESHOLD)
    windows = np.full(n_classes, DEFAULT_WINDOW)
    best = np.full(n_classes, np.nan)
    threshold, window = np.meshgrid(
        counts.thresholds, counts.windows, indexing="ij"
    )
    # Rounded, as 0.7 - 0.5 and 0.5 - 0.3 differ in the last bit.
    distance = np.round(np.abs(threshold - DEFAULT_THRESHOLD), 9)
    preference = np.lexsort(
        (threshold.ravel(), window.ravel(), distance.ravel())
    )
    for index in np.flatnonzero(tuned):
        values = f1[index].ravel()[preference]
        # argmax takes the first, that is the most preferred, maximum.
        chosen = preference[values.argmax()]
        thresholds[index] = threshold.ravel()[chosen]
        windows[index] = window.ravel()[chosen]
        best[index] = values.max()
    return ClassParameters(counts.labels, thresholds, windows, tuned), best
