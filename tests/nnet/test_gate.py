"""Weights from the data: what a gate may see, and what it gives."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.testing import assert_close

from speechbrain_mmsed.nnet.fusion import fusion_weights, renormalise
from speechbrain_mmsed.nnet.gate import FusionGate, gate_from_setting

D = 8


def trained(gate):
    """The same gate with weights as if trained."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in gate.parameters():
            parameter.normal_(generator=generator)
    return gate


def memories_of(available):
    """Memories of all clips, with anything where a stream is missing."""
    generator = torch.Generator().manual_seed(0)
    found = []
    for column in available.T:
        features = torch.randn(len(available), 4, D, generator=generator)
        features[~column] = torch.nan
        found.append(features)
    return found


ROWS = st.lists(
    st.tuples(st.just(True), st.booleans(), st.booleans()),
    min_size=1,
    max_size=4,
)


@settings(max_examples=50, deadline=None)
@given(rows=ROWS)
def test_an_untrained_gate_gives_the_fixed_weights(rows):
    available = torch.tensor(rows)
    start = (0.5, 0.375, 0.125)
    gate = FusionGate(3, D, start)
    fixed = renormalise(fusion_weights(start, 3), available)
    assert_close(gate(memories_of(available), available), fixed)


@settings(max_examples=50, deadline=None)
@given(rows=ROWS)
def test_weights_of_a_trained_gate_are_fusion_weights(rows):
    available = torch.tensor(rows)
    gate = trained(FusionGate(3, D, floor=0.3))
    memories = memories_of(available)
    weights = gate(memories, available)
    assert_close(weights.sum(1), torch.ones(len(rows)))
    assert bool((weights[~available] == 0).all())
    assert bool((weights[:, 0] >= 0.3 - 1e-6).all())
    alone = ~available[:, 1:].any(1)
    assert bool((weights[alone, 0] == 1.0).all())
    assert torch.equal(weights > 0, available)
    # Slowly: each clip by itself, by the formula.
    for i, row in enumerate(available):
        means = torch.zeros(3, D)
        for s, memory in enumerate(memories):
            if row[s]:
                means[s] = memory[i].mean(0)
        hidden = torch.relu(gate.hidden(means.flatten()))
        evidence = gate.output(hidden) * row
        shares = torch.softmax(gate.prior + evidence, 0) * 0.7
        shares[0] += 0.3
        shares = shares * row
        assert_close(weights[i], shares / shares.sum())


def test_a_masked_stream_says_nothing():
    """A stream that was encoded, but is to be ignored, may hold anything."""
    available = torch.tensor([[True, True, True]] * 2)
    gate = trained(FusionGate(3, D))
    memories = memories_of(available)
    masked = torch.tensor([[True, False, True]] * 2)
    expected = gate(memories, masked)
    memories[1].fill_(torch.nan)
    assert torch.equal(gate(memories, masked), expected)


def test_every_parameter_learns():
    available = torch.tensor([[True, True], [True, False]])
    gate = trained(FusionGate(2, D))
    gate(memories_of(available), available)[:, 0].sum().backward()
    assert all(bool(p.grad.any()) for p in gate.parameters())


@pytest.mark.parametrize(
    ("start", "floor"), [(0.25, 0.25), (1.0, 0.25), ((0.5, 0.5), -0.1)]
)
def test_impossible_starts_are_refused(start, floor):
    with pytest.raises(ValueError, match="above"):
        FusionGate(2, D, start, floor)


def test_a_gate_is_built_only_where_it_is_asked_for():
    assert gate_from_setting("random", start=0.5) is None
    assert gate_from_setting({"sound": 0.5, "a": 0.5}, start=0.5) is None
    gate = gate_from_setting("gated", start=0.5)(n_streams=2, d_model=D)
    assert isinstance(gate, FusionGate)
