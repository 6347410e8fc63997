"""Areas and score of PSD-ROC curves whose classes have points of their own.

psds_eval's curves have one point for each of 50 thresholds in every class
(`psds_curves.py`). Without a list of thresholds each class has its own
number of points; the definition is the same.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import numpy as np


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
    within = np.flatnonzero(rates <= max_rate)
    rates = np.append(0.0, np.maximum(rates[within], 0.0))
    hits = np.append(0.0, hits[within])
    order = np.argsort(rates, kind="stable")
    rates, hits = rates[order], np.maximum.accumulate(hits[order])
    steps = np.append(True, hits[1:] > hits[:-1])
    return hits[steps], rates[steps]


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
    areas = np.array(
        [
            (np.diff(np.append(rates, max_rate)) * hits).sum() / max_rate
            for hits, rates in curves
        ]
    )
    points = np.unique(np.concatenate([rates for _, rates in curves]))
    shares = np.stack(
        [
            hits[np.searchsorted(rates, points, side="right") - 1]
            for hits, rates in curves
        ]
    )
    effective = shares.mean(axis=0) - instability_cost * shares.std(axis=0)
    widths = np.diff(np.append(points, max_rate))
    score = (widths * np.maximum(effective, 0.0)).sum() / max_rate
    return areas, float(score)
