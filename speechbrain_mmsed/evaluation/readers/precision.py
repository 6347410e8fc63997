"""Scores in single precision that compare as in double precision.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import numpy as np


def single_precision(values, thresholds):
    """Single precision that lies on the same side of every threshold.

    The nearest float32 of a score 0.3 lies above 0.3 and that of 0.7 below
    0.7, which would matter for scores written with few decimals.

    Arguments
    ---------
    values : numpy.ndarray
        Double precision, any shape.
    thresholds : numpy.ndarray
        Rising, in double precision.

    Returns
    -------
    numpy.ndarray
        float32 of the same shape.

    Example
    -------
    >>> values = np.array([0.3, 0.7, 0.30000001])
    >>> thresholds = np.array([0.3, 0.7])
    >>> (values.astype(np.float32).astype(float)[:2] > thresholds).tolist()
    [True, False]
    >>> single = single_precision(values, thresholds).astype(float)
    >>> (single[:2] > thresholds).tolist(), bool(single[2] > 0.3)
    ([False, False], True)
    """
    single = values.astype(np.float32)
    wanted = np.searchsorted(thresholds, values)
    level = np.searchsorted(thresholds, single.astype(np.float64))
    for sign, towards in ((1, np.float32(0)), (-1, np.float32(1))):
        wrong = sign * (level - wanted) > 0
        single[wrong] = np.nextafter(single[wrong], towards)
    return single
