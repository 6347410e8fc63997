"""Areas and score of PSD-ROC curves whose classes have points of their own.

psds_eval's curves have one point for each of 50 thresholds in every class
(`psds_curves.py`). Without a list of thresholds each class has its own
number of points; the definition is the same.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import numpy as np

RATE_DECIMALS = 9


def best_curve(hits, rates, max_rate):
    """The staircase of the best share of events at or below each rate.

    Arguments
    ---------
    hits : numpy.ndarray
        (K,) shares of events found.
    rates : numpy.ndarray
        (K,) effective false-positive rates.
    max_rate : float
        Right end of the curve; points beyond it are left out.

    Returns
    -------
    tuple of numpy.ndarray
        Shares and rates, both (P,), from rate 0 in rising order, one point
        for each step.

    Example
    -------
    >>> hits, rates = np.array([0.5, 0.4, 1.0]), np.array([20.0, 30.0, 60.0])
    >>> [values.tolist() for values in best_curve(hits, rates, 100.0)]
    [[0.0, 0.5, 1.0], [0.0, 20.0, 60.0]]
    """
    # Sums of changes leave rounding behind; what is equal shall be equal.
    rates = np.round(rates, RATE_DECIMALS)
    within = np.flatnonzero(rates <= max_rate)
    rates = np.append(0.0, rates[within])
    hits = np.append(0.0, hits[within])
    order = np.argsort(rates, kind="stable")
    rates, hits = rates[order], np.maximum.accumulate(hits[order])
    last = np.append(rates[1:] > rates[:-1], True)
    rates, hits = rates[last], hits[last]
    steps = np.append(True, hits[1:] > hits[:-1])
    return hits[steps], rates[steps]


def effective_curve(curves, instability_cost):
    """Mean over classes, less their deviation: the curve of the score.

    Arguments
    ---------
    curves : list
        For each of C classes what `best_curve` returns.
    instability_cost : float
        Weight of the deviation over classes (alpha_ST).

    Returns
    -------
    tuple of numpy.ndarray
        Effective shares and rates, both (P,).
    """
    rates = np.unique(np.concatenate([rates for _, rates in curves]))
    shares = np.stack(
        [
            hits[np.searchsorted(steps, rates, side="right") - 1]
            for hits, steps in curves
        ]
    )
    effective = shares.mean(axis=0) - instability_cost * shares.std(axis=0)
    return np.maximum(effective, 0.0), rates


def curves_of_points(labels, hits, rates, scenario):
    """PSD-ROC of each class and of all, for pictures.

    Arguments
    ---------
    labels : list of str
        C class labels.
    hits : numpy.ndarray
        (P, C) shares of events found at P operating points.
    rates : numpy.ndarray
        (P, C) effective false-positive rates.
    scenario : Scenario
        For max_rate and instability_cost.

    Returns
    -------
    dict
        classes: label -> shares and rates; overall: shares and rates; all
        of them lists of floats.
    """
    curves = [
        best_curve(hits[:, c], rates[:, c], scenario.max_rate)
        for c in range(len(labels))
    ]
    overall = effective_curve(curves, scenario.instability_cost)
    return {
        "classes": {
            label: _plain(curve)
            for label, curve in zip(labels, curves, strict=True)
        },
        "overall": _plain(overall),
    }


def _plain(curve):
    """A curve that can be written to a file."""
    return [values.tolist() for values in curve]


def areas_and_score(curves, instability_cost, max_rate):
    """Area of each class and the score of all.

    Arguments
    ---------
    curves : list
        For each of C classes what `best_curve` returns.
    instability_cost : float
        Weight of the deviation over classes (alpha_ST).
    max_rate : float
        Right end of the curves.

    Returns
    -------
    tuple
        (C,) areas divided by max_rate; score, a float.

    Example
    -------
    >>> curve = (np.array([0.0, 0.5]), np.array([0.0, 20.0]))
    >>> areas, score = areas_and_score([curve, curve], 1.0, 100.0)
    >>> areas.round(3).tolist(), round(score, 3)
    ([0.4, 0.4], 0.4)
    """
    areas = np.array([_area(*curve, max_rate) for curve in curves])
    effective = effective_curve(curves, instability_cost)
    return areas, float(_area(*effective, max_rate))


def _area(shares, rates, max_rate):
    """Area under a staircase, divided by its width."""
    return (np.diff(np.append(rates, max_rate)) * shares).sum() / max_rate
