"""The average of the scores of several systems."""

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speechbrain_mmsed.postprocessing.ensembles import (
    average_scores,
    mean_scores,
)
from speechbrain_mmsed.postprocessing.scores import ClipScores
from speechbrain_mmsed.problems import PredictionError


def make_scores(seed, n_clips=3, n_frames=4):
    rng = np.random.default_rng(seed)
    return ClipScores(
        [f"{n}.wav" for n in range(n_clips)],
        np.full(n_clips, 2.0),
        ["Dog", "Cat"],
        rng.random((n_clips, 2)),
        rng.random((n_clips, n_frames, 2)),
        rng.random(n_clips) > 0.5,
        0.5,
    )


def slow_mean(values, average):
    if average == "probability":
        return sum(values) / len(values)
    odds = [min(max(v, 1e-4), 1 - 1e-4) for v in values]
    mean = sum(math.log(v / (1 - v)) for v in odds) / len(values)
    return math.exp(mean) / (1 + math.exp(mean))


@settings(deadline=None, max_examples=30)
@given(
    st.sampled_from(["probability", "log-odds"]),
    st.lists(st.integers(0, 10**6), min_size=2, max_size=5),
    st.integers(1, 4),
    st.integers(1, 5),
)
def test_every_score_is_the_mean_of_the_members(
    average, seeds, n_clips, n_frames
):
    members = [make_scores(seed, n_clips, n_frames) for seed in seeds]
    averaged = average_scores(dict(enumerate(members)), average)
    for n in range(n_clips):
        video = any(member.has_video[n] for member in members)
        assert averaged.has_video[n] == video
        for c in range(2):
            expected = slow_mean([m.clip[n, c] for m in members], average)
            assert averaged.clip[n, c] == pytest.approx(expected, abs=1e-6)
            for t in range(n_frames):
                values = [float(m.frame[n, t, c]) for m in members]
                expected = slow_mean(values, average)
                found = averaged.frame[n, t, c]
                assert found == pytest.approx(expected, abs=1e-6)
    backwards = average_scores(dict(enumerate(members[::-1])), average)
    np.testing.assert_allclose(backwards.frame, averaged.frame, atol=1e-6)
    assert averaged.filenames == members[0].filenames


def test_certain_scores_stay_finite_and_near_to_themselves():
    zeros, ones = np.zeros(3), np.ones(3)
    for value, parts in (
        (0, [zeros] * 2),
        (1, [ones] * 2),
        (0.5, [zeros, ones]),
    ):
        found = mean_scores(parts, "log-odds")
        np.testing.assert_allclose(found, value, atol=1.1e-4)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"labels": ["Dog", "Cow"]}, ["classes ['Dog', 'Cow']", "'Cat']"]),
        (
            {"filenames": ["0.wav", "1.wav", "x.wav"]},
            ["clips 3 (x.wav and others)", "has 3 (2.wav and others)"],
        ),
        (
            {"filenames": ["1.wav", "0.wav", "2.wav"]},
            ["clips 3 (1.wav and others)", "has 3 (0.wav and others)"],
        ),
        ({"frame": np.zeros((3, 5, 2))}, ["frames in a clip: 5", "has 4"]),
        ({"frame_hop": 0.25}, ["seconds of a frame: 0.25", "has 0.5"]),
    ],
)
def test_members_that_do_not_fit_are_told_with_both_values(change, told):
    one = make_scores(0)
    other = dataclasses.replace(make_scores(1), **change)
    with pytest.raises(PredictionError) as caught:
        average_scores({"one.npz": one, "other.npz": other})
    message = str(caught.value)
    assert message.startswith("other.npz: ")
    assert "where one.npz has" in message
    assert len(message.splitlines()) == 1
    assert [text for text in told if text not in message] == []
