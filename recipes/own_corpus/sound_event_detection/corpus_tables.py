"""Tables of sound events as people have them, read into one form.

csv and tsv with names of columns, label files of Audacity, selection tables of
Raven, JAMS, and AudioSet's csv; one file for a corpus, or one per recording.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import csv
import itertools
import math
import os
import re

import pandas as pd
from label_files import (
    audacity_events,
    is_number,
    jams_events,
    read_seconds,
)

from speechbrain_mmsed.dataio.corpus.tables import NOTHING
from speechbrain_mmsed.dataio.corpus.text_tables import (
    AnnotationError,
    read_rows,
)

COLUMNS = ["filename", "onset", "offset", "event_label", "split", "group"]
# Names of columns, in lower case, by which each of these goes.
ALIASES = {
    "filename": (
        *("filename", "file", "file_name", "recording", "path", "audio"),
        *("begin file", "begin path"),
    ),
    "onset": (
        *("onset", "start", "start_time", "start_seconds", "start (s)"),
        *("begin", "begin_time", "begin time (s)"),
    ),
    "offset": (
        *("offset", "end", "end_time", "end_seconds", "end (s)"),
        *("stop", "end time (s)"),
    ),
    "event_label": (
        *("event_label", "label", "class", "category", "species"),
        *("common name", "annotation"),
    ),
    "event_labels": ("event_labels", "labels", "tags", "positive_labels"),
    "split": ("split",),
    "group": ("group",),
}
SUFFIXES = (".csv", ".tsv", ".txt", ".jams")
FILE_OFFSET = "file offset (s)"
_RAVEN_NAME = re.compile(r"\.Table\.\d+\.selections$", re.IGNORECASE)


def read_tables(sources, columns=None):
    """Reads all tables of a corpus.

    Arguments
    ---------
    sources : list of str
        Tables, or folders of tables (endings csv, tsv, txt and jams).
    columns : dict or None
        One of `COLUMNS`, or event_labels -> what the tables call it, where
        `ALIASES` does not know it.

    Returns
    -------
    pandas.DataFrame
        `COLUMNS`, a row for each event (times in seconds) or label of a
        recording (no times); a recording without any has a row with empty
        cells. "where" is file and line of a row, for messages. What cannot be
        read is an AnnotationError that names them.

    Example
    -------
    >>> path = getfixture("tmp_path") / "dogs.txt"
    >>> _ = path.write_text("1.5\\t2.0\\tbark\\n")
    >>> read_tables([path])[COLUMNS[:4]].values.tolist()
    [['dogs', 1.5, 2.0, 'bark']]
    """
    columns, rows = dict(columns or {}), []
    unknown = sorted(set(columns) - set(ALIASES))
    if unknown:
        raise AnnotationError(
            f"columns: {unknown} are not known, expected some of "
            f"{list(ALIASES)}, each with the table's own name."
        )
    for source in sources:
        for path in table_files(source):
            rows += read_table(path, columns)
    for row in rows:
        if not (row["event_label"] or math.isnan(row["onset"])):
            raise AnnotationError(
                f"{row['where']}: an event without a label. Name its class."
            )
    return pd.DataFrame(rows, columns=[*COLUMNS, "where"])


def table_files(source):
    """The table itself, or all tables of a folder and its subfolders."""
    if not os.path.isdir(source):
        return [source]
    found = [
        os.path.join(folder, name)
        for folder, _, names in os.walk(source)
        for name in names
        if name.lower().endswith(SUFFIXES) and name[0] != "."
    ]
    if not found:
        raise AnnotationError(
            f"{source}: the folder holds no tables, expected files that end "
            f"in one of {', '.join(SUFFIXES)}."
        )
    return sorted(found)


def read_table(path, columns):
    """Rows of one file, as dicts with `COLUMNS` and "where"."""
    stem = _RAVEN_NAME.sub("", os.path.splitext(os.path.basename(path))[0])
    if str(path).lower().endswith(".jams"):
        events = jams_events(path)
    else:
        rows, separator, _ = read_rows(path)
        first = next(iter(rows.values()), [])
        if not all(map(is_number, first[:2])):
            return list(_titled_rows(path, rows, separator, stem, columns))
        events = audacity_events(path, rows)
    blank = dict.fromkeys(COLUMNS, "") | {"onset": math.nan, "offset": math.nan}
    rows = [
        dict(zip(("where", *COLUMNS[1:4]), event, strict=True))
        for event in events or [(str(path), math.nan, math.nan, "")]
    ]
    return [blank | row | {"filename": stem} for row in rows]


def _titled_rows(path, rows, separator, stem, columns):
    """Yields the rows of a table whose columns have names."""
    rows = list(rows.items())
    # AudioSet's names stand in the last of the comments that come first.
    comments = itertools.takewhile(lambda row: row[1][0][0:1] == "#", rows)
    skipped = max(0, len(list(comments)) - 1)
    if rows[0][1][0].startswith("#") and separator != ",":
        separator = ","
        rows = list(read_rows(path, separator)[0].items())
    (_, names), *rows = rows[skipped:]
    names[0] = names[0].lstrip("# ")
    places = _places(path, names, columns)
    lower, view = [name.lower() for name in names], None
    for number, cells in rows:
        where = f"{path}, line {number}"
        if any(cells[len(names) :]):
            raise AnnotationError(
                f"{where}: {len(cells)} cells, expected {len(names)} ({names})"
            )
        cells = (cells + [""] * len(names))[: len(names)]
        row = {name: cells[place] for name, place in places.items()}
        more = dict(zip(lower, cells, strict=True))
        # Raven lists each selection once for each view of the sound.
        view = view or more.get("view")
        if more.get("view") == view:
            yield from _rows(row, more, where, stem, separator)


def _split(cell):
    """What stands between commas; what holds one is in quotes."""
    parts = next(csv.reader([cell], skipinitialspace=True), [])
    return [part.strip() for part in parts]


def _rows(row, more, where, stem, separator):
    """The rows that one line stands for: one for each of its labels."""
    times = [row.get(name, "") for name in ("onset", "offset")]
    if separator != ",":  # else it may be a decimal comma
        times = [time.replace(",", ".") for time in times]
    onset, offset = (read_seconds(time, where) for time in times)
    if FILE_OFFSET in more:  # Raven: times count from the first of many files
        onset, before = read_seconds(more[FILE_OFFSET], where), onset
        offset += onset - before
    filename = row.get("filename", stem)
    if math.isnan(onset) != math.isnan(offset) or (
        "ytid" in more and math.isnan(onset)
    ):
        raise AnnotationError(
            f"{where}: an event needs onset and offset, a label of the whole "
            f"recording neither."
        )
    if "ytid" in more:  # times of a cut, not of an event
        filename = f"Y{more['ytid']}_{onset:.3f}_{offset:.3f}.wav"
        onset = offset = math.nan
    if not filename:
        raise AnnotationError(f"{where}: no filename. Fill it in.")
    labels = [row.get("event_label", "")]
    if "event_labels" in row:
        labels = _split(row["event_labels"])
    labels = [label for label in labels if label.lower() not in NOTHING]
    for label in labels or [""]:
        yield {
            "filename": filename,
            "onset": onset,
            "offset": offset,
            "event_label": label,
            "split": row.get("split", "").lower(),
            "group": row.get("group", ""),
            "where": where,
        }


def _places(path, names, columns):
    """Which column of a table is which: standard name -> its place."""
    lower = [name.lower() for name in names]
    places = {}
    for standard, aliases in ALIASES.items():
        if standard in columns and columns[standard].lower() not in lower:
            raise AnnotationError(
                f"{path}: no column {columns[standard]!r}, which columns says "
                f"to be the {standard}; there are {names}."
            )
        wanted = [columns[standard]] if standard in columns else aliases
        known = [name for name in wanted if name.lower() in lower]
        if known:
            places[standard] = lower.index(known[0].lower())
    labelled = {"event_label", "event_labels"} & places.keys()
    named = {"filename", "onset"} & places.keys() or "ytid" in lower
    if not (labelled and named):
        raise AnnotationError(
            f"{path}: columns {names}, expected filename, onset, offset, "
            "event_label, or filename, event_labels. Columns of other names "
            "are told by --columns '{filename: ..., event_label: ...}'."
        )
    return places
