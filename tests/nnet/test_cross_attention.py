"""Fused cross-attention against one clip and one memory at a time."""

import pytest
import torch
from torch.testing import assert_close

from speechbrain_mmsed.nnet.attention import MultiheadAttention
from speechbrain_mmsed.nnet.cross_attention import (
    FusedCrossAttention,
    silence,
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
    fused = cross(query, [*full], WEIGHTS)
    for clip in range(4):
        expected = torch.zeros(5, 8)
        for stream, attention in enumerate(cross.attentions):
            seen = attention(query[clip, None], full[stream, clip, None])[0]
            expected += WEIGHTS[clip, stream] * seen
        assert_close(fused[clip], expected)


def test_weights_keep_their_precision_under_autocast(cross):
    query, memory = torch.randn(2, 5, 8), torch.randn(2, 6, 8)
    weights = torch.tensor([[0.7001, 0.1999, 0.1], [1.0, 0.0, 0.0]])
    with torch.autocast("cpu", torch.bfloat16):
        fused = cross(query, [memory] * 3, weights)
        parts = [seen(query, memory) for seen in cross.attentions]
    assert parts[0].dtype == torch.bfloat16
    expected = sum(
        part.float() * column[:, None, None]
        for part, column in zip(parts, weights.T, strict=True)
    )
    assert_close(fused, expected)


@pytest.mark.parametrize("garbage", [float("nan"), float("inf"), 1e38])
def test_a_silenced_memory_reaches_neither_outputs_nor_gradients(
    cross, garbage
):
    query, used = torch.randn(4, 5, 8), (WEIGHTS > 0).T
    full = torch.randn(3, 4, 6, 8)
    spoilt = full.clone()
    spoilt[~used] = garbage
    found = []
    for memories in (full, spoilt):
        memories = [
            silence(x, has) for x, has in zip(memories, used, strict=False)
        ]
        out = cross(query, memories, WEIGHTS)
        cross.zero_grad()
        out.square().sum().backward()
        found.append([out, *(p.grad.clone() for p in cross.parameters())])
    for clean, same in zip(*found, strict=True):
        assert torch.equal(clean, same)


def test_shapes_are_checked(cross):
    query = torch.randn(4, 5, 8)
    with pytest.raises(ValueError, match=r"expected \(4, 3\): clips by memo"):
        cross(query, [query] * 3, WEIGHTS[:, :2])
    with pytest.raises(ValueError, match="query has 4 clips, memory has 3"):
        cross(query, [query[:3]] * 3, WEIGHTS)
