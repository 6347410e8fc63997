"""Positions: the shift against an index loop, the table's limits."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.testing import assert_close

from speechbrain_mmsed.nnet.positions import (
    LearnablePositions,
    relative_shift,
    sinusoids,
)


@settings(max_examples=25, deadline=None)
@given(n_queries=st.integers(1, 7), n_keys=st.integers(1, 7))
def test_shift_equals_picking_each_distance(n_queries, n_keys):
    columns = list(range(n_queries - 1, -n_keys, -1))
    scores = torch.randn(2, 3, n_queries, len(columns))
    shifted = relative_shift(scores, n_keys)
    assert shifted.shape == (2, 3, n_queries, n_keys)
    for i in range(n_queries):
        for j in range(n_keys):
            expected = scores[..., i, columns.index(i - j)]
            assert torch.equal(shifted[..., i, j], expected)


def test_sinusoids_tell_past_from_future():
    table = sinusoids(torch.tensor([3, -3, 0]), 8)
    assert_close(table[0, :4], -table[1, :4])
    assert_close(table[0, 4:], table[1, 4:])
    assert table[2].tolist() == [0.0] * 4 + [1.0] * 4


def test_positions_are_added_from_the_first_frame_on():
    positions = LearnablePositions(5, 4)
    added = positions(torch.zeros(2, 3, 4))
    assert torch.equal(added[1], positions.table[:3])
    with pytest.raises(ValueError, match=r"\(2, 6, 4\).*most 5 frames"):
        positions(torch.zeros(2, 6, 4))
