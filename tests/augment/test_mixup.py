"""Mixup of all streams and labels at once."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from speechbrain_mmsed.augment.mixup import Mixup, MixupPlan, mixup_groups


def test_apply_is_the_convex_sum():
    torch.manual_seed(0)
    tensor = torch.randn(4, 3, 2)
    plan = MixupPlan(0.3, torch.tensor([2, 0, 1, 3]))
    slow = torch.stack(
        [0.3 * tensor[i] + 0.7 * tensor[plan.partner[i]] for i in range(4)]
    )
    torch.testing.assert_close(plan.apply(tensor), slow)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.integers(0, 4), min_size=1, max_size=12), st.integers(0, 99))
def test_partners_stay_within_their_group(groups, step):
    groups = torch.tensor(groups)
    plan = Mixup(rate=1.0).draw(groups, seed=(0, 1, step))
    assert sorted(plan.partner.tolist()) == list(range(len(groups)))
    assert torch.equal(groups[plan.partner], groups)
    assert 0.0 <= plan.ratio <= 1.0


def test_groups_are_subset_and_streams():
    available = torch.tensor(
        [[1, 0, 1], [1, 0, 1], [1, 1, 0], [1, 0, 1]], dtype=torch.bool
    )
    groups = mixup_groups(torch.tensor([0, 0, 0, 1]), available).tolist()
    assert groups[0] == groups[1]
    assert len({groups[0], groups[2], groups[3]}) == 3


def test_rate_and_ratio_follow_the_paper():
    groups = torch.zeros(2, dtype=torch.int64)
    draws = [Mixup().draw(groups, seed=(7, 1, step)) for step in range(3000)]
    ratios = [plan.ratio for plan in draws if plan is not None]
    assert len(ratios) / len(draws) == pytest.approx(0.33, abs=0.03)
    # Beta(0.2, 0.2): mean 1/2, variance 1 / (4 (2 * 0.2 + 1))
    assert np.mean(ratios) == pytest.approx(0.5, abs=0.05)
    assert np.var(ratios) == pytest.approx(1 / 5.6, abs=0.02)


def test_same_step_same_plan():
    groups = torch.zeros(8, dtype=torch.int64)
    mixup = Mixup(rate=1.0)
    one, two = (mixup.draw(groups, seed=(1, 2, 3)) for _ in range(2))
    assert one.ratio == two.ratio
    assert torch.equal(one.partner, two.partner)


@pytest.mark.parametrize("settings_", [{"rate": 1.5}, {"alpha": 0.0}])
def test_impossible_settings_are_errors(settings_):
    with pytest.raises(ValueError, match="Mixup"):
        Mixup(**settings_)
