"""Settings of sound event bounding boxes, chosen for each class.

A grid of three settings, as in section 4 of Ebbers et al., "Sound Event
Bounding Boxes" (Interspeech 2024, arXiv 2406.04212), tuned for the metric that
is asked for. What a metric says of boxes is left to the caller.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import itertools

import numpy as np

from speechbrain_mmsed.postprocessing.box_parameters import BoxParameters
from speechbrain_mmsed.postprocessing.boxes import box_scores

# Seconds on each side of a change, and the two thresholds of a gap; the
# middle of each is the default of a class that cannot be tuned. The highest are
# for PSDS2, which does not mind boxes that are too long.
LENGTHS = (0.15, 0.3, 0.5)
ABSOLUTE = (0.05, 0.2, 0.7)
RELATIVE = (1.2, 2.0, 5.0)
DEFAULT_CONFIDENCE = 0.5
# Values that differ by less are the same but for rounding.
SAME = 1e-12


def tune_boxes(
    scores,
    metrics,
    score,
    lengths=LENGTHS,
    absolute=ABSOLUTE,
    relative=RELATIVE,
    rounds=1,
):
    """BoxParameters of each metric, from validation scores.

    Every combination is tried. Of equal ones the first is taken, in the order
    given, lengths changing last.

    Arguments
    ---------
    scores : ClipScores
        N clips, T frames and C classes.
    metrics : sequence of str
        What to tune for.
    score : callable
        From confidences (ClipScores of `box_scores`) and a list of metrics to
        {metric: (values, thresholds)}: values (C,) are those of the best of
        the thresholds of confidence (C,), -1 for a class that cannot be tuned;
        a metric over all thresholds has None for them.
    lengths, absolute, relative : sequence of float
        What is tried, rising; as of BoxParameters.
    rounds : int
        2 and more go from coarse to fine: each further round tries, for each
        metric and class, the best value of each setting and half the way (on
        a scale of logarithms) to the neighbours that were tried before.

    Returns
    -------
    dict
        Metric -> BoxParameters, and the values (C,) reached.

    Raises
    ------
    ValueError
        Where there is nothing to try.

    Example
    -------
    >>> from speechbrain_mmsed.postprocessing.scores import ClipScores
    >>> frame = [[[0.0], [0.75], [0.5], [0.6], [0.25], [0.0]]]
    >>> scores = ClipScores(["a"], [6.0], ["Dog"], [[0.7]], frame, [True], 1.0)
    >>> def long_ones(boxes, metrics):
    ...     return {"long": ((boxes.frame > 0).sum(axis=(0, 1)), None)}
    >>> tuned, values = tune_boxes(scores, ["long"], long_ones)["long"]
    >>> tuned.lengths.tolist(), values.tolist()
    ([0.15], [3])
    """
    axes = [list(map(float, axis)) for axis in (lengths, absolute, relative)]
    if not all(axes) or rounds < 1:
        raise ValueError(
            f"settings of boxes {axes}, {rounds} rounds: expected at least "
            "one value of each and one round"
        )
    n_classes = len(scores.labels)
    # Per class from the start, because later rounds differ between classes.
    axes = [np.repeat([axis], n_classes, axis=0) for axis in axes]
    start = _best(scores, metrics, score, axes)
    return {
        metric: _refined(scores, metric, score, axes, start[metric], rounds)
        for metric in metrics
    }


def _best(scores, metrics, score, axes):
    """Metric -> settings (3, C), values (C,) and thresholds of the best."""
    best, sizes = {}, [range(axis.shape[1]) for axis in axes]
    for place in itertools.product(*sizes):
        point = [axis[:, i] for axis, i in zip(axes, place, strict=True)]
        point = np.array(point)
        found = score(box_scores(scores, *point), list(metrics))
        for metric, (values, thresholds) in found.items():
            if metric not in best:
                best[metric] = np.copy(point), np.copy(values), thresholds
                continue
            settings, most, chosen = best[metric]
            better = values > most + SAME
            settings[:, better], most[better] = point[:, better], values[better]
            if thresholds is not None:
                chosen = np.where(better, thresholds, chosen)
            best[metric] = settings, most, chosen
    return best


def _refined(scores, metric, score, axes, best, rounds):
    """BoxParameters and values after the rounds that follow the first."""
    settings, values, thresholds = best
    middle = [axis[:, axis.shape[1] // 2] for axis in axes]
    for _ in range(rounds - 1):
        axes = [_around(*pair) for pair in zip(axes, settings, strict=True)]
        found = _best(scores, [metric], score, axes)[metric]
        # The best of before is among these, and so cannot be lost.
        settings, values, thresholds = found
    tuned = values >= 0
    settings = np.where(tuned, settings, middle)
    if thresholds is not None:
        thresholds = np.where(tuned, thresholds, DEFAULT_CONFIDENCE)
    parameters = BoxParameters(
        labels=scores.labels,
        thresholds=thresholds,
        tuned=tuned,
        lengths=settings[0],
        absolute=settings[1],
        relative=settings[2],
    )
    return parameters, values


def _around(axis, chosen):
    """(C, 3): the chosen values, and half the way to both neighbours."""
    same, last = axis == chosen[:, None], axis.shape[1] - 1
    # At an end of the grid the value stands twice.
    first, past = same.argmax(axis=1), last - same[:, ::-1].argmax(axis=1)
    ends = np.stack([first - 1, first, past + 1], axis=1)
    near = np.take_along_axis(axis, ends.clip(0, last), axis=1)
    # A setting of 0 has no logarithm, and is a grid's lowest anyway.
    return np.sqrt(near * chosen[:, None])
