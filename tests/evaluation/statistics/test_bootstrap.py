"""Intervals where theory says what they must be, and what they cost."""

import time

import numpy as np
import pytest

from speechbrain_mmsed.evaluation.counts.counts import Counts
from speechbrain_mmsed.evaluation.statistics.bootstrap import (
    bootstrap,
    resample_weights,
)


def test_intervals_and_errors_of_a_mean():
    """The micro recall of one label a clip is a mean: theory is known."""
    n = 400
    rng = np.random.default_rng(1)
    ones = np.ones((n, 1), dtype=int)
    tp = (rng.random((n, 1)) < 0.7).astype(int)
    names = [str(i) for i in range(n)]
    counts = Counts(names, ["Dog"], tp, ones, ones, "d", "c")
    result = bootstrap(counts, 4000, level=0.9, seed=5)
    micro = result["figures"]["micro"]
    error = np.sqrt(tp.var() / n)
    assert micro["value"] == pytest.approx(tp.mean())
    assert micro["jackknife_error"] == pytest.approx(
        error * np.sqrt(n / (n - 1))
    )
    assert micro["bootstrap_error"] == pytest.approx(error, rel=0.05)
    assert micro["low"] == pytest.approx(tp.mean() - 1.645 * error, abs=0.004)
    assert micro["high"] == pytest.approx(tp.mean() + 1.645 * error, abs=0.004)
    assert micro["basic_low"] == pytest.approx(
        2 * micro["value"] - micro["high"]
    )
    assert abs(micro["bias"]) < error / 10
    assert (result["n_clips"], result["n_classes"]) == (n, 1)
    assert result["definition"] == "d"


def test_thousands_of_resamples_take_no_time():
    rng = np.random.default_rng(0)
    shape = (1168, 10)
    tp = rng.integers(0, 3, shape)
    counts = Counts(
        [str(n) for n in range(1168)],
        list("abcdefghij"),
        tp,
        tp + rng.integers(0, 2, shape),
        tp + rng.integers(0, 2, shape),
        "",
        "",
    )
    begin = time.perf_counter()
    bootstrap(counts, 2000)
    assert time.perf_counter() - begin < 2


def test_bad_settings_are_refused():
    ones = np.ones((2, 1), dtype=int)
    counts = Counts(["a", "b"], ["Dog"], ones, ones, ones, "", "")
    with pytest.raises(ValueError, match=r"level 95.*0\.95"):
        bootstrap(counts, 10, level=95)
    with pytest.raises(ValueError, match="at least 2 clips"):
        resample_weights(1, 10)
