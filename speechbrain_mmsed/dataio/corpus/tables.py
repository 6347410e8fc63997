"""Annotation tables on disk: one row per event or per clip.

Stricter than a general reader: it keeps the line numbers for error messages,
counts the empty rows, and stops at anything that it does not understand.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import math
import re

import pandas as pd

from speechbrain_mmsed.dataio.corpus.matching import clip_key
from speechbrain_mmsed.dataio.corpus.text_tables import (
    AnnotationError,
    read_text_table,
)
from speechbrain_mmsed.files import atomic_path

EVENT_COLUMNS = ["filename", "onset", "offset", "event_label"]
TAG_COLUMNS = ["filename", "event_labels"]
# What programs write into a cell that holds nothing, in lower case.
NOTHING = ("", "nan", "na", "n/a", "<na>", "none", "null")


def read_event_table(path):
    """Reads a table of filename, onset, offset, event_label.

    A clip without events has one row with the last three cells empty; other
    columns are ignored. The index of the result holds the line of the file,
    its `attrs` "path" and "empty_rows" (rows without any content, which are
    left out). Empty cells are NaN or None. What is no such table is an
    AnnotationError with file and line.
    """
    cells = without_nothing(_read_named(path, EVENT_COLUMNS))
    rows = [
        (
            name,
            _seconds(onset, "onset", path, line),
            _seconds(offset, "offset", path, line),
            label or None,
        )
        for line, name, onset, offset, label in cells.itertuples(name=None)
    ]
    table = pd.DataFrame(rows, cells.index, EVENT_COLUMNS, object)
    table.attrs = cells.attrs
    return table.astype({"onset": float, "offset": float})


def read_durations(path):
    """File name -> seconds, of a table of filename and duration."""
    table, found = _read_named(path, ["filename", "duration"]), {}
    for line, name, cell in table.itertuples(name=None):
        if name in found:
            raise AnnotationError(f"{path}, line {line}: {name} appears twice.")
        found[name] = _seconds(cell, "duration", path, line)
    return found


def without_nothing(table):
    """Texts of events in which clips without any have three empty cells.

    Programs write NaN there. A class may be called so, but has times.
    """
    cells = table[EVENT_COLUMNS[1:]]
    nothing = cells.apply(lambda c: c.str.lower().isin(NOTHING)).all(axis=1)
    table.loc[nothing, EVENT_COLUMNS[1:]] = ""
    return table


def read_tag_table(path, with_tags=True, labels=()):
    """As `read_event_table`, of a table of clips with their tags, or without.

    Columns filename and event_labels; in the file the labels are separated by
    commas, semicolons or bars, in the result they are a list of str. Where
    class `labels` hold a separator, the longest that fits is taken. Without
    tags only filename is needed and read.
    """
    table = _read_named(path, TAG_COLUMNS if with_tags else TAG_COLUMNS[:1])
    cells = table["event_labels"] if with_tags else [""] * len(table)
    known = {tuple(_parts(label)): label for label in labels}
    table["event_labels"] = pd.Series(
        [_split_labels(cell, known) for cell in cells], table.index, object
    )
    return table


def _read_named(path, columns):
    """As `read_text_table`, but each row must have a filename."""
    table = read_text_table(path, columns)
    for line, *cells in table[table["filename"] == ""].itertuples(name=None):
        raise AnnotationError(
            f"{path}, line {line}: no filename beside {cells}. Fill it in or "
            "delete the row."
        )
    return table


def _split_labels(cell, known):
    """Labels in a cell; `known` maps the parts of class labels to them."""
    rest, found = _parts(cell), []
    if cell.lower() in NOTHING and tuple(rest) not in known:
        return []
    while rest:
        sizes = range(len(rest), 0, -1)
        size = next((n for n in sizes if tuple(rest[:n]) in known), 1)
        found.append(known.get(tuple(rest[:size]), rest[0]))
        rest = rest[size:]
    return found


def _parts(text):
    """What stands between the separators of labels."""
    parts = (part.strip(' "') for part in re.split("[,;|]", text))
    return [part for part in parts if part]


def write_table(frame, path):
    """Writes a DataFrame, tab-separated; missing values as empty cells."""
    with atomic_path(path) as name:
        frame.to_csv(name, sep="\t", index=False, lineterminator="\n")


def read_clips(path, kind, labels, unknown="error"):
    """Reads a table of "events", of "tags" or, kind "none", of names.

    Stops with an AnnotationError at unknown labels (see `check_labels`) and
    where two names stand for one clip.
    """
    if kind == "events":
        table = read_event_table(path)
        given = table["event_label"].map(lambda label: [label] if label else [])
    elif kind in ("tags", "none"):
        table = read_tag_table(path, kind == "tags", labels)
        given = table["event_labels"]
    else:
        raise ValueError(f"labels is {kind!r}, expected events, tags or none.")
    check_labels(given, labels, path, unknown)
    names = {}
    for line, filename in table["filename"].items():
        other = names.setdefault(clip_key(filename), filename)
        if other != filename:
            raise AnnotationError(
                f"{path}, line {line}: {filename} is the same clip as {other}. "
                "Keep one name for it."
            )
    return table


def check_labels(given, labels, path, unknown="error"):
    """Number of labels that are not among the class labels.

    `given` is a series of lists, indexed by the line of the file `path`.
    With unknown "error" any such label is an AnnotationError that lists
    them; with "drop" they are only counted.
    """
    if unknown not in ("error", "drop"):
        raise ValueError(f"unknown is {unknown!r}, expected 'error' or 'drop'.")
    strange = [
        f"  line {line}: {label!r}"
        for line, row in given.items()
        for label in row
        if label not in labels
    ]
    if strange and unknown == "error":
        more = [f"  and {len(strange) - 20} more"] * (len(strange) > 20)
        raise AnnotationError(
            f"{path}: {len(strange)} labels are not among the class labels "
            f"{list(labels)}:\n" + "\n".join(strange[:20] + more) + "\n"
            "Correct the table or class_labels, or set unknown_labels to "
            "'drop'."
        )
    return len(strange)


def _seconds(cell, column, path, line):
    """A cell's time; NaN for an empty cell."""
    if not cell:
        return math.nan
    try:  # float() takes 1_5 for 15
        seconds = float(cell.replace(",", ".").replace("_", "?"))
    except ValueError:
        seconds = math.nan
    if not math.isfinite(seconds):
        raise AnnotationError(
            f"{path}, line {line}: {column} is {cell!r}, expected a time in "
            "seconds such as 3.250."
        )
    return seconds
