"""Comparison of two systems on the same clips.

Two intervals may overlap and the difference still be beyond doubt, because
clips that are hard for one system are hard for the other. Here both systems
are measured on the same resamples, and the interval is that of the
difference. See `bootstrap.py` for what can be compared and what it costs.

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


def compare(
    first,
    second,
    names=("first", "second"),
    n_resamples=N_RESAMPLES,
    level=LEVEL,
    seed=0,
):
    """Differences of every figure between two systems, second minus first.

    Arguments
    ---------
    first, second : Counts, PsdsByClip or ThresholdFreeCounts
        Counts of the same kind, for the same clips and reference; the order
        of the clips may differ.
    names : tuple of str
        What the systems are called.
    n_resamples : int
        Number of resamples, the same for both.
    level : float
        Share of resamples within the interval, 0 to 1.
    seed : int
        Seed of the draws.

    Returns
    -------
    dict
        figures: for "micro" and "macro" or "value", and for every label a
        dict of first, second, difference, low, high (percentiles),
        bootstrap_error, p_value (two-sided: twice the smaller share of
        resamples whose difference has one sign, zeros counted on both
        sides, so 1 / (R + 1) is the least that R resamples can tell) and
        undefined_resamples; None where undefined. Also names, definition,
        computed_by, n_classes, n_clips, method, n_resamples, level, seed.

    Raises
    ------
    ValueError
        Listing the clips that only one system has, or whose reference
        differs; where kinds or classes differ.

    Example
    -------
    >>> from speechbrain_mmsed.evaluation.counts.counts import Counts
    >>> ones = np.ones((60, 1), dtype=int)
    >>> clips = [str(n) for n in range(60)]
    >>> half = (np.arange(60) % 2)[:, None]
    >>> most = (np.arange(60) % 6 > 0)[:, None] + 0
    >>> first, second = (
    ...     Counts(clips, ["Dog"], tp, ones, ones, "", "")
    ...     for tp in (half, most)
    ... )
    >>> micro = compare(first, second)["figures"]["micro"]
    >>> round(micro["difference"], 3), micro["p_value"] < 0.001
    (0.333, True)
    """
    check_level(level)
    order = check_comparable(first, second, names)
    n_clips = len(first.filenames)
    weights = resample_weights(n_clips, n_resamples, seed)
    ones = np.ones((1, n_clips))
    drawn = first.figures(weights), second.figures(weights[:, order])
    value = first.figures(ones), second.figures(ones)
    figures = {}
    for name in drawn[0]:
        differences = drawn[1][name] - drawn[0][name]
        low, high = interval(differences, level)
        figures[name] = {
            "first": number(value[0][name][0]),
            "second": number(value[1][name][0]),
            "difference": number(value[1][name][0] - value[0][name][0]),
            "low": low,
            "high": high,
            "bootstrap_error": deviation(differences),
            "p_value": p_value(differences),
            "undefined_resamples": int(np.isnan(differences).sum()),
        }
    return {
        "figures": figures,
        "names": list(names),
        **description(first),
        "method": "paired percentile bootstrap over clips",
        "n_resamples": n_resamples,
        "level": level,
        "seed": seed,
    }


def p_value(differences):
    """Two-sided p-value from the signs of resampled differences.

    Arguments
    ---------
    differences : numpy.ndarray
        (R,) differences; NaN are left out.

    Returns
    -------
    float or None
        None where no difference is defined.

    Example
    -------
    >>> p_value(np.array([1.0] * 98 + [-1.0] * 1))
    0.04
    """
    differences = differences[~np.isnan(differences)]
    if not len(differences):
        return None
    fewer = min((differences <= 0).sum(), (differences >= 0).sum())
    return float(min(1.0, 2 * (fewer + 1) / (len(differences) + 1)))


def check_comparable(first, second, names=("first", "second")):
    """Refuse to compare what was not measured on the same clips.

    Arguments
    ---------
    first, second : Counts, PsdsByClip or ThresholdFreeCounts
        Counts kept by clip.
    names : tuple of str
        What the systems are called.

    Returns
    -------
    numpy.ndarray
        (N,) position in `first` of each clip of `second`.
    """
    lonely = [
        f"{len(clips)} only in {name}: {sorted(clips)[:20]}"
        for name, clips in (
            (names[0], set(first.filenames) - set(second.filenames)),
            (names[1], set(second.filenames) - set(first.filenames)),
        )
        if clips
    ]
    if lonely:
        raise ValueError(
            f"the two systems have different clips; {'; '.join(lonely)}. "
            "Compare them on the same clips"
        )
    if first.labels != second.labels or first.definition != second.definition:
        raise ValueError(
            f"{names[0]} is {first.definition!r} of {first.labels}, "
            f"{names[1]} is {second.definition!r} of {second.labels}; "
            "compare the same figure of the same classes"
        )
    position = {name: index for index, name in enumerate(first.filenames)}
    order = np.array([position[name] for name in second.filenames])
    differ = (first.n_reference[order] != second.n_reference).any(axis=1)
    if differ.any():
        clips = [second.filenames[i] for i in np.flatnonzero(differ)]
        raise ValueError(
            f"{len(clips)} clips have other reference items for {names[0]} "
            f"than for {names[1]}: {sorted(clips)[:20]}; evaluate both "
            "against the same ground truth"
        )
    return order
