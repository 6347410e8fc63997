"""Attention against torch's, SpeechBrain's and a written-out loop."""

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.testing import assert_close

from speechbrain_mmsed.nnet import attention as attention_file
from speechbrain_mmsed.nnet.attention import (
    MultiheadAttention,
    RelativeMultiheadAttention,
)
from speechbrain_mmsed.nnet.positions import sinusoids


def scramble(module, seed=0):
    """Weights of one size, so that no term hides (biases start at 0)."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.normal_(std=0.3, generator=generator)
    return module.eval()


@pytest.mark.parametrize("itself", [True, False])
def test_equals_torch_attention_on_equal_sizes(itself):
    ours = scramble(MultiheadAttention(12, n_heads=3, d_head=4))
    theirs = torch.nn.MultiheadAttention(12, 3, batch_first=True).eval()
    with torch.no_grad():
        theirs.in_proj_weight.copy_(ours.in_weight)
        theirs.in_proj_bias.copy_(ours.in_bias)
        theirs.out_proj.load_state_dict(ours.out.state_dict())
    query = torch.randn(2, 7, 12)
    memory = query if itself else torch.randn(2, 5, 12)
    expected, _ = theirs(query, memory, memory)
    assert_close(ours(query, memory), expected)


def test_self_attention_in_one_product_equals_three():
    attention = scramble(MultiheadAttention(8, n_heads=3, d_head=5))
    x = torch.randn(2, 6, 8)
    assert_close(attention(x, x), attention(x, x.clone()))


def relative_attention_by_loop(attention, query, memory):
    """Definition of the class' docstring, one pair of frames at a time."""
    heads, size = attention.n_heads, attention.d_head
    weights = attention.in_weight.chunk(3)
    biases = attention.in_bias.chunk(3)
    q, k, v = (
        (x @ w.T + b).unflatten(-1, (heads, size))
        for x, w, b in zip(
            (query, memory, memory), weights, biases, strict=True
        )
    )
    n_queries, n_keys = query.shape[1], memory.shape[1]
    offset = attention.query_offset
    places = {}
    for distance in range(offset - n_keys + 1, offset + n_queries):
        table = sinusoids(torch.tensor([distance]), attention.d_model)
        projected = attention.position.weight @ table[0]
        places[distance] = projected.unflatten(0, (heads, size))
    rows = []
    for i in range(n_queries):
        scores = []
        for j in range(n_keys):
            place = places[i + offset - j]
            content = (q[:, i] + attention.content_bias) * k[:, j]
            position = (q[:, i] + attention.position_bias) * place
            scores.append((content + position).sum(-1) / math.sqrt(size))
        share = torch.stack(scores, dim=1).softmax(dim=1)
        rows.append((share[..., None] * v).sum(dim=1).flatten(1))
    return attention.out(torch.stack(rows, dim=1))


def test_relative_attention_equals_loop_65_against_64():
    attention = scramble(
        RelativeMultiheadAttention(8, n_heads=3, d_head=4, query_offset=-1)
    )
    query, memory = torch.randn(2, 65, 8), torch.randn(2, 64, 8)
    with torch.no_grad():
        expected = relative_attention_by_loop(attention, query, memory)
        assert_close(attention(query, memory), expected)


@settings(max_examples=20, deadline=None)
@given(
    n_queries=st.integers(1, 6),
    n_keys=st.integers(1, 6),
    offset=st.integers(-7, 7),
)
def test_relative_attention_equals_loop(n_queries, n_keys, offset):
    attention = scramble(
        RelativeMultiheadAttention(4, n_heads=2, d_head=3, query_offset=offset)
    )
    query, memory = torch.randn(2, n_queries, 4), torch.randn(2, n_keys, 4)
    with torch.no_grad():
        expected = relative_attention_by_loop(attention, query, memory)
        assert_close(attention(query, memory), expected)


def test_relative_attention_equals_speechbrain_on_equal_lengths():
    from speechbrain.nnet.attention import RelPosMHAXL

    ours = scramble(RelativeMultiheadAttention(12, n_heads=3, d_head=4))
    theirs = RelPosMHAXL(embed_dim=12, num_heads=3).eval()
    # It scales by the width instead of the head's size, and has no biases.
    theirs.scale = 1 / math.sqrt(4)
    with torch.no_grad():
        ours.in_bias.zero_()
        theirs.in_proj_weight.copy_(ours.in_weight)
        theirs.out_proj.load_state_dict(ours.out.state_dict())
        theirs.linear_pos.weight.copy_(ours.position.weight)
        theirs.pos_bias_u.copy_(ours.content_bias.view(4, 3))
        theirs.pos_bias_v.copy_(ours.position_bias.view(4, 3))
        query, key = torch.randn(2, 9, 12), torch.randn(2, 9, 12)
        table = sinusoids(torch.arange(8, -9, -1), 12)
        expected, _ = theirs(query, key, key.clone(), table[None])
        assert_close(ours(query, key), expected)


@pytest.mark.parametrize(
    "build", [MultiheadAttention, RelativeMultiheadAttention]
)
def test_each_parameter_learns_and_dropout_acts_in_training_only(build):
    attention = build(8, n_heads=3, d_head=4, dropout=0.5)
    query, memory = torch.randn(2, 5, 8), torch.randn(2, 4, 8)
    assert not torch.equal(attention(query, memory), attention(query, memory))
    attention.eval()
    assert torch.equal(attention(query, memory), attention(query, memory))
    attention(query, memory).square().sum().backward()
    for name, parameter in attention.named_parameters():
        assert parameter.grad.abs().sum() > 0, name


def test_wrong_shapes_are_named():
    attention = MultiheadAttention(8)
    with pytest.raises(ValueError, match=r"memory has shape \(2, 4, 9\)"):
        attention(torch.randn(2, 5, 8), torch.randn(2, 4, 9))
    with pytest.raises(ValueError, match="query has 2 clips, memory has 3"):
        attention(torch.randn(2, 5, 8), torch.randn(3, 4, 8))
    with pytest.raises(ValueError, match="even width"):
        RelativeMultiheadAttention(7)


@pytest.mark.parametrize(
    "kind", [MultiheadAttention, RelativeMultiheadAttention]
)
@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
def test_heads_one_by_one_equal_torchs_attention(kind, precision, monkeypatch):
    """On a processor in training; with the same dropped, as torch does it."""
    torch.manual_seed(0)
    ours = scramble(kind(8, n_heads=3, d_head=4, dropout=0.3)).train()
    query, memory = torch.randn(2, 5, 8), torch.randn(2, 6, 8)
    lost = torch.rand(3, 2, 5, 6) < 0.3
    rows = iter([*lost, *lost])
    monkeypatch.setattr(attention_file, "dropped", lambda *_: next(rows))

    def slow(queries, keys, values, attn_mask=None, dropout_p=0.0):
        assert dropout_p == 0.3
        scores = queries.double() @ keys.double().transpose(2, 3) / 2
        scores = scores if attn_mask is None else scores + attn_mask.double()
        weights = scores.softmax(-1).masked_fill(lost.transpose(0, 1), 0.0)
        share = 2**16 / (2**16 - round(0.3 * 2**16))
        return (weights * share @ values.double()).to(queries.dtype)

    found, gradients = [], []
    for quick in (True, False):
        monkeypatch.setattr(
            attention_file, "draws_bits", lambda *_, quick=quick: quick
        )
        monkeypatch.setattr(F, "scaled_dot_product_attention", slow)
        ours.zero_grad()
        with torch.autocast("cpu", precision, enabled=precision != torch.float):
            out = ours(query, memory)
        out.float().square().sum().backward()
        found.append(out.float())
        gradients.append([p.grad.clone() for p in ours.parameters()])
    near = {"rtol": 1e-4, "atol": 1e-4}
    if precision == torch.bfloat16:
        near = {"rtol": 0.05, "atol": 0.05 * found[0].abs().max().item()}
    assert_close(*found, **near)
    if precision == torch.float32:
        assert_close(*gradients, **near)
