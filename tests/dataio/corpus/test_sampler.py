"""Batches with a fixed share of each subset."""

import collections
import functools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speechbrain_mmsed.dataio.corpus.sampler import SubsetBatchSampler


def batches(sampler, epochs):
    found = []
    for epoch in range(1, epochs + 1):
        sampler.set_epoch(epoch)
        found += list(sampler)
    return found


@settings(deadline=None, max_examples=30)
@given(
    sizes=st.lists(st.integers(1, 12), min_size=3, max_size=3),
    shares=st.lists(st.integers(1, 5), min_size=3, max_size=3),
    length=st.integers(1, 6),
)
def test_every_pass_sees_every_clip_once(sizes, shares, length):
    sampler = SubsetBatchSampler(sizes, shares, length, seed=3)
    found = batches(sampler, epochs=4)
    assert len(found) == 4 * length == 4 * len(sampler)
    for subset, (size, share) in enumerate(zip(sizes, shares, strict=True)):
        first, begin = sum(sizes[:subset]), sum(shares[:subset])
        drawn = [i for b in found for i in b[begin : begin + share]]
        assert all(first <= index < first + size for index in drawn)
        for start in range(0, len(drawn) - size + 1, size):
            assert len(set(drawn[start : start + size])) == size


def test_epochs_differ_and_seeds_repeat():
    make = functools.partial(SubsetBatchSampler, [50, 20], [4, 2], 5)
    first = batches(make(1), 2)
    assert first[:5] != first[5:]
    assert first == batches(make(1), 2)
    assert first != batches(make(2), 2)


@pytest.mark.parametrize("n_processes", [1, 2, 4])
def test_processes_divide_the_batches_of_one(n_processes):
    settings = [9, 5], [8, 4], 3, 7
    whole = batches(SubsetBatchSampler(*settings), 2)
    parts = [
        batches(SubsetBatchSampler(*settings, (rank, n_processes)), 2)
        for rank in range(n_processes)
    ]
    for step, batch in enumerate(whole):
        here = [part[step] for part in parts]
        assert sorted(sum(here, [])) == sorted(batch)
        for ours in here:
            of_first = sum(index < 9 for index in ours)
            assert (of_first, len(ours)) == (
                8 // n_processes,
                12 // n_processes,
            )


def test_batches_that_cannot_be_divided_are_refused():
    with pytest.raises(ValueError, match="8, 3.* divided by 2 processes"):
        SubsetBatchSampler([9, 5], [8, 3], 3, 7, (0, 2))


def test_resumed_epoch_equals_uninterrupted_one():
    whole = batches(SubsetBatchSampler([7, 3], [2, 2], 4, 0), 3)
    resumed = SubsetBatchSampler([7, 3], [2, 2], 4, 0)
    resumed.set_epoch(3)
    assert list(resumed) == whole[8:]


def test_shuffles_anew_when_a_subset_runs_out():
    sampler = SubsetBatchSampler([30], [30], 2, seed=0)
    first, second = list(sampler)
    assert sorted(first) == sorted(second) == list(range(30))
    assert first != second


def test_paper_sized_epoch():
    sampler = SubsetBatchSampler([2584, 1578, 14412], [32, 32, 64], 250, 0)
    counts = collections.Counter(len(batch) for batch in sampler)
    assert counts == {128: 250}


@pytest.mark.parametrize(
    ("sizes", "shares", "expected"),
    [
        ([0, 3], [1, 1], "Subset 0 has 0 clips"),
        ([2, 3], [0, 0], "nothing to train on"),
        ([2, 3], [1], "2 subsets but 1 batch"),
        ([2, 3], [1, -1], "Subset 1"),
    ],
)
def test_impossible_requests_are_errors(sizes, shares, expected):
    with pytest.raises(ValueError, match=expected):
        SubsetBatchSampler(sizes, shares, 3, 0)
