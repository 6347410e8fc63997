"""Runs of frames of all thresholds against those of each threshold."""

import numpy as np
import pytest
from corpora import audible_scores
from hypothesis import given, settings
from hypothesis import strategies as st

from speechbrain_mmsed.postprocessing.decode import decode
from speechbrain_mmsed.postprocessing.runs import distinct_runs
from speechbrain_mmsed.postprocessing.scores import ClipScores

HOP = 0.1565


@settings(deadline=None, max_examples=30)
@given(
    st.lists(
        st.lists(st.sampled_from([0.0, 0.2, 0.5, 0.9]), min_size=7, max_size=7),
        min_size=1,
        max_size=5,
    ),
    st.integers(0, 7),
)
def test_runs_are_those_of_all_thresholds(rows, silent):
    values = np.array(rows)
    values[:, 7 - silent :] = -np.inf
    runs = list(
        zip(*map(np.ndarray.tolist, distinct_runs(values)), strict=True)
    )
    for threshold in (-1.0, 0.0, 0.1, 0.2, 0.4, 0.5, 0.7, 0.9):
        padded = np.pad(values > threshold, ((0, 0), (1, 1))).astype(int)
        change = np.diff(padded, axis=1)
        row, first = np.nonzero(change == 1)
        past = np.nonzero(change == -1)[1]
        alive = sorted(run[:3] for run in runs if run[4] <= threshold < run[3])
        assert alive == sorted(
            zip(row.tolist(), first.tolist(), past.tolist(), strict=True)
        )


@pytest.mark.parametrize("window", [1, 3, 9, 31])
def test_filtered_scores_give_the_events_of_filtered_booleans(window):
    rng = np.random.default_rng(1)
    # Windows longer than the clip, and clips that end before their frames.
    frame = rng.integers(0, 8, (5, 12, 2)) / 7
    scores = ClipScores(
        [f"{i}.wav" for i in range(5)],
        [10.0, 1.2, 1.25, 0.1, 10.0],
        ["Dog", "Cat"],
        frame.max(axis=1),
        frame,
        np.ones(5, bool),
        HOP,
    )
    audible = audible_scores(scores, [window] * 2)
    for threshold in (0.1, 0.43, 0.5):
        table = decode(scores, [threshold] * 2, [window] * 2)
        rows = (audible > threshold).transpose(0, 2, 1)
        onsets = np.diff(np.pad(rows, ((0, 0), (0, 0), (1, 0))).astype(int)) > 0
        n, c, first = np.nonzero(onsets)
        assert table["onset"].tolist() == (first * HOP).tolist()
        assert table["event_label"].tolist() == [scores.labels[i] for i in c]
        assert table["filename"].tolist() == [f"{i}.wav" for i in n]
