"""Confidence intervals over clips, of one system and of differences.

What can be resampled are counts kept by clip (any F1, PSDS): they have
`filenames`, `labels`, `n_reference` (N, C), `definition`, `computed_by` and
`figures(weights)`. Weights match no clip twice, while scipy.stats.bootstrap
would call the whole metric each time. Clips are the unit because labels of
one clip depend on each other; two systems are measured on the same resamples.
Tuned parameters stay as they are: the interval says nothing of how tuning, or
training, would have come out.

PSDS subtracts the deviation over classes, which chance among clips enlarges:
its resamples lie below the figure itself. `bias` tells how much, and the
basic interval (twice the figure minus the percentiles) turns it round; of
differences between two systems it mostly cancels.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import numpy as np

N_RESAMPLES = 2000
LEVEL = 0.95
ROWS_AT_ONCE = 512


def bootstrap(
    counts, n_resamples=N_RESAMPLES, level=LEVEL, seed=0, jackknife=True
):
    """Percentile intervals and standard errors of every figure.

    Arguments
    ---------
    counts : object
        Counts kept by clip.
    n_resamples, level, seed : int, float, int
        Number of resamples, share of them within the interval, and seed.
    jackknife : bool
        Whether to leave out each clip in turn for the standard error.

    Returns
    -------
    dict
        figures: for "micro" and "macro" or "value", and for every label a
        dict of value, low, high (percentiles), basic_low, basic_high, bias
        (mean of the resamples minus value), bootstrap_error (deviation over
        resamples), jackknife_error and undefined_resamples (number without
        reference); None where undefined. Also what the counts are and how
        they were drawn.

    Example
    -------
    >>> from types import SimpleNamespace
    >>> counts = SimpleNamespace(
    ...     filenames=[str(n) for n in range(50)],
    ...     n_reference=np.ones((50, 1)),
    ...     definition="share of odd clips",
    ...     computed_by="hand",
    ...     figures=lambda weights: {"micro": weights[:, 1::2].sum(1) / 50},
    ... )
    >>> micro = bootstrap(counts, 500, jackknife=False)["figures"]["micro"]
    >>> micro["value"], 0.3 < micro["low"] < 0.45 < 0.55 < micro["high"] < 0.7
    (0.5, True)
    """
    _check_level(level)
    n_clips = len(counts.filenames)
    drawn = counts.figures(resample_weights(n_clips, n_resamples, seed))
    whole = counts.figures(np.ones((1, n_clips)))
    errors = jackknife_errors(counts) if jackknife else {}
    figures = {}
    for name, values in drawn.items():
        value = _number(whole[name][0])
        low, high = _interval(values, level)
        known = value is not None and low is not None
        figures[name] = {
            "value": value,
            "low": low,
            "high": high,
            "basic_low": 2 * value - high if known else None,
            "basic_high": 2 * value - low if known else None,
            "bias": float(np.nanmean(values) - value) if known else None,
            "bootstrap_error": _deviation(values),
            "jackknife_error": errors.get(name),
            "undefined_resamples": int(np.isnan(values).sum()),
        }
    drawn = {"n_resamples": n_resamples, "level": level, "seed": seed}
    method = "percentile bootstrap over clips"
    return {"figures": figures, **_described(counts, method), **drawn}


def compare(
    first,
    second,
    names=("first", "second"),
    n_resamples=N_RESAMPLES,
    level=LEVEL,
    seed=0,
):
    """Differences of every figure between two systems, second minus first.

    Both are counts of the same kind, clips and reference, by clip in any
    order; other arguments as for `bootstrap`. Returns what it does, but for
    each figure first, second, difference, low, high, bootstrap_error, p_value
    and undefined_resamples; also names.
    """
    _check_level(level)
    order = _check_comparable(first, second, names)
    n_clips = len(first.filenames)
    weights = resample_weights(n_clips, n_resamples, seed)
    ones = np.ones((1, n_clips))
    drawn = first.figures(weights), second.figures(weights[:, order])
    whole = first.figures(ones), second.figures(ones)
    figures = {}
    for name in drawn[0]:
        differences = drawn[1][name] - drawn[0][name]
        values = [figure[name][0] for figure in whole]
        low, high = _interval(differences, level)
        figures[name] = {
            "first": _number(values[0]),
            "second": _number(values[1]),
            "difference": _number(values[1] - values[0]),
            "low": low,
            "high": high,
            "bootstrap_error": _deviation(differences),
            "p_value": p_value(differences),
            "undefined_resamples": int(np.isnan(differences).sum()),
        }
    drawn = {"n_resamples": n_resamples, "level": level, "seed": seed}
    method = "paired percentile bootstrap over clips"
    about = {"names": list(names), **_described(first, method), **drawn}
    return {"figures": figures, **about}


def p_value(differences):
    """Two-sided p-value from the signs of (R,) resampled differences.

    Twice the smaller share of resamples whose difference has one sign, zeros
    counted on both sides; 1 / (R + 1) is the least that R resamples tell.
    NaN are left out; None where no difference is defined.

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


def jackknife_errors(counts):
    """Standard error of each figure from leaving out each clip in turn.

    None where a figure is undefined without some clip, as when a class
    occurs in one clip only.
    """
    n_clips = len(counts.filenames)
    parts = []
    for start in range(0, n_clips, ROWS_AT_ONCE):
        rows = np.arange(start, min(start + ROWS_AT_ONCE, n_clips))
        kept = rows[:, None] != np.arange(n_clips)
        parts.append(counts.figures(kept.astype(np.float64)))
    errors = {}
    for name in parts[0]:
        values = np.concatenate([part[name] for part in parts])
        errors[name] = _number(np.sqrt(values.var() * (n_clips - 1)))
    return errors


def resample_weights(n_clips, n_resamples=N_RESAMPLES, seed=0):
    """How often each of N clips is drawn in each of R resamples: (R, N).

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


def _check_comparable(first, second, names):
    """(N,) position in `first` of each clip of `second`, or an error."""
    lonely = [
        f"{len(clips)} only in {name}: {sorted(clips)[:20]}"
        for name, one, other in zip(
            names, (first, second), (second, first), strict=True
        )
        if (clips := set(one.filenames) - set(other.filenames))
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


def _check_level(level):
    """Refuse percents."""
    if not 0 < level < 1:
        raise ValueError(f"level {level}: expected a share such as 0.95")


def _described(counts, method):
    """What is said of counts and method beside every interval."""
    return {
        "definition": counts.definition,
        "computed_by": counts.computed_by,
        "n_classes": int((counts.n_reference.sum(axis=0) > 0).sum()),
        "n_clips": len(counts.filenames),
        "method": method,
    }


def _interval(values, level):
    """Ends of the middle share of figures, None where all are NaN."""
    values = values[~np.isnan(values)]
    if not len(values):
        return None, None
    ends = np.percentile(values, [50 - 50 * level, 50 + 50 * level])
    return float(ends[0]), float(ends[1])


def _deviation(values):
    """Standard deviation, None where fewer than two figures are defined."""
    values = values[~np.isnan(values)]
    return float(values.std(ddof=1)) if len(values) > 1 else None


def _number(value):
    """A float, or None for NaN."""
    return None if np.isnan(value) else float(value)
