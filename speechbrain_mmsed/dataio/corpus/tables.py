"""Annotation tables on disk: tab-separated, one row per event or per clip.

The reader is stricter than a general one: it keeps the line numbers for
error messages, counts the empty rows that it passes over, and stops at
anything that does not have the expected columns.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import csv
import math

import pandas as pd

from speechbrain_mmsed.files import atomic_path

EVENT_COLUMNS = ["filename", "onset", "offset", "event_label"]
TAG_COLUMNS = ["filename", "event_labels"]


class AnnotationError(ValueError):
    """Annotations that cannot be used; says where and why."""


def read_event_table(path):
    """Reads a table of events.

    Arguments
    ---------
    path : str or pathlib.Path
        Tab-separated, columns filename, onset, offset (seconds) and
        event_label, in any order; other columns are ignored. A clip
        without events has one row with the last three cells empty.

    Returns
    -------
    pandas.DataFrame
        The four columns; the index holds the line of the file, and
        `attrs` holds "path" and "empty_rows" (number of rows without any
        content, which are left out). Empty cells are NaN or None.

    Raises
    ------
    AnnotationError
        If the file is missing, is not a table of these columns, or if a
        time is not a number; with file and line.
    """
    lines, rows, n_empty = _read_rows(path, EVENT_COLUMNS)
    parsed = [
        (
            name,
            _seconds(onset, "onset", path, line),
            _seconds(offset, "offset", path, line),
            label or None,
        )
        for line, (name, onset, offset, label) in zip(lines, rows, strict=True)
    ]
    table = pd.DataFrame(
        parsed, columns=EVENT_COLUMNS, index=pd.Index(lines, name="line")
    ).astype({"onset": float, "offset": float})
    table.attrs = {"path": str(path), "empty_rows": n_empty}
    return table


def read_tag_table(path, with_tags=True):
    """Reads a table of clips with their tags, or of clips alone.

    Arguments
    ---------
    path : str or pathlib.Path
        Tab-separated, columns filename and (with tags) event_labels, in
        which labels are separated by commas.
    with_tags : bool
        Without: only filename is needed and read.

    Returns
    -------
    pandas.DataFrame
        Columns filename and event_labels (a list of str); index and
        `attrs` as in `read_event_table`.

    Raises
    ------
    AnnotationError
        As `read_event_table`.
    """
    columns = TAG_COLUMNS if with_tags else TAG_COLUMNS[:1]
    lines, rows, n_empty = _read_rows(path, columns)
    parsed = []
    for row in rows:
        cell = row[1] if with_tags else ""
        labels = [label.strip() for label in cell.split(",")]
        parsed.append((row[0], [label for label in labels if label]))
    table = pd.DataFrame(
        parsed, columns=TAG_COLUMNS, index=pd.Index(lines, name="line")
    )
    table.attrs = {"path": str(path), "empty_rows": n_empty}
    return table


def write_table(frame, path):
    """Writes a table, tab-separated, as a whole or not at all.

    Arguments
    ---------
    frame : pandas.DataFrame
        What to write; missing values become empty cells.
    path : str or pathlib.Path
        Where to.
    """
    with atomic_path(path) as name:
        frame.to_csv(name, sep="\t", index=False, lineterminator="\n")


def _read_rows(path, columns):
    """Line numbers, cells of the wanted columns, number of empty rows."""
    lines, rows, n_empty = [], [], 0
    try:
        with open(path, encoding="utf-8-sig", newline="") as handle:
            # Quotes have no meaning here: an id may begin with anything.
            reader = csv.reader(handle, delimiter="\t", quoting=csv.QUOTE_NONE)
            header = [cell.strip() for cell in next(reader, [])]
            places = _places(path, header, columns)
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
    return lines, rows, n_empty


def _places(path, header, columns):
    """Positions of the wanted columns in the header."""
    missing = [column for column in columns if column not in header]
    if missing:
        hint = ""
        if len(header) == 1 and any(mark in header[0] for mark in ",;"):
            hint = " The columns must be separated by tabs."
        raise AnnotationError(
            f"{path}: columns {header}, expected {columns}; {missing} not "
            f"found in the first line.{hint}"
        )
    return [header.index(column) for column in columns]


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
