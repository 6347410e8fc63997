"""Fusion weights: where they come from, and scaling over what is there."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.testing import assert_close

from speechbrain_mmsed.nnet.fusion import (
    FixedFusion,
    RandomFusion,
    clip_weights,
    fusion_weights,
    renormalise,
)
from speechbrain_mmsed.nnet.fusion_settings import (
    GatedFusion,
    fusion_from_setting,
    inference_fusion,
    named_weights,
)


def test_remainder_is_split_equally():
    assert_close(fusion_weights(0.75, 2), torch.tensor([0.75, 0.25]))
    assert_close(fusion_weights(0.5, 3), torch.tensor([0.5, 0.25, 0.25]))
    assert fusion_weights(0.25, 1).tolist() == [1.0]
    assert fusion_weights(1.0, 3).tolist() == [1.0, 0.0, 0.0]


def test_random_weights_are_uniform_and_follow_the_generator():
    generator = torch.Generator().manual_seed(5)
    fusion = RandomFusion()
    drawn = torch.stack([fusion.draw(3, generator) for _ in range(2000)])
    assert 0.25 <= drawn[:, 0].min() < 0.26 and 0.99 < drawn[:, 0].max() <= 1
    assert abs(drawn[:, 0].mean() - 0.625) < 0.02
    assert torch.equal(drawn[:, 1], drawn[:, 2])
    assert_close(drawn.sum(1), torch.ones(2000))
    again = fusion.draw(3, torch.Generator().manual_seed(5))
    assert torch.equal(drawn[0], again)


def test_setting_names_a_source():
    random = fusion_from_setting("random")
    assert (random.low, random.high) == (0.25, 1.0)
    for setting in (0.5, "0.5"):
        fusion = fusion_from_setting(setting)
        assert isinstance(fusion, FixedFusion)
        assert fusion.draw(2).tolist() == [0.5, 0.5]


@pytest.mark.parametrize(
    "setting",
    [
        *("rnadom", None, 0, 1.5, -0.2, "nan"),
        {"sound": 1.0},
        {"sound": 0.5, "films": 0.5},
        {"sound": 0.5, "film": 0.6},
        {"sound": 1.1, "film": -0.1},
        {"sound": 0.0, "film": 1.0},
    ],
)
def test_wrong_settings_are_refused(setting):
    with pytest.raises(ValueError, match="above 0 and at most 1"):
        fusion_from_setting(setting, ["film"])


def test_weights_by_name_are_in_the_order_of_the_streams():
    setting = {"yamnet": 0.125, "sound": 0.5, "film": 0.375}
    fusion = fusion_from_setting(setting, ["film", "yamnet"])
    assert fusion.draw(3).tolist() == [0.5, 0.375, 0.125]
    # The short form, written out, is the same bit for bit.
    long = named_weights({"sound": 0.5, "a": 0.25, "b": 0.25}, ["a", "b"])
    assert long == 0.5
    written = fusion_weights((0.5, 0.25, 0.25), 3)
    assert torch.equal(written, fusion_weights(0.5, 3))
    with pytest.raises(ValueError, match="2 fusion weights"):
        fusion_weights((0.5, 0.5), 3)


def test_a_clip_without_a_film_keeps_the_proportions_of_the_rest():
    available = torch.tensor([[True, False, True], [True, True, True]])
    weights = clip_weights(FixedFusion((0.5, 0.375, 0.125)), available)
    assert_close(weights[0], torch.tensor([0.8, 0.0, 0.2]))
    assert weights[1].tolist() == [0.5, 0.375, 0.125]
    assert clip_weights(GatedFusion(), available) is None


def test_no_stream_is_called_as_the_primary_one():
    with pytest.raises(ValueError, match="give it another"):
        fusion_from_setting(0.5, ["sound"])


def test_the_rest_is_divided_uniformly():
    generator = torch.Generator().manual_seed(3)
    fusion = fusion_from_setting("random_split")
    drawn = torch.stack([fusion.draw(3, generator) for _ in range(4000)])
    assert_close(drawn.sum(1), torch.ones(4000))
    assert bool((drawn > 0).all())
    # With two others the share of the first is uniform in [0, 1].
    share = drawn[:, 1] / (1 - drawn[:, 0])
    quantiles = share.quantile(torch.tensor([0.1, 0.5, 0.9]))
    assert_close(quantiles, torch.tensor([0.1, 0.5, 0.9]), atol=0.03, rtol=0)
    # The primary stream's weight is the paper's draw.
    paper = RandomFusion().draw(3, torch.Generator().manual_seed(3))
    assert paper[0] == drawn[0, 0]


def test_inference_has_fixed_weights_unless_there_is_a_gate():
    gated = GatedFusion()
    assert inference_fusion(gated, 0.75) is gated
    fixed = inference_fusion(RandomFusion(), {"sound": 0.25, "a": 0.75}, ["a"])
    assert fixed.draw(2).tolist() == [0.25, 0.75]
    with pytest.raises(ValueError):
        inference_fusion(FixedFusion(0.5), "random")


def test_random_range_is_checked():
    with pytest.raises(ValueError, match="above high"):
        RandomFusion(0.8, 0.5)


weight = st.floats(0.001, 1.0)


@settings(max_examples=50, deadline=None)
@given(
    rows=st.lists(
        st.tuples(weight, weight, weight, st.booleans(), st.booleans()),
        min_size=1,
        max_size=5,
    )
)
def test_renormalised_weights(rows):
    weights = torch.tensor([row[:3] for row in rows])
    available = torch.tensor([(True, *row[3:]) for row in rows])
    scaled = renormalise(weights, available)
    assert bool((scaled[~available] == 0).all())
    for row, given_row, here in zip(scaled, weights, available, strict=True):
        assert_close(row[here], given_row[here] / given_row[here].sum())
        if here.sum() == 1:
            assert row[0].item() == 1.0


def test_one_row_of_half_precision_serves_all_clips():
    available = torch.tensor([[True, False], [True, True]])
    scaled = renormalise(torch.tensor([0.5, 0.5]).bfloat16(), available)
    assert scaled.dtype == torch.float32
    assert scaled.tolist() == [[1.0, 0.0], [0.5, 0.5]]


@pytest.mark.parametrize(
    ("weights", "available", "message"),
    [
        ([0.0, 1.0], [[True, True]], "must be above 0"),
        ([[0.0, 1.0]], [[True, False]], "must be above 0"),
        ([1.0, -0.1], [[True, True]], "not negative"),
        ([1.0, float("nan")], [[True, True]], "finite"),
        ([0.5, 0.5], [[False, True]], "must be available"),
        ([1.0], [[True, True]], "expected"),
        ([1.0, 0.0], [[1, 1]], "torch.bool"),
    ],
)
def test_impossible_weights_are_refused(weights, available, message):
    with pytest.raises(ValueError, match=message):
        renormalise(torch.tensor(weights), torch.tensor(available))
