"""Confidence intervals over clips.

A figure of a test set is a draw: other clips would have given another. The
bootstrap draws as many clips with replacement, again and again, and takes
percentiles of the figures; the jackknife leaves out one clip at a time and
gives a standard error without chance. Both weight counts that are kept by
clip, so no clip is matched twice.

What can be resampled has `filenames`, `labels`, `n_reference` (N, C),
`definition`, `computed_by` and `figures(weights)`: Counts (any F1),
PsdsByClip and ThresholdFreeCounts. Cost for 1168 clips and ten classes on
one core: F1, 2000 resamples and jackknife, well below 1 s; PSDS over 50
thresholds about 1 s for 500 resamples; PSDS over all thresholds about 20 s
for 1000 resamples, and as much for the jackknife.

Clips are the unit because labels of one clip depend on each other. Tuned
parameters stay as they are: the interval says nothing of how tuning, or
training, would have come out.

PSDS subtracts the deviation over classes, which chance among clips enlarges:
its resamples lie below the figure itself, by about one standard error where
classes are alike. `bias` tells how much, and the basic interval (twice the
figure minus the percentiles) turns it round; of differences between two
systems it mostly cancels (`paired.py`).

Authors
 * The speechbrain_mmsed authors, 2026
"""

import numpy as np

from speechbrain_mmsed.evaluation.statistics.resampling import (
    LEVEL,
    N_RESAMPLES,
    check_level,
    description,
    deviation,
    interval,
    number,
    resample_weights,
)

ROWS_AT_ONCE = 512


def bootstrap(
    counts, n_resamples=N_RESAMPLES, level=LEVEL, seed=0, jackknife=True
):
    """Percentile intervals and standard errors of every figure.

    Arguments
    ---------
    counts : Counts, PsdsByClip or ThresholdFreeCounts
        Counts kept by clip.
    n_resamples : int
        Number of resamples.
    level : float
        Share of resamples within the interval, 0 to 1.
    seed : int
        Seed of the draws.
    jackknife : bool
        Whether to leave out each clip in turn for the standard error.

    Returns
    -------
    dict
        figures: for "micro" and "macro" or "value", and for every label a
        dict of value, low, high (percentiles), basic_low, basic_high, bias
        (mean of the resamples minus value), bootstrap_error (deviation over
        resamples), jackknife_error and undefined_resamples (in which the
        figure has no meaning, for want of reference); None where undefined.
        Also definition, computed_by, n_classes, n_clips, method,
        n_resamples, level, seed.

    Example
    -------
    >>> from speechbrain_mmsed.evaluation.counts.counts import Counts
    >>> ones = np.ones((50, 1), dtype=int)
    >>> tp = (np.arange(50) % 2)[:, None]
    >>> counts = Counts(
    ...     [str(n) for n in range(50)], ["Dog"], tp, ones, ones, "", ""
    ... )
    >>> micro = bootstrap(counts, 500)["figures"]["micro"]
    >>> micro["value"], round(micro["jackknife_error"], 3)
    (0.5, 0.071)
    >>> 0.3 < micro["low"] < 0.45 and 0.55 < micro["high"] < 0.7
    True
    """
    n_clips = len(counts.filenames)
    check_level(level)
    weights = resample_weights(n_clips, n_resamples, seed)
    drawn = counts.figures(weights)
    value = counts.figures(np.ones((1, n_clips)))
    errors = jackknife_errors(counts) if jackknife else {}
    figures = {}
    for name, values in drawn.items():
        figures[name] = {
            **_spread(number(value[name][0]), values, level),
            "bootstrap_error": deviation(values),
            "jackknife_error": errors.get(name),
            "undefined_resamples": int(np.isnan(values).sum()),
        }
    return {
        "figures": figures,
        **description(counts),
        "method": "percentile bootstrap over clips",
        "n_resamples": n_resamples,
        "level": level,
        "seed": seed,
    }


def _spread(value, values, level):
    """A figure and where its resamples lie."""
    low, high = interval(values, level)
    known = value is not None and low is not None
    return {
        "value": value,
        "low": low,
        "high": high,
        "basic_low": 2 * value - high if known else None,
        "basic_high": 2 * value - low if known else None,
        "bias": float(np.nanmean(values) - value) if known else None,
    }


def jackknife_errors(counts):
    """Standard errors from leaving out each clip in turn.

    Arguments
    ---------
    counts : Counts, PsdsByClip or ThresholdFreeCounts
        Counts kept by clip.

    Returns
    -------
    dict
        For each figure a float; None where it is undefined without some
        clip, as when a class occurs in one clip only.
    """
    n_clips = len(counts.filenames)
    parts = []
    for start in range(0, n_clips, ROWS_AT_ONCE):
        rows = np.arange(start, min(start + ROWS_AT_ONCE, n_clips))
        weights = np.ones((len(rows), n_clips))
        weights[np.arange(len(rows)), rows] = 0.0
        parts.append(counts.figures(weights))
    errors = {}
    for name in parts[0]:
        values = np.concatenate([part[name] for part in parts])
        variance = values.var() * (n_clips - 1)
        errors[name] = number(np.sqrt(variance))
    return errors
