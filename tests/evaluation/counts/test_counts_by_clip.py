"""Counts kept by clip against sed_eval run on one clip."""

import numpy as np
import pandas as pd
import pytest

from speechbrain_mmsed.evaluation.counts.counts_by_clip import (
    clip_counts,
    event_counts,
    segment_counts,
)
from speechbrain_mmsed.evaluation.metrics.f1 import (
    clip_f1,
    event_f1,
    segment_f1,
)
from speechbrain_mmsed.evaluation.metrics.truth import GroundTruth
from speechbrain_mmsed.postprocessing.decode import EVENT_COLUMNS

LABELS = ["Dog", "Cat", "Cow"]


def draw(rng, labels, n_clips=8):
    rows = []
    for n in range(n_clips):
        for label in labels:
            times = np.sort(rng.choice(40, 2 * rng.integers(0, 4), False)) / 4
            rows += [
                [f"{n}.wav", on, off, label]
                for on, off in zip(times[::2], times[1::2], strict=True)
            ]
    return rows


@pytest.fixture(scope="module")
def corpus():
    """Predictions near the truth; Cow never occurs, clip 8 is silent."""
    rng = np.random.default_rng(2)
    rows = draw(rng, LABELS[:2])
    near = [
        [name, on, off + rng.choice([0.0, 0.1, 0.9]), label]
        for name, on, off, label in rows
        if rng.random() < 0.7
    ]
    durations = {f"{n}.wav": 10.0 for n in range(9)}
    truth = GroundTruth(
        pd.DataFrame(rows, columns=EVENT_COLUMNS), durations, LABELS
    )
    events = pd.DataFrame(near + draw(rng, ["Cow"]), columns=EVENT_COLUMNS)
    return events, truth


@pytest.mark.parametrize(
    ("by_clip", "whole"),
    [
        (clip_counts, clip_f1),
        (segment_counts, segment_f1),
        (event_counts, event_f1),
    ],
)
def test_each_clips_counts_are_those_of_that_clip(by_clip, whole, corpus):
    events, truth = corpus
    counts = by_clip(events, truth)
    for n, name in enumerate(counts.filenames):
        alone = whole(events[events["filename"] == name], truth.subset([name]))
        for c, label in enumerate(LABELS):
            expected = alone["class_wise"][label]
            assert counts.tp[n, c] == expected["tp"]
            assert counts.nsys[n, c] == expected["nsys"]
            assert counts.n_reference[n, c] == expected["nref"]
    assert counts.tp.sum() > 3
    together, result = whole(events, truth), counts.result()
    assert {k: result[k] for k in together} == together
    assert result["n_classes"] == 2


def test_a_label_given_twice_counts_once(corpus):
    _, truth = corpus
    tags = pd.DataFrame(
        [["0.wav", "Cow"], ["0.wav", "Cow"]],
        columns=["filename", "event_label"],
    )
    assert clip_counts(tags, truth).nsys.sum() == 1


def test_events_without_times_are_refused(corpus):
    events, truth = corpus
    with pytest.raises(ValueError, match="no column"):
        event_counts(events[["filename", "event_label"]], truth)
