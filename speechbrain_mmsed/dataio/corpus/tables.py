"""Annotation tables on disk: tab-separated, one row per event or per clip.

Stricter than a general reader: it keeps the line numbers for error messages,
counts the empty rows, and stops at anything that it does not understand.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import csv
import math

import pandas as pd

from speechbrain_mmsed.dataio.corpus.matching import clip_key
from speechbrain_mmsed.files import atomic_path

EVENT_COLUMNS = ["filename", "onset", "offset", "event_label"]
TAG_COLUMNS = ["filename", "event_labels"]


class AnnotationError(ValueError):
    """Annotations that cannot be used; says where and why."""


def read_event_table(path):
    """Reads a tab-separated table of filename, onset, offset, event_label.

    A clip without events has one row with the last three cells empty; other
    columns are ignored. The index of the result holds the line of the file,
    its `attrs` "path" and "empty_rows" (rows without any content, which are
    left out). Empty cells are NaN or None. What is no such table is an
    AnnotationError with file and line.
    """
    cells = _read_table(path, EVENT_COLUMNS)
    rows = [
        (
            name,
            _seconds(onset, "onset", path, line),
            _seconds(offset, "offset", path, line),
            label or None,
        )
        for line, name, onset, offset, label in cells.itertuples(name=None)
    ]
    table = pd.DataFrame(rows, cells.index, EVENT_COLUMNS)
    table.attrs = cells.attrs
    return table.astype({"onset": float, "offset": float})


def read_tag_table(path, with_tags=True):
    """As `read_event_table`, of a table of clips with their tags, or without.

    Columns filename and event_labels; in the file the labels are separated
    by commas, in the result they are a list of str. Without tags only
    filename is needed and read.
    """
    table = _read_table(path, TAG_COLUMNS if with_tags else TAG_COLUMNS[:1])
    cells = table["event_labels"] if with_tags else [""] * len(table)
    table["event_labels"] = pd.Series(
        [[x.strip() for x in cell.split(",") if x.strip()] for cell in cells],
        table.index,
        object,
    )
    return table


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
        table = read_tag_table(path, with_tags=kind == "tags")
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


def _read_table(path, columns):
    """The wanted columns, as text; see `read_event_table`."""
    lines, rows, n_empty = [], [], 0
    try:
        with open(path, encoding="utf-8-sig", newline="") as handle:
            # Quotes have no meaning here: an id may begin with anything.
            reader = csv.reader(handle, delimiter="\t", quoting=csv.QUOTE_NONE)
            header = [cell.strip() for cell in next(reader, [])]
            missing = [column for column in columns if column not in header]
            if missing:
                hint = ""
                if len(header) == 1 and set(",;") & set(header[0]):
                    hint = " The columns must be separated by tabs."
                raise AnnotationError(
                    f"{path}: columns {header}, expected {columns}; {missing} "
                    f"not found in the first line.{hint}"
                )
            places = [header.index(column) for column in columns]
            for row in reader:
                cells = [cell.strip() for cell in row]
                if not any(cells):
                    n_empty += 1
                    continue
                # Cells at the end may be left out by a spreadsheet.
                cells += [""] * (len(header) - len(cells))
                if len(cells) != len(header):
                    raise AnnotationError(
                        f"{path}, line {reader.line_num}: {len(cells)} cells, "
                        f"expected {len(header)} separated by tabs ({header})."
                    )
                wanted = [cells[place] for place in places]
                if not wanted[0]:
                    raise AnnotationError(
                        f"{path}, line {reader.line_num}: no filename beside "
                        f"{[c for c in cells if c]}. Fill it in or delete the "
                        "row."
                    )
                lines.append(reader.line_num)
                rows.append(wanted)
    except FileNotFoundError:
        raise AnnotationError(f"{path}: there is no such file.") from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise AnnotationError(f"{path}: cannot be read: {error}.") from error
    table = pd.DataFrame(rows, pd.Index(lines, name="line"), columns)
    table.attrs = {"path": str(path), "empty_rows": n_empty}
    return table


def _seconds(cell, column, path, line):
    """A cell's time; NaN for an empty cell."""
    if not cell:
        return math.nan
    try:
        seconds = float(cell)
    except ValueError:
        seconds = math.nan
    if not math.isfinite(seconds):
        raise AnnotationError(
            f"{path}, line {line}: {column} is {cell!r}, expected a time in "
            "seconds such as 3.250."
        )
    return seconds
