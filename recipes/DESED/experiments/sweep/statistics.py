"""Mean, deviation, and differences of figures over seeds.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import warnings
from dataclasses import dataclass

import numpy as np
from scipy import stats

LEVEL = 0.95
# Below that many seeds a deviation is too uncertain to speak of significance.
MIN_SEEDS_FOR_STARS = 6


@dataclass
class Difference:
    """A figure of a system minus that of another.

    The star says that the interval over seeds leaves out 0, where both have
    seeds enough to say so.
    """

    value: float  # of the means over seeds
    seeds: tuple | None = None  # 95 % interval, None below two seeds
    clips: tuple | None = None  # 95 % interval, paired bootstrap
    star: bool = False


def mean_and_deviation(values):
    """Mean and standard deviation (n - 1) over seeds, None if not defined.

    Example
    -------
    >>> mean_and_deviation([1.0, 3.0]), mean_and_deviation([1.0])
    ((2.0, 1.4142135623730951), (1.0, None))
    """
    if not values:
        return None, None
    spread = float(np.std(values, ddof=1)) if len(values) > 1 else None
    return float(np.mean(values)), spread


def welch_interval(first, second):
    """95 % interval of mean(second) - mean(first), variances unequal.

    None below two values on one side.

    Example
    -------
    >>> low, high = welch_interval([1.0, 2.0, 3.0], [4.0, 5.0, 6.0])
    >>> round(low, 2), round(high, 2)
    (0.73, 5.27)
    """
    if min(len(first), len(second)) < 2:
        return None
    with warnings.catch_warnings():
        # Of values that are nearly equal, which do no harm here.
        warnings.simplefilter("ignore", RuntimeWarning)
        test = stats.ttest_ind(second, first, equal_var=False)
    return tuple(map(float, test.confidence_interval(LEVEL)))


def clip_interval(first, second):
    """95 % interval over clips of the difference of two systems.

    Each side is a list over seeds of (R,) figures of the same R resamples of
    the clips, averaged over seeds; None where a side is empty.
    """
    if not len(first) or not len(second):
        return None
    differences = np.mean(second, axis=0) - np.mean(first, axis=0)
    differences = differences[~np.isnan(differences)]
    if not len(differences):
        return None
    ends = [50 - 50 * LEVEL, 50 + 50 * LEVEL]
    return tuple(np.percentile(differences, ends).tolist())


def difference(first, second, first_draws=(), second_draws=()):
    """A figure of the second system minus that of the first, or None.

    Each has its figures over seeds, and perhaps for each seed the (R,)
    figures of the resampled clips. None where a side has no figure.
    """
    if not first or not second:
        return None
    seeds = welch_interval(first, second)
    fewest = min(len(first), len(second))
    return Difference(
        float(np.mean(second) - np.mean(first)),
        seeds,
        clip_interval(first_draws, second_draws),
        star=fewest >= MIN_SEEDS_FOR_STARS and not seeds[0] <= 0 <= seeds[1],
    )
