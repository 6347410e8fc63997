"""Vectors at any times on the network's grid."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speechbrain_mmsed.dataio.media.frames import grid_times
from speechbrain_mmsed.dataio.streams.time_grid import to_grid

# Multiples of 1/8 s: distances are exact, ties are real ties.
TIMES = st.lists(
    st.integers(-8, 120).map(lambda n: n / 8), min_size=2, max_size=12
).map(lambda times: np.array(sorted(set(times))))
GRID = np.arange(0.0625, 10, 0.3125)


def slow_nearest(vectors, times, at):
    """Every vector looked at; the first of the nearest ones."""
    distances = [abs(at - time) for time in times]
    return vectors[distances.index(min(distances))], min(distances)


@settings(deadline=None, max_examples=60)
@given(TIMES.filter(lambda times: len(times) > 1), st.data())
def test_nearest_is_the_nearest(times, data):
    vectors = np.arange(len(times), dtype=np.float32)[:, None]
    spacing = data.draw(st.sampled_from([None, 0.5, 2.0]))
    found, covered = to_grid(vectors, times, GRID, "nearest", spacing)
    if spacing is None:
        spacing = np.median(np.diff(times))
    for k, at in enumerate(GRID):
        vector, distance = slow_nearest(vectors, times, at)
        assert found[k] == vector
        assert covered[k] == (distance <= spacing * (1 + 1e-6))


@settings(deadline=None, max_examples=40)
@given(TIMES.filter(lambda times: len(times) > 1))
def test_linear_is_numpys(times):
    vectors = np.random.default_rng(0).normal(size=(len(times), 3))
    found, covered = to_grid(vectors, times, GRID, "linear")
    for d in range(3):
        expected = np.interp(GRID, times, vectors[:, d])
        np.testing.assert_allclose(found[:, d], expected, atol=1e-5)
    assert (covered == to_grid(vectors, times, GRID)[1]).all()


@pytest.mark.parametrize("method", ["nearest", "linear"])
def test_features_on_the_grid_stay_as_they_are(method):
    grid = grid_times(64, 10.0)
    vectors = np.random.default_rng(0).normal(size=(64, 5)).astype("float32")
    found, covered = to_grid(vectors, grid, grid, method)
    np.testing.assert_allclose(found, vectors, atol=1e-5)
    assert covered.all()


@pytest.mark.parametrize(
    "vectors, times, message",
    [
        (np.ones((0, 3)), [], "no vectors"),
        (np.ones(3), [0, 1, 2], "no vectors"),
        (np.ones((2, 3)), [0, 1, 2], "2 vectors, but times"),
        (np.ones((2, 3)), [1, 1], "ascend"),
        (np.ones((2, 3)), [0, np.nan], "ascend"),
        (np.ones((1, 3)), [0.0], "single vector"),
    ],
)
def test_what_cannot_be_placed(vectors, times, message):
    with pytest.raises(ValueError, match=message):
        to_grid(vectors, times, GRID)
