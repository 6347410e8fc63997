"""Ground truth of a set of clips, checked once for every metric.

The official libraries differ in what they let pass: sed_eval counts
zero-length events and psds_eval drops them, psds_eval refuses overlapping
events and silently shifts its false-positive rate where a clip has no
duration. What would make figures differ is refused here.

Authors
 * The speechbrain_mmsed authors, 2026
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

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
    >>> events = pd.DataFrame(
    ...     [["a.wav", 0.0, 1.5, "Dog"], ["b.wav", None, None, None]],
    ...     columns=["filename", "onset", "offset", "event_label"],
    ... )
    >>> truth = GroundTruth(
    ...     events, {"a.wav": 10.0, "b.wav": 9.0}, ["Dog", "Cat"]
    ... )
    >>> truth.events.shape, truth.present_labels()
    ((1, 4), ['Dog'])
    """

    events: pd.DataFrame
    durations: dict
    labels: list

    def __post_init__(self):
        self.labels = [str(label) for label in self.labels]
        self.durations = {
            str(name): float(seconds)
            for name, seconds in self.durations.items()
        }
        missing = [c for c in EVENT_COLUMNS if c not in self.events]
        if missing:
            raise ValueError(
                f"ground truth: columns {list(self.events)}, expected "
                f"{EVENT_COLUMNS}; {missing} are missing"
            )
        events = self.events[EVENT_COLUMNS].reset_index(drop=True)
        _refuse(
            ~events["filename"].isin(list(self.durations)),
            events,
            "have no duration; add them to the table of durations",
        )
        bad = [n for n, d in self.durations.items() if not 0 < d < np.inf]
        if bad:
            raise ValueError(f"ground truth: durations not > 0: {bad[:10]}")
        empty = events[EVENT_COLUMNS[1:]].isna()
        _refuse(
            empty.any(axis=1) & ~empty.all(axis=1),
            events,
            "have rows with some empty cells; a clip without events has one "
            "row with onset, offset and event_label empty",
        )
        events = events[~empty.all(axis=1)].reset_index(drop=True)
        events = events.astype({"onset": np.float64, "offset": np.float64})
        _refuse(
            ~events["event_label"].isin(self.labels),
            events,
            f"have labels other than {self.labels}",
        )
        _refuse(
            ~(
                (events["onset"] >= 0)
                & (events["offset"] >= events["onset"])
                & np.isfinite(events["offset"])
            ),
            events,
            "have an onset below 0 or an offset before the onset",
        )
        # The order of evaluation: matching walks through sorted events.
        events = events.sort_values(
            ["filename", "event_label", "onset", "offset"], ignore_index=True
        )
        previous = events.shift()
        same = (events["filename"] == previous["filename"]) & (
            events["event_label"] == previous["event_label"]
        )
        _refuse(
            same & (events["onset"] < previous["offset"]),
            events,
            "have overlapping events of one class; merge them",
        )
        self.events = events

    @classmethod
    def load(cls, tsv, durations_tsv, labels):
        """Read ground truth and durations.

        Arguments
        ---------
        tsv : str or pathlib.Path
            Columns filename, onset, offset, event_label.
        durations_tsv : str or pathlib.Path
            Columns filename, duration.
        labels : list of str
            C class labels.

        Returns
        -------
        GroundTruth
        """
        table = pd.read_csv(durations_tsv, sep="\t")
        if not {"filename", "duration"} <= set(table):
            raise ValueError(
                f"{durations_tsv}: columns {list(table)}, expected filename "
                "and duration, separated by tabs"
            )
        twice = table["filename"][table["filename"].duplicated()]
        if len(twice):
            raise ValueError(
                f"{durations_tsv}: clips appear twice: {list(twice[:10])}"
            )
        durations = dict(zip(table["filename"], table["duration"], strict=True))
        try:
            return cls(pd.read_csv(tsv, sep="\t"), durations, labels)
        except ValueError as error:
            raise ValueError(f"{tsv}: {error}") from error

    def subset(self, filenames):
        """Ground truth of some of the clips.

        Arguments
        ---------
        filenames : iterable of str
            Clips to keep.

        Returns
        -------
        GroundTruth
        """
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

    def present_labels(self):
        """Labels that have at least one event, in the order of `labels`.

        Returns
        -------
        list of str
        """
        present = set(self.events["event_label"])
        return [label for label in self.labels if label in present]

    def tags(self, filenames):
        """Which classes occur in each clip.

        Arguments
        ---------
        filenames : list of str
            N clips.

        Returns
        -------
        numpy.ndarray
            (N, C) booleans.
        """
        pairs = set(
            zip(
                self.events["filename"],
                self.events["event_label"],
                strict=True,
            )
        )
        return np.array(
            [[(f, label) in pairs for label in self.labels] for f in filenames],
            dtype=bool,
        ).reshape(len(filenames), len(self.labels))


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
