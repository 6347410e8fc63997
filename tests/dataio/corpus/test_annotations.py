"""Each check of the annotations."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speechbrain_mmsed.dataio.corpus.annotations import (
    _merge_overlaps,
    check_events,
)
from speechbrain_mmsed.dataio.corpus.tables import (
    AnnotationError,
    read_event_table,
)

LABELS = ["Cat", "Dog"]


def table(*rows):
    columns = ["filename", "onset", "offset", "event_label"]
    index = pd.Index(range(2, 2 + len(rows)), name="line")
    return pd.DataFrame(rows, columns=columns, index=index)


def check(*rows, durations=None, **more):
    """Events of the clean table and the counts that are not zero."""
    durations = durations or {"a.wav": 10.0}
    clean, counts = check_events(table(*rows), LABELS, durations, **more)
    events = clean.dropna().values.tolist()
    return events, {name: n for name, n in counts.items() if n}


@pytest.mark.parametrize(
    ("onset", "offset", "kept", "name"),
    [
        (1.0, 2.0, (1.0, 2.0), None),
        (2.0, 2.0, None, "onset_not_before_offset"),
        (3.0, 2.0, None, "onset_not_before_offset"),
        (-0.3, 2.0, (0.0, 2.0), "negative_clipped"),
        (-0.7, 2.0, None, "negative_dropped"),
        (-0.3, -0.1, None, "negative_dropped"),
        (9.0, 10.3, (9.0, 10.0), "beyond_clipped"),
        (9.0, 10.7, None, "beyond_dropped"),
        (10.1, 10.3, None, "beyond_dropped"),
    ],
)
def test_times_are_held_against_the_measured_clip(onset, offset, kept, name):
    events, counts = check(["a.wav", onset, offset, "Dog"])
    assert events == ([["a.wav", *kept, "Dog"]] if kept else [])
    counts.pop("clips_without_events", None)
    assert counts == ({name: 1} if name else {})


def test_the_clip_of_eleven_seconds_keeps_its_events():
    row = ["a.wav", 3.0, 11.0, "Dog"]
    assert check(row, durations={"a.wav": 11.0}) == ([row], {})


def test_overlapping_events_of_one_class_are_merged_and_counted():
    events, counts = check(
        ["a.wav", 0.0, 2.0, "Dog"],
        ["a.wav", 1.0, 3.0, "Dog"],
        ["a.wav", 1.0, 1.5, "Dog"],
        ["a.wav", 3.0, 4.0, "Dog"],  # only touches
        ["a.wav", 1.0, 3.0, "Cat"],  # another class
    )
    assert [e[1:] for e in events] == [
        [0.0, 3.0, "Dog"],
        [1.0, 3.0, "Cat"],
        [3.0, 4.0, "Dog"],
    ]
    assert counts == {"overlaps_merged": 2}


def test_unknown_labels_are_listed_with_file_line_and_label():
    bad = table(["a.wav", 0, 1, "Dog"], ["a.wav", 1, 2, "Doq"])
    bad.attrs["path"] = "some/strong.tsv"
    with pytest.raises(AnnotationError) as caught:
        check_events(bad, LABELS, {"a.wav": 10.0})
    for part in ("some/strong.tsv", "line 3", "'Doq'", "unknown_labels"):
        assert part in str(caught.value)


def test_unknown_labels_can_be_dropped():
    events, counts = check(
        ["a.wav", 0, 1, "Dog"], ["a.wav", 1, 2, "Doq"], unknown="drop"
    )
    assert (len(events), counts) == (1, {"unknown_label": 1})
    with pytest.raises(ValueError, match="'ignore'"):
        check(["a.wav", 0, 1, "Dog"], unknown="ignore")


def test_incomplete_rows_and_clips_without_sound_are_counted():
    events, counts = check(
        ["a.wav", 0, math.nan, "Dog"],
        ["a.wav", 0, 1, None],
        ["gone.wav", 0, 1, "Dog"],
    )
    assert events == []
    assert counts == {
        "incomplete": 2,
        "without_sound": 1,
        "clips_without_events": 1,
    }


def test_a_clip_that_loses_all_events_keeps_a_row():
    nothing = ["b.wav", math.nan, math.nan, None]
    rows = table(["a.wav", 3, 2, "Dog"], nothing)
    clean, counts = check_events(rows, LABELS, {"a.wav": 10.0, "b.wav": 9.0})
    assert clean["filename"].tolist() == ["a.wav", "b.wav"]
    assert clean[["onset", "offset", "event_label"]].isna().all(axis=None)
    assert counts["clips_without_events"] == 2


spans = st.lists(
    st.tuples(st.integers(0, 40), st.integers(1, 10)).map(
        lambda x: (x[0] / 4, (x[0] + x[1]) / 4)
    ),
    max_size=8,
)


@settings(deadline=None, max_examples=60)
@given(spans)
def test_merging_keeps_every_moment_and_leaves_no_overlap(events):
    merged = _merge_overlaps(events)
    assert all(a[1] <= b[0] for a, b in zip(merged, merged[1:], strict=False))
    for moment in np.arange(0, 13, 0.25) + 0.125:
        before = any(a <= moment < b for a, b in events)
        assert before == any(a <= moment < b for a, b in merged)


@pytest.mark.parametrize(
    ("name", "measured", "n_clips", "n_events", "n_clipped"),
    [
        (
            "validation/validation.tsv",
            "psds_reference/validation_durations.tsv",
            1168,
            4224,
            16,
        ),
        (
            "eval/public.tsv",
            "desed_metadata/eval/public_meta.tsv",
            692,
            2765,
            0,
        ),
    ],
)
def test_the_real_events_pass(
    shared_folder, name, measured, n_clips, n_events, n_clipped
):
    events = read_event_table(shared_folder / "desed_metadata" / name)
    labels = sorted(events["event_label"].dropna().unique())
    lengths = pd.read_csv(shared_folder / measured, sep="\t")
    durations = dict(lengths.itertuples(index=False))
    beyond = events["offset"] > events["filename"].map(durations)
    assert beyond.sum() == n_clipped
    clean, counts = check_events(events, labels, durations)
    assert len(labels) == 10
    assert clean["filename"].nunique() == n_clips
    # Nothing is dropped or merged: only the ends of a few events move.
    assert len(clean.dropna()) == n_events
    assert counts.pop("beyond_clipped") == n_clipped
    assert counts.pop("clips_without_events") == len(clean) - n_events
    assert not any(counts.values())
