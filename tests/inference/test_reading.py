"""Recordings that are read ahead: bounded, in order, and never stuck.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import functools
import threading
import time

import pytest

from speechbrain_mmsed.inference import reading
from speechbrain_mmsed.inference.reading import End, Readers

TIMEOUT = 30


class Sources:
    """Recordings of given lengths that count what they gave."""

    def __init__(self, lengths, failing=(), pause=0.0):
        self.lengths, self.failing, self.pause = lengths, failing, pause
        self.given = [0] * len(lengths)

    def __call__(self):
        return [functools.partial(self.read, i) for i in range(len(self.given))]

    def read(self, number):
        for i in range(self.lengths[number]):
            time.sleep(self.pause)
            self.given[number] += 1
            yield number, i
        if number in self.failing:
            raise ValueError(f"{number} is broken")
        yield End(float(self.lengths[number]))


def in_time(function):
    """What a function returns, or a failure if it does not."""
    found = []
    thread = threading.Thread(
        target=lambda: found.append(function()), daemon=True
    )
    thread.start()
    thread.join(TIMEOUT)
    assert not thread.is_alive(), "it waits for ever"
    assert found, "it raised"
    return found[0]


def read_all(sources, n_threads):
    with Readers(sources(), n_threads) as readers:
        return [list(items) for items in readers]


@pytest.mark.parametrize("n_threads", [1, 2, 8])
@pytest.mark.parametrize(
    "lengths",
    [
        [1] * 1000,
        [0] * 300,
        [7] * 100,
        [1] * 50 + [500] + [1] * 150,
        [500, 1, 500, 0, 500, 20, 20, 20, 20, 20, 20],
        [17, 16, 15, 64, 65, 63, 1] * 20,
    ],
    ids=["short", "empty", "medium", "one long", "long", "mixed"],
)
def test_all_items_come_in_their_order(lengths, n_threads):
    found = in_time(lambda: read_all(Sources(lengths), n_threads))
    assert [items[:-1] for items in found] == [
        [(number, i) for i in range(length)]
        for number, length in enumerate(lengths)
    ]
    assert [items[-1].duration for items in found] == lengths


@pytest.mark.parametrize("n_threads", [1, 2, 8])
def test_what_fails_ends_alone(n_threads):
    lengths, failing = [3, 100, 0, 40] * 20, {0, 1, 17, 62, 79}
    found = in_time(lambda: read_all(Sources(lengths, failing), n_threads))
    assert [len(items) - 1 for items in found] == lengths
    for number, items in enumerate(found):
        assert (items[-1].error is not None) == (number in failing)


@pytest.mark.parametrize("n_threads", [1, 2, 8])
@pytest.mark.parametrize("taken", [0, 1, 30])
def test_who_stops_early_is_not_held(n_threads, taken):
    sources = Sources([50] * 200)

    def stop():
        with Readers(sources(), n_threads) as readers:
            for _, items in zip(range(taken), readers, strict=False):
                next(items)  # the rest of this one is not wanted, either
        return True

    assert in_time(stop)
    assert sum(sources.given) < 200 * 50 / 2


@pytest.mark.parametrize("n_threads", [2, 8])
def test_what_waits_is_bounded(n_threads):
    lengths = [10] * 200
    sources = Sources(lengths)
    most = 0

    def watch():
        nonlocal most
        taken = 0
        with Readers(sources(), n_threads) as readers:
            for number, items in enumerate(readers):
                if number % 50 == 1:
                    time.sleep(0.2)  # the readers read what they may
                for _ in items:
                    taken += 1
                    most = max(most, sum(sources.given) - taken)
        return True

    assert in_time(watch)
    # One more in the hands of each thread.
    bound = reading.ITEMS_AHEAD + reading.QUEUE_LENGTH + n_threads
    assert most <= bound
    assert most > reading.ITEMS_AHEAD / 2
