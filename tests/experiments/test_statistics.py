"""Statistics over seeds and clips against scipy and plain loops."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sweep.statistics import (
    Difference,
    clip_interval,
    difference,
    mean_and_deviation,
    welch_interval,
)
from sweep.tables import _shown_difference

figures = st.lists(
    st.floats(0, 1, allow_subnormal=False).map(lambda x: round(x, 4)),
    min_size=2,
    max_size=20,
)


@pytest.mark.filterwarnings("ignore:Precision loss")
@given(figures, figures)
@settings(max_examples=60, deadline=None)
def test_welch_interval_equals_scipys(first, second):
    if np.std(first) == 0 and np.std(second) == 0:
        assert len(set(welch_interval(first, second))) == 1
        return
    test = stats.ttest_ind(second, first, equal_var=False)
    expected = test.confidence_interval(0.95)
    assert welch_interval(first, second) == pytest.approx(tuple(expected))


def test_one_seed_has_no_deviation_and_no_interval():
    assert mean_and_deviation([0.5]) == (0.5, None)
    assert mean_and_deviation([]) == (None, None)
    assert welch_interval([0.5], [0.6, 0.7]) is None
    found = difference([0.5], [0.7])
    assert found.value == pytest.approx(0.2)
    assert found.seeds is None and found.clips is None and not found.star
    assert difference([], [0.5]) is None


@pytest.mark.parametrize(("n", "star"), [(5, False), (6, True)])
def test_no_star_below_six_seeds(n, star):
    first = [0.50 + 0.001 * i for i in range(n)]
    second = [0.60 + 0.001 * i for i in range(n)]
    assert difference(first, second).star is star
    assert difference(first, second[:2] + second[2:]).seeds[0] > 0


def test_no_star_where_zero_is_inside():
    first = [0.1, 0.9, 0.2, 0.8, 0.3, 0.7, 0.5]
    assert not difference(first, first[::-1]).star


def test_interval_over_clips_is_paired_and_averages_seeds():
    rng = np.random.default_rng(1)
    hard = rng.normal(0.5, 0.2, 2000)  # what both systems share
    first = [hard + rng.normal(0, 0.01, 2000) for _ in range(3)]
    second = [hard + 0.05 + rng.normal(0, 0.01, 2000) for _ in range(2)]
    low, high = clip_interval(first, second)
    assert 0.02 < low < 0.05 < high < 0.08
    # The slow way: each resample by itself.
    slow = [
        sum(s[r] for s in second) / 2 - sum(s[r] for s in first) / 3
        for r in range(2000)
    ]
    assert (low, high) == pytest.approx(tuple(np.percentile(slow, [2.5, 97.5])))
    assert clip_interval([], second) is None


def test_a_difference_is_shown_with_its_star_and_both_intervals():
    found = Difference(0.02, (0.01, 0.03), None, True)
    assert _shown_difference("ebf1", found) == "+2.00* [1.00, 3.00] [-]"
    assert _shown_difference("psds1", Difference(-0.02)) == "-0.0200 [-] [-]"
    assert _shown_difference("ebf1", None) == "-"
