"""ReLU and dropout in one: rate, values, gradients, layouts."""

import pytest
import torch
from torch.testing import assert_close

from speechbrain_mmsed.nnet.dropout import RectifiedDropout


@pytest.mark.parametrize("rate", [0.1, 0.5])
def test_rate_and_expectation(rate):
    torch.manual_seed(0)
    drop = RectifiedDropout(rate)
    kept = drop.rescale(drop(torch.ones(200_001)))
    assert abs((kept == 0).float().mean().item() - rate) < 0.005
    assert abs(kept.mean().item() - 1) < 0.005


@pytest.mark.parametrize(
    "layout", ["contiguous", "channels_last", "transposed"]
)
def test_values_are_kept_in_place_and_gradients_follow(layout):
    torch.manual_seed(0)
    x = torch.randn(3, 5, 7, 11)
    if layout == "channels_last":
        x = x.contiguous(memory_format=torch.channels_last)
    elif layout == "transposed":
        x = x.transpose(1, 3)
    x.requires_grad_()
    y = RectifiedDropout(0.3)(x)
    kept = y != 0
    assert torch.equal(y[kept], x[kept])
    assert bool((x[kept] > 0).all())
    assert 0.6 < kept[x > 0].float().mean().item() < 0.8
    y.backward(torch.full_like(y, 2.0))
    assert torch.equal(x.grad, 2.0 * kept)


def test_without_dropout_it_is_relu():
    x = torch.randn(100)
    assert torch.equal(RectifiedDropout(0.0)(x), x.relu())
    drop = RectifiedDropout(0.5).eval()
    assert torch.equal(drop(x), x.relu())
    assert torch.equal(drop.rescale(x), x)


def test_seed_repeats_the_choice():
    drop = RectifiedDropout(0.5)
    outputs = []
    for _ in range(2):
        torch.manual_seed(3)
        outputs.append(drop(torch.ones(1000)))
    assert torch.equal(*outputs)
    assert not torch.equal(outputs[0], drop(torch.ones(1000)))


def test_scale_matches_the_rate():
    scale = RectifiedDropout(0.1).rescale(torch.ones(1))
    assert_close(scale, torch.tensor([1 / 0.9]), rtol=1e-4, atol=0)
    with pytest.raises(ValueError, match="dropout is 1.0"):
        RectifiedDropout(1.0)


@pytest.mark.parametrize("training", [True, False])
def test_nan_is_not_hidden(training):
    x = torch.tensor([1.0, float("nan")])
    y = RectifiedDropout(0.5).train(training)(x)
    assert y.isnan().tolist() == [False, True]
