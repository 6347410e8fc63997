"""Event annotations: their checks, and the one place to import them from.

Reading and writing of the tables stands in `dataio/tables.py`, the network's
targets in `dataio/targets.py`; both are offered here too. The checks never
change a figure in silence: each correction is counted under its own name.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import math

import pandas as pd

from speechbrain_mmsed.dataio.corpus.tables import (
    EVENT_COLUMNS,
    AnnotationError,
    read_event_table,
    read_tag_table,
    write_table,
)
from speechbrain_mmsed.dataio.corpus.targets import (
    events_to_frames,
    tags_to_vector,
)

__all__ = [
    "AnnotationError",
    "check_events",
    "check_labels",
    "events_to_frames",
    "read_event_table",
    "read_tag_table",
    "tags_to_vector",
    "write_table",
]

EVENT_CHECKS = (
    "empty_rows",  # rows without any content
    "incomplete",  # some, not all, of onset, offset, label are missing
    "unknown_label",  # dropped, only where that was asked for
    "without_sound",  # rows of clips that have no duration
    "onset_not_before_offset",
    "negative_clipped",
    "negative_dropped",
    "beyond_clipped",
    "beyond_dropped",
    "overlaps_merged",  # events that went into an earlier one
    "clips_without_events",
)


def check_events(table, labels, durations, tolerance=0.5, unknown="error"):
    """Checks events against the class labels and the measured clips.

    Arguments
    ---------
    table : pandas.DataFrame
        As from `read_event_table`.
    labels : list of str
        Class labels.
    durations : dict
        filename -> measured duration in seconds. Rows of other clips are
        left out and counted.
    tolerance : float
        Seconds. An event that leaves its clip by at most this is cut at
        the clip's edge; one that leaves it by more is dropped. Annotations
        of real corpora end up to 0.12 s after the clip.
    unknown : str
        "error": an unknown label raises; "drop": its events are dropped.

    Returns
    -------
    clean : pandas.DataFrame
        filename, onset, offset, event_label: clips in the table's order,
        the events of each by onset; a clip without events has one row
        with empty cells.
    counts : dict
        name of the check (`EVENT_CHECKS`) -> number of events or clips.

    Raises
    ------
    AnnotationError
        Unknown labels, each with file, line and label.

    Example
    -------
    >>> table = pd.DataFrame(
    ...     [["a.wav", 0.0, 2.0, "Dog"], ["a.wav", 1.0, 10.1, "Dog"]],
    ...     columns=EVENT_COLUMNS)
    >>> clean, counts = check_events(table, ["Dog"], {"a.wav": 10.0})
    >>> clean.values.tolist()
    [['a.wav', 0.0, 10.0, 'Dog']]
    >>> counts["beyond_clipped"], counts["overlaps_merged"]
    (1, 1)
    """
    counts = dict.fromkeys(EVENT_CHECKS, 0)
    counts["empty_rows"] = int(table.attrs.get("empty_rows", 0))
    given = table["event_label"].map(lambda x: [] if pd.isna(x) else [x])
    counts["unknown_label"] = check_labels(
        given, labels, table.attrs.get("path", "events"), unknown
    )
    clips = {}
    for name, onset, offset, label in table[EVENT_COLUMNS].itertuples(
        index=False, name=None
    ):
        if name not in durations:
            counts["without_sound"] += 1
            continue
        events = clips.setdefault(name, {})
        missing = [pd.isna(x) for x in (onset, offset, label)]
        if any(missing):
            counts["incomplete"] += not all(missing)
        elif label in labels:
            event = _inside(onset, offset, durations[name], tolerance, counts)
            if event:
                events.setdefault(label, []).append(event)
    rows = []
    for name, events in clips.items():
        merged = []
        for label, spans in events.items():
            kept = merge_overlaps(spans)
            counts["overlaps_merged"] += len(spans) - len(kept)
            merged += [(name, onset, offset, label) for onset, offset in kept]
        counts["clips_without_events"] += not merged
        rows += sorted(merged, key=lambda row: (*row[1:3], row[3])) or [
            (name, math.nan, math.nan, None)
        ]
    return pd.DataFrame(rows, columns=EVENT_COLUMNS), counts


def check_labels(given, labels, path, unknown="error"):
    """Counts or refuses labels that are not among the class labels.

    Arguments
    ---------
    given : pandas.Series
        A list of labels per row; the index holds the line in the file.
    labels : list of str
        Class labels.
    path : str
        The file, for the message.
    unknown : str
        "error" or "drop".

    Returns
    -------
    int
        Number of unknown labels.

    Raises
    ------
    AnnotationError
        With file, line and label of each.
    """
    if unknown not in ("error", "drop"):
        raise ValueError(f"unknown is {unknown!r}, expected 'error' or 'drop'.")
    known = set(labels)
    strange = [
        (line, label)
        for line, row in given.items()
        for label in row
        if label not in known
    ]
    if strange and unknown == "error":
        shown = [f"  line {line}: {label!r}" for line, label in strange[:20]]
        if len(strange) > 20:
            shown.append(f"  and {len(strange) - 20} more")
        raise AnnotationError(
            f"{path}: {len(strange)} labels are not among the class labels "
            f"{list(labels)}:\n" + "\n".join(shown) + "\nCorrect the table or "
            "class_labels, or set unknown_labels to 'drop'."
        )
    return len(strange)


def merge_overlaps(spans):
    """Unites spans that overlap; spans that only touch stay apart.

    Arguments
    ---------
    spans : list of tuple
        (onset, offset) in seconds.

    Returns
    -------
    list of tuple
        Sorted, without overlaps.

    Example
    -------
    >>> merge_overlaps([(2.0, 3.0), (0.0, 1.0), (0.5, 2.0)])
    [(0.0, 2.0), (2.0, 3.0)]
    """
    merged = []
    for onset, offset in sorted(spans):
        if merged and onset < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(offset, merged[-1][1]))
        else:
            merged.append((onset, offset))
    return merged


def _inside(onset, offset, duration, tolerance, counts):
    """The event cut to its clip, or None; counts what was done."""
    if onset >= offset:
        counts["onset_not_before_offset"] += 1
        return None
    if onset < -tolerance or offset <= 0.0:
        counts["negative_dropped"] += 1
        return None
    if offset > duration + tolerance or onset >= duration:
        counts["beyond_dropped"] += 1
        return None
    counts["negative_clipped"] += onset < 0.0
    counts["beyond_clipped"] += offset > duration
    return max(onset, 0.0), min(offset, duration)
