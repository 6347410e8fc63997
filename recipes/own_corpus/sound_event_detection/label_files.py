"""Label files of one recording, Audacity's and JAMS.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import json
import math

from speechbrain_mmsed.dataio.corpus.tables import NOTHING
from speechbrain_mmsed.dataio.corpus.text_tables import AnnotationError

JAMS_EVENTS = ("tag_", "scaper", "segment_open", "sound_event")


def audacity_events(path, rows):
    """(where, onset, offset, label) of a label file, of its cells by line."""
    events = []
    for number, cells in rows.items():
        # A line that begins with a backslash holds frequencies.
        if not cells[0].startswith("\\"):
            where = f"{path}, line {number}"
            onset, offset, label = [*cells, "", ""][:3]
            times = read_seconds(onset, where), read_seconds(offset, where)
            events.append((where, *times, label))
    return events


def jams_events(path):
    """(where, onset, offset, label) of all events of a JAMS file."""
    events = []
    try:
        with open(path, encoding="utf-8-sig") as file:
            annotations = json.load(file)["annotations"]
        for annotation in annotations:
            if not annotation["namespace"].startswith(JAMS_EVENTS):
                continue
            data = annotation["data"]
            if isinstance(data, dict):  # columns instead of rows
                if not all(isinstance(part, list) for part in data.values()):
                    raise ValueError(f"{data} are no columns")
                rows = zip(*data.values(), strict=True)
                data = [dict(zip(data, row, strict=True)) for row in rows]
            for number, row in enumerate(data, 1):
                label = row["value"]
                if isinstance(label, dict):
                    if label.get("role") == "background":
                        continue
                    label = label["label"]
                onset = float(row["time"])
                offset = onset + float(row["duration"])
                if not (math.isfinite(offset) and isinstance(label, str)):
                    raise ValueError(f"{row} is no event")
                where = f"{path}, event {number}"
                events.append((where, onset, offset, label))
    except (
        *(OSError, ValueError, KeyError, TypeError, AttributeError),
        RecursionError,
    ) as error:
        raise AnnotationError(
            f"{path}: no JAMS file that can be read "
            f"({type(error).__name__}: {str(error)[:200]})."
        ) from error
    return events


def is_number(cell):
    """Whether a cell holds a number.

    Example
    -------
    >>> is_number("1.5"), is_number("onset"), is_number("nan")
    (True, False, False)
    """
    try:  # float() takes 1_5 for 15
        return "_" not in cell and math.isfinite(float(cell))
    except ValueError:
        return False


def read_seconds(cell, where):
    """A time in seconds; NaN for an empty cell."""
    if cell.lower() in NOTHING:
        return math.nan
    if not is_number(cell):
        raise AnnotationError(
            f"{where}: {cell!r} is no time, expected seconds such as 3.25."
        )
    return float(cell)
