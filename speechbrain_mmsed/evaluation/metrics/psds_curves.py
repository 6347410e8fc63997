"""From rates to areas: the curves behind the polyphonic detection scores.

Section 3.1.4; the definitions are those of Bilen et al., "A framework for
the robust evaluation of sound event detection" (ICASSP 2020), as psds_eval
0.5.3 computes them: staircases, made monotonic, started at (0, 0), extended
to the right; deviation over classes with divisor C.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import numpy as np


def effective_rates(false_positives, cross_triggers, counts, cost):
    """Effective false-positive rates per hour.

    Arguments
    ---------
    false_positives : numpy.ndarray
        (..., C) counts.
    cross_triggers : numpy.ndarray
        (..., C, C) counts: detections of the first class in events of the
        second.
    counts : PsdsCounts
        For reference_seconds (C,) and total_seconds.
    cost : float
        Weight of the cross-triggers (alpha_CT).

    Returns
    -------
    numpy.ndarray
        (..., C) rates.
    """
    rates = false_positives * 3600.0 / counts.total_seconds
    n_classes = false_positives.shape[-1]
    if cost == 0 or n_classes < 2:
        return rates
    others = cross_triggers * 3600.0 / counts.reference_seconds
    others = others * (1.0 - np.eye(n_classes))
    return rates + cost * others.sum(axis=-1) / (n_classes - 1)


def staircase(hits, rates):
    """Sorted, monotonic curve from (0, 0) through operating points.

    Arguments
    ---------
    hits : numpy.ndarray
        (P, ...) shares of events found, 0 to 1.
    rates : numpy.ndarray
        (P, ...) effective false-positive rates.

    Returns
    -------
    tuple of numpy.ndarray
        (P + 1, ...) rates in rising order, (P + 1, ...) best share at or
        below each rate.
    """
    rates = np.concatenate([np.zeros_like(rates[:1]), rates])
    hits = np.concatenate([np.zeros_like(hits[:1]), hits])
    order = np.argsort(rates, axis=0, kind="stable")
    rates = np.take_along_axis(rates, order, axis=0)
    hits = np.take_along_axis(hits, order, axis=0)
    return rates, np.maximum.accumulate(hits, axis=0)


def class_areas(hits, rates, max_rate):
    """Area of each class under its own PSD-ROC, 0 to 1.

    Equal rates bound stairs of no width, so their order does not matter.

    Arguments
    ---------
    hits : numpy.ndarray
        (P, ...) shares of events found.
    rates : numpy.ndarray
        (P, ...) effective false-positive rates.
    max_rate : float
        Right end of the curve.

    Returns
    -------
    numpy.ndarray
        (...) areas divided by max_rate.

    Example
    -------
    >>> hits, rates = np.array([[0.5], [1.0]]), np.array([[20.0], [60.0]])
    >>> class_areas(hits, rates, 100.0).round(3).tolist()
    [0.6]
    """
    rates, hits = staircase(hits, rates)
    rates = np.minimum(rates, max_rate)
    ends = np.concatenate([rates[1:], np.full_like(rates[:1], max_rate)])
    return ((ends - rates) * hits).sum(axis=0) / max_rate


def score(hits, rates, instability_cost, max_rate):
    """The polyphonic sound detection score of C classes.

    Arguments
    ---------
    hits : numpy.ndarray
        (P, C) shares of events found.
    rates : numpy.ndarray
        (P, C) effective false-positive rates.
    instability_cost : float
        Weight of the deviation over classes (alpha_ST).
    max_rate : float
        Right end of the curve.

    Returns
    -------
    float

    Example
    -------
    >>> hits, rates = np.array([[0.5, 0.5]]), np.array([[20.0, 20.0]])
    >>> round(score(hits, rates, 1.0, 100.0), 3)
    0.4
    """
    rates, hits = staircase(hits, rates)
    points = np.unique(np.minimum(rates, max_rate))
    curves = []
    for c in range(hits.shape[1]):
        at = np.searchsorted(rates[:, c], points, side="right") - 1
        curves.append(hits[at, c])
    curves = np.stack(curves)
    effective = curves.mean(axis=0) - instability_cost * curves.std(axis=0)
    widths = np.diff(np.append(points, max_rate))
    return float((widths * np.maximum(effective, 0)).sum() / max_rate)
