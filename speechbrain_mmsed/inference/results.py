"""What a detector gives back for a recording: scores, events, tags, errors.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import os
import textwrap
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from speechbrain_mmsed.files import ClearError
from speechbrain_mmsed.postprocessing.box_parameters import has_boxes
from speechbrain_mmsed.postprocessing.boxes import box_table
from speechbrain_mmsed.postprocessing.decode import decode
from speechbrain_mmsed.postprocessing.parameters import ClassParameters
from speechbrain_mmsed.postprocessing.scores import ClipScores

# What is said where tags and events differ.
APART = (
    "tags are of the whole and have thresholds of their own, and only events "
    "are limited in number and duration"
)
# Rows of events have one order everywhere.
ORDER = ["onset", "offset", "event_label", "score"]


class DetectionError(ClearError, ValueError):
    """What cannot be detected in or with; the message says what to do."""


@dataclass
class FileScores:
    """Probabilities of the frames of one recording, or of a part of it.

    Arguments
    ---------
    filename : str
        The recording.
    labels : list of str
        C class labels.
    frame : numpy.ndarray
        (T, C) float32, the frames that begin inside the recording.
    clip : numpy.ndarray
        (C,) float32, tag scores: the largest over the windows of 10 s.
    frame_hop : float
        Seconds between the starts of two frames.
    duration : float
        Seconds of the recording (of a part: where the part ends).
    streams : dict
        Name -> `used`, `partly covered 0.0-6.2 s`, `absent: no video
        track`, ...
    first_frame : int
        Number of the first row; above 0 only for the parts of a stream.
    beyond : numpy.ndarray
        (P, C) float32, frames of the zeros that fill up a recording
        shorter than a window. Only post-processing looks at them: the
        recipe filters its padded clips in the same way.
    remark : str
        What of its sound is lost, empty if nothing is.

    Example
    -------
    >>> scores = FileScores(
    ...     "a.wav", ["Dog"], np.zeros((2, 1)), np.zeros(1), 0.1565, 0.2
    ... )
    >>> scores.times.tolist()
    [[0.0, 0.1565], [0.1565, 0.2]]
    """

    filename: str
    labels: list
    frame: np.ndarray
    clip: np.ndarray
    frame_hop: float
    duration: float
    streams: dict = field(default_factory=dict)
    first_frame: int = 0
    beyond: np.ndarray | None = None
    remark: str = ""

    def __post_init__(self):
        self.frame = np.asarray(self.frame, dtype=np.float32)
        self.clip = np.asarray(self.clip, dtype=np.float32)
        if self.beyond is None:
            self.beyond = np.zeros((0, len(self.labels)), np.float32)

    @property
    def times(self):
        """(T, 2) onset and offset of each frame, in seconds."""
        edges = np.arange(len(self.frame) + 1) + self.first_frame
        edges = np.minimum(edges * self.frame_hop, self.duration)
        return np.stack([edges[:-1], edges[1:]], axis=1)


@dataclass
class Detection:
    """Events and tags of one recording.

    Arguments
    ---------
    events : pandas.DataFrame
        Columns filename, onset, offset (seconds), event_label, score (a box's
        confidence; of a median filter the mean over the event's frames). In
        the order of time, as in every file.
    scores : FileScores
        What they were made of.
    tags : list of (str, float)
        Labels of the whole recording with their scores, highest first.
    parameters : ClassParameters, BoxParameters or None
        What made the events of the scores; None: not known.
    """

    events: pd.DataFrame
    scores: FileScores
    tags: list
    parameters: ClassParameters | None = None

    def __post_init__(self):
        self.events = ordered(self.events)

    def __iter__(self):
        """Yields (onset, offset, event_label, score) by time."""
        return self.events[ORDER].itertuples(index=False, name="Event")

    def to_dataframe(self):
        """The events as a pandas.DataFrame of one's own, a row for each."""
        return self.events.copy()

    def save(self, path, form=None, source=None):
        """Writes the events, whole or not at all.

        Arguments
        ---------
        path : str or pathlib.Path
            Where to.
        form : str or None
            A name of `mmsed detect --format`; None: the one whose files end
            as the path does (.csv, .json, .srt, ...), or a picture (.png,
            .pdf, .svg).
        source : str or pathlib.Path or None
            The recording, which a page plays; None: that of the detection.

        Raises
        ------
        ValueError
            If there is no such format; names those there are.
        """
        from speechbrain_mmsed.inference.formats import write_detection

        if source is None and os.path.isfile(self.scores.filename):
            source = self.scores.filename
        write_detection(self, form, path, source)

    def plot(self, figure=None):
        """Draws scores of each class and events under them.

        Arguments
        ---------
        figure : matplotlib.figure.Figure or None
            Where to, for instance `plt.figure()`; None: a new one.

        Returns
        -------
        matplotlib.figure.Figure
        """
        from speechbrain_mmsed.inference.formats import draw

        return draw(self, figure)

    def __str__(self):
        """The events as a table that fits 80 columns."""
        name = os.path.basename(os.fspath(self.scores.filename))
        lines = [f"{name[-50:]}, {self.scores.duration:.1f} s"]
        lines += [
            f"{e.onset:10.2f} {e.offset:10.2f}  {e.event_label:48.48} "
            f"{e.score:.3f}"
            for e in self
        ]
        tags = ", ".join(f"{label} {score:.2f}" for label, score in self.tags)
        text = f"of the whole: {tags or 'nothing'}"
        lines += textwrap.wrap(text, 80, subsequent_indent="  ")
        lines += textwrap.wrap(explained(self.tags, self.events), 80)
        return "\n".join(lines)


def ordered(events):
    """A table of events of one recording in the order of ORDER."""
    return events.sort_values(ORDER, ignore_index=True, kind="stable")


def explained(tags, events):
    """Why classes are among the tags and not the events; empty if none is."""
    tags, events = dict(tags), set(events["event_label"])
    parts = []
    if alone := [label for label in tags if label not in events]:
        parts.append(f"{', '.join(alone)} without an event")
    if alone := sorted(events.difference(tags)):
        parts.append(f"events of {', '.join(alone)} without a tag")
    return f"({'; '.join(parts)}: {APART})" if parts else ""


def events_of(scores, parameters):
    """The events of FileScores, as in `Detection`.

    By ClassParameters or BoxParameters.
    """
    frame = np.concatenate([scores.frame, scores.beyond])
    clip = ClipScores(
        filenames=[scores.filename],
        durations=[scores.duration],
        labels=scores.labels,
        clip=scores.clip[None],
        frame=frame[None],
        has_video=[False],
        frame_hop=scores.frame_hop,
    )
    if has_boxes(parameters):
        events = box_table(parameters.boxes(clip), parameters.thresholds)
        return ordered(events.rename(columns={"confidence": "score"}))
    events = decode(clip, parameters.thresholds, parameters.windows)
    columns = events["event_label"].map(scores.labels.index)
    first = (events["onset"] / scores.frame_hop).round().astype(int)
    past = np.ceil(events["offset"] / scores.frame_hop - 1e-6).astype(int)
    events["score"] = [
        float(scores.frame[begin:end, column].mean())
        for begin, end, column in zip(first, past, columns, strict=True)
    ]
    return ordered(events)


def tags_of(scores, thresholds):
    """The tags of FileScores above one or (C,) thresholds, highest first."""
    chosen = np.flatnonzero(scores.clip.astype(np.float64) > thresholds)
    tags = [(scores.labels[i], float(scores.clip[i])) for i in chosen]
    return sorted(tags, key=lambda tag: -tag[1])
