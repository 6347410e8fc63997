"""Drawing clips again, and summing up what the draws give.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import numpy as np

N_RESAMPLES = 2000
LEVEL = 0.95


def resample_weights(n_clips, n_resamples=N_RESAMPLES, seed=0):
    """How often each clip is drawn in each resample.

    Arguments
    ---------
    n_clips : int
        Number of clips N, drawn N times with replacement.
    n_resamples : int
        Number of resamples R.
    seed : int
        Same seed, same draws.

    Returns
    -------
    numpy.ndarray
        (R, N) counts; each row sums to N.

    Example
    -------
    >>> resample_weights(4, 3).sum(axis=1).tolist()
    [4, 4, 4]
    """
    if n_clips < 2 or n_resamples < 1:
        raise ValueError(
            f"{n_clips} clips and {n_resamples} resamples: expected at least "
            "2 clips and 1 resample"
        )
    generator = np.random.default_rng(seed)
    drawn = generator.integers(0, n_clips, (n_resamples, n_clips))
    drawn += np.arange(n_resamples)[:, None] * n_clips
    weights = np.bincount(drawn.ravel(), minlength=n_resamples * n_clips)
    return weights.reshape(n_resamples, n_clips)


def description(counts):
    """What is said of the counts beside every interval.

    Arguments
    ---------
    counts : Counts, PsdsByClip or ThresholdFreeCounts
        Counts kept by clip.

    Returns
    -------
    dict
        definition, computed_by, n_classes (with reference), n_clips.
    """
    return {
        "definition": counts.definition,
        "computed_by": counts.computed_by,
        "n_classes": int((counts.n_reference.sum(axis=0) > 0).sum()),
        "n_clips": len(counts.filenames),
    }


def interval(values, level):
    """The middle of a distribution.

    Arguments
    ---------
    values : numpy.ndarray
        (R,) figures; NaN are left out.
    level : float
        Share within.

    Returns
    -------
    tuple
        Lower and upper end, None where all are NaN.
    """
    values = values[~np.isnan(values)]
    if not len(values):
        return None, None
    ends = np.percentile(values, [50 - 50 * level, 50 + 50 * level])
    return float(ends[0]), float(ends[1])


def deviation(values):
    """Standard deviation of figures, None where fewer than two are defined.

    Arguments
    ---------
    values : numpy.ndarray
        (R,) figures; NaN are left out.

    Returns
    -------
    float or None
    """
    values = values[~np.isnan(values)]
    return float(values.std(ddof=1)) if len(values) > 1 else None


def number(value):
    """A float, or None for NaN.

    Arguments
    ---------
    value : float
        A figure.

    Returns
    -------
    float or None
    """
    return None if np.isnan(value) else float(value)


def check_level(level):
    """Refuse percents and the like.

    Arguments
    ---------
    level : float
        Share of resamples within the interval.
    """
    if not 0 < level < 1:
        raise ValueError(f"level {level}: expected a share such as 0.95")
