"""Mean, deviation, and differences of figures over seeds.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy import stats

LEVEL = 0.95
# Below that many seeds a deviation is too uncertain to speak of significance.
MIN_SEEDS_FOR_STARS = 6


@dataclass
class Difference:
    """A figure of a system minus that of another.

    Arguments
    ---------
    value : float
        Difference of the means over seeds.
    seeds : tuple of float or None
        95 % interval over seeds (Welch); None below two seeds.
    clips : tuple of float or None
        95 % interval over clips (paired bootstrap).
    star : bool
        Whether the interval over seeds leaves out 0, where both have seeds
        enough to say so.
    """

    value: float
    seeds: tuple | None = None
    clips: tuple | None = None
    star: bool = False


def mean_and_deviation(values):
    """Mean and standard deviation over seeds.

    Arguments
    ---------
    values : list of float
        One for each seed.

    Returns
    -------
    tuple
        Mean, and deviation (n - 1) or None below two; None, None if empty.

    Example
    -------
    >>> mean_and_deviation([1.0, 3.0]), mean_and_deviation([1.0])
    ((2.0, 1.4142135623730951), (1.0, None))
    """
    if not values:
        return None, None
    spread = float(np.std(values, ddof=1)) if len(values) > 1 else None
    return float(np.mean(values)), spread


def welch_interval(first, second, level=LEVEL):
    """Interval of the difference of two means, variances unequal.

    Arguments
    ---------
    first, second : list of float
        Figures over seeds, as many as there are.
    level : float
        Share of confidence.

    Returns
    -------
    tuple of float or None
        Low and high of mean(second) - mean(first); None below two values on
        one side.

    Example
    -------
    >>> low, high = welch_interval([1.0, 2.0, 3.0], [4.0, 5.0, 6.0])
    >>> round(low, 2), round(high, 2)
    (0.73, 5.27)
    """
    if min(len(first), len(second)) < 2:
        return None
    difference = float(np.mean(second) - np.mean(first))
    parts = [np.var(values, ddof=1) / len(values) for values in (first, second)]
    total = float(sum(parts))
    if total == 0.0:
        return difference, difference
    freedom = total**2 / sum(
        part**2 / (len(values) - 1)
        for part, values in zip(parts, (first, second), strict=True)
    )
    half = float(stats.t.ppf(0.5 + level / 2, freedom)) * math.sqrt(total)
    return difference - half, difference + half


def clip_interval(first, second, level=LEVEL):
    """Interval over clips of the difference of two systems.

    Arguments
    ---------
    first, second : list of numpy.ndarray
        For each seed (R,) figures of the same R resamples of the clips.
    level : float
        Share of resamples within.

    Returns
    -------
    tuple of float or None
        Percentiles of the difference of the means over seeds; None where a
        side is empty.
    """
    if not first or not second:
        return None
    differences = np.mean(second, axis=0) - np.mean(first, axis=0)
    differences = differences[~np.isnan(differences)]
    if not len(differences):
        return None
    ends = [50 - 50 * level, 50 + 50 * level]
    low, high = np.percentile(differences, ends)
    return float(low), float(high)


def difference(first, second, first_draws=(), second_draws=()):
    """A figure of the second system minus that of the first.

    Arguments
    ---------
    first, second : list of float
        Figures over seeds.
    first_draws, second_draws : list of numpy.ndarray
        For each seed the figures of the resampled clips.

    Returns
    -------
    Difference or None
        None where a side is empty.
    """
    if not first or not second:
        return None
    seeds = welch_interval(first, second)
    fewest = min(len(first), len(second))
    star = (
        fewest >= MIN_SEEDS_FOR_STARS
        and seeds is not None
        and not seeds[0] <= 0 <= seeds[1]
    )
    return Difference(
        float(np.mean(second) - np.mean(first)),
        seeds,
        clip_interval(list(first_draws), list(second_draws)),
        star,
    )
