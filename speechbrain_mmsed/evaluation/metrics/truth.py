"""Ground truth of a set of clips, and what predictions must agree on with it.

The official libraries differ in what they let pass: sed_eval counts zero-length
events and psds_eval drops them, psds_eval refuses overlapping events and shifts
its false-positive rate in silence where a clip has no duration. Wrappers around
sed_eval ignore predictions for unknown clips, and itself it ignores unknown
labels. What would make figures differ, or raise them, is refused here.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import os
from dataclasses import dataclass

import numpy as np
import pandas as pd

from speechbrain_mmsed.dataio.corpus import tables
from speechbrain_mmsed.postprocessing.decode import EVENT_COLUMNS


@dataclass
class GroundTruth:
    """Reference events of a set of clips.

    Arguments
    ---------
    events : pandas.DataFrame
        Columns filename, onset, offset (seconds), event_label. A row whose
        three last cells are empty stands for a clip without events. An
        event may reach beyond its clip.
    durations : dict
        Duration in seconds of every clip, by file name. These are the
        clips that are evaluated, with or without events.
    labels : list of str
        C class labels.

    Raises
    ------
    ValueError
        Listing clips without duration, unknown labels, half-empty rows,
        events that are negative, end before they begin or overlap another
        event of the same class.

    Example
    -------
    >>> rows = [["a.wav", 0.0, 1.5, "Dog"], ["b.wav", None, None, None]]
    >>> seconds = {"a.wav": 10.0, "b.wav": 9.0}
    >>> GroundTruth.of_rows(rows, seconds, ["Dog", "Cat"]).events.shape
    (1, 4)
    """

    events: pd.DataFrame
    durations: dict
    labels: list

    def __post_init__(self):
        self.labels = [str(label) for label in self.labels]
        self.durations = {str(k): float(v) for k, v in self.durations.items()}
        missing = [c for c in EVENT_COLUMNS if c not in self.events]
        if missing:
            raise ValueError(
                f"ground truth: columns {list(self.events)}, expected "
                f"{EVENT_COLUMNS}; {missing} are missing"
            )
        events = self.events[EVENT_COLUMNS].reset_index(drop=True)
        absent = ~events["filename"].isin(list(self.durations))
        problem = "have no duration; add them to the table of durations"
        _refuse(absent, events, problem)
        bad = [n for n, d in self.durations.items() if not 0 < d < np.inf]
        if bad:
            raise ValueError(f"ground truth: durations not > 0: {bad[:10]}")
        empty = events[EVENT_COLUMNS[1:]].isna()
        problem = (
            "have rows with some empty cells; a clip without events has one "
            "row with onset, offset and event_label empty"
        )
        _refuse(empty.any(axis=1) & ~empty.all(axis=1), events, problem)
        events = events[~empty.all(axis=1)].reset_index(drop=True)
        events = events.astype({"onset": np.float64, "offset": np.float64})
        strange = ~events["event_label"].isin(self.labels)
        _refuse(strange, events, f"have labels other than {self.labels}")
        problem = "have an onset below 0 or an offset before the onset"
        _refuse(~_proper_times(events), events, problem)
        # The order of evaluation: matching walks through sorted events.
        events = events.sort_values(
            ["filename", "event_label", "onset", "offset"], ignore_index=True
        )
        problem = "have overlapping events of one class; merge them"
        _refuse(overlapping(events), events, problem)
        self.events = events

    @classmethod
    def of_rows(cls, rows, durations, labels):
        """GroundTruth of rows of file name, onset, offset and label."""
        return cls(pd.DataFrame(rows, columns=EVENT_COLUMNS), durations, labels)

    @classmethod
    def load(cls, tsv, durations_tsv, labels):
        """Reads the table of events and that of filename and duration."""
        durations = tables.read_durations(durations_tsv)
        events = tables.read_event_table(tsv)
        try:
            return cls(events, durations, labels)
        except ValueError as error:
            raise tables.AnnotationError(f"{tsv}: {error}") from error

    @classmethod
    def load_subset(cls, folder, subset, labels):
        """Reads `<subset>.tsv` and `<subset>_durations.tsv` of a folder."""
        stem = os.path.join(folder, subset)
        return cls.load(f"{stem}.tsv", f"{stem}_durations.tsv", labels)

    def subset(self, filenames):
        """GroundTruth of some of the clips, given by file name."""
        filenames = list(filenames)
        unknown = sorted(set(filenames) - set(self.durations))
        if unknown:
            raise ValueError(
                f"ground truth: {len(unknown)} clips are not in it: "
                f"{unknown[:10]}"
            )
        return GroundTruth(
            self.events[self.events["filename"].isin(filenames)],
            {name: self.durations[name] for name in filenames},
            self.labels,
        )

    def tags(self, filenames):
        """Which classes occur in each of N clips, (N, C) booleans."""
        pairs = self.events[["filename", "event_label"]]
        pairs = set(pairs.itertuples(index=False, name=None))
        return np.array(
            [[(f, label) in pairs for label in self.labels] for f in filenames],
            dtype=bool,
        ).reshape(len(filenames), len(self.labels))


def overlapping(events):
    """Rows that begin before another event of their clip and class ends."""
    ordered = events.sort_values(["filename", "event_label", "onset", "offset"])
    previous = ordered.groupby(["filename", "event_label"])["offset"].shift()
    return (ordered["onset"] < previous).reindex(events.index)


def check_predictions(predictions, truth):
    """Refuse predictions that the libraries would ignore or misread.

    Clips that are not in the reference, unknown labels, and events without a
    proper onset and offset.
    """
    missing = sorted({"filename", "event_label"} - set(predictions))
    if missing or ("onset" in predictions) != ("offset" in predictions):
        raise ValueError(
            f"predictions have the columns {list(predictions)}, expected "
            "filename and event_label, and for events onset and offset"
        )
    absent = set(predictions["filename"]) - set(truth.durations)
    if absent:
        clips = sorted(map(str, absent))
        raise ValueError(
            f"predictions for {len(clips)} clips that are not in the ground "
            f"truth: {clips[:20]}; evaluate the same clips on both sides"
        )
    unknown = set(predictions["event_label"]) - set(truth.labels)
    if unknown:
        raise ValueError(
            f"predictions with labels {sorted(map(str, unknown))}, the "
            f"ground truth has {truth.labels}"
        )
    if "onset" in predictions:
        good = _proper_times(predictions)
        if not good.all():
            raise ValueError(
                f"{(~good).sum()} predicted events have an onset below 0, an "
                "offset before the onset or none; the first is "
                f"{predictions[~good].iloc[0].to_dict()}"
            )


def check_same_clips(scores, truth):
    """Refuse ClipScores and GroundTruth of different clips or classes."""
    if scores.labels != truth.labels:
        raise ValueError(
            f"scores are for the classes {scores.labels}, the ground truth "
            f"for {truth.labels}; give both the same list"
        )
    extra = sorted(set(scores.filenames) - set(truth.durations))
    absent = sorted(set(truth.durations) - set(scores.filenames))
    if extra or absent:
        raise ValueError(
            f"scores and ground truth differ: {len(extra)} clips have scores "
            f"only: {extra[:20]}; {len(absent)} have ground truth only: "
            f"{absent[:20]}. Take subsets of the same clips"
        )


def _proper_times(events):
    """Rows whose times are those of an event; false where they are NaN."""
    onset = events["onset"].astype(np.float64)
    offset = events["offset"].astype(np.float64)
    return (onset >= 0) & (offset >= onset) & np.isfinite(offset)


def _refuse(rows, events, problem):
    """Raise an error that lists the clips of the marked rows."""
    if rows.any():
        clips = sorted(events["filename"][rows].astype(str).unique())
        first = events[rows].iloc[0].to_dict()
        more = "" if len(clips) <= 20 else f" and {len(clips) - 20} more"
        raise ValueError(
            f"ground truth: {len(clips)} clips {problem}. First row: {first}. "
            f"Clips: {clips[:20]}{more}"
        )
