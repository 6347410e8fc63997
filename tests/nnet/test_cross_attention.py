"""Fused cross-attention against one clip and one memory at a time."""

import pytest
import torch
from torch.testing import assert_close

from speechbrain_mmsed.nnet.attention import MultiheadAttention
from speechbrain_mmsed.nnet.cross_attention import (
    FusedCrossAttention,
    Memory,
    weigh_memories,
    zero_touch,
)


@pytest.fixture
def cross():
    torch.manual_seed(0)
    sizes = {"n_heads": 2, "d_head": 3, "dropout": 0.0}
    return FusedCrossAttention(
        [MultiheadAttention(8, **sizes) for _ in range(3)]
    )


WEIGHTS = torch.tensor(
    [[1.0, 0.0, 0.0], [0.5, 0.2, 0.3], [0.6, 0.4, 0.0], [0.7, 0.0, 0.3]]
)


def test_sum_equals_loop_over_clips_and_memories(cross):
    query = torch.randn(4, 5, 8)
    full = torch.randn(3, 4, 6, 8)
    rows = torch.tensor([1, 2, 3])
    memories = [Memory(full[0]), Memory(full[1][rows], rows), Memory(full[2])]
    fused = cross(query, weigh_memories(memories, WEIGHTS))
    for clip in range(4):
        expected = torch.zeros(5, 8)
        for stream, attention in enumerate(cross.attentions):
            seen = attention(query[clip, None], full[stream, clip, None])[0]
            expected += WEIGHTS[clip, stream] * seen
        assert_close(fused[clip], expected)


def test_weights_keep_their_precision_under_autocast(cross):
    query, memory = torch.randn(2, 5, 8), torch.randn(2, 6, 8)
    weights = torch.tensor([[0.7001, 0.1999, 0.1], [1.0, 0.0, 0.0]])
    memories = [Memory(memory)] * 3
    with torch.autocast("cpu", torch.bfloat16):
        fused = cross(query, weigh_memories(memories, weights))
        parts = [seen(query, memory) for seen in cross.attentions]
    assert parts[0].dtype == torch.bfloat16
    expected = sum(
        part.float() * column[:, None, None]
        for part, column in zip(parts, weights.T, strict=True)
    )
    assert_close(fused, expected)


def test_zero_touch_gives_zero_gradients_whatever_the_parameters():
    layer = torch.nn.Linear(2, 2)
    with torch.no_grad():
        layer.weight.fill_(float("nan"))
    touch = zero_touch(layer, torch.ones(1))
    assert touch.item() == 0.0
    touch.backward()
    assert torch.equal(layer.weight.grad, torch.zeros(2, 2))


def test_weight_without_memory_is_refused():
    primary = Memory(torch.randn(4, 6, 8))
    some = Memory(torch.randn(2, 6, 8), torch.tensor([1, 2]))
    with pytest.raises(ValueError, match="2 of 4 clips give weight to memo"):
        weigh_memories([primary, some, None], WEIGHTS)
    with pytest.raises(ValueError, match="memory 1.*encode again"):
        weigh_memories(
            [primary, Memory(some.features[:1], torch.tensor([1])), primary],
            WEIGHTS,
        )


def test_shapes_are_checked():
    primary = Memory(torch.randn(4, 6, 8))
    with pytest.raises(ValueError, match="one column per memory"):
        weigh_memories([primary], WEIGHTS)
    for wrong in (None, Memory(torch.randn(3, 6, 8))):
        with pytest.raises(ValueError, match="all 4 clips"):
            weigh_memories([wrong, None, None], WEIGHTS)
