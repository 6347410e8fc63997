"""Files of predictions, their form by their content, and their rows.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import csv
import pathlib

import pandas as pd

from speechbrain_mmsed.postprocessing.decode import EVENT_COLUMNS
from speechbrain_mmsed.problems import (
    PredictionError,
    listed,
    repeated,
)

TIMES = ["onset", "offset"]
FORMS = {
    "npz": "scores written by this package",
    "score-tsv": "a table of scores for each clip",
    "event-tsv": "a table of events for each operating point",
}
_FILES = {
    "npz": ("npz files of scores", [".npz"]),
    "score-tsv": ("tsv files of scores", [".tsv"]),
    "event-tsv": ("tables of events", [".tsv", ".csv"]),
}


def prediction_files(path, form, option=""):
    """Files of a form in a folder, by name, or the file itself; not none."""
    what, endings = _FILES[form]
    files = _files_of(path, endings, option)
    if not files:
        raise PredictionError(f"{option} {path}: no {what}".lstrip())
    return files


def _files_of(path, endings, option=""):
    """Files with one of some endings, without hidden ones."""
    path = pathlib.Path(path)
    if not path.exists():
        raise PredictionError(
            f"{option} {path}: no such folder or file; expected "
            "predictions".lstrip()
        )
    files = [path] if path.is_file() else sorted(path.iterdir())
    files = [f for f in files if f.is_file() and not f.name.startswith(".")]
    return [f for f in files if f.suffix.lower() in endings]


def recognise(path):
    """The form of predictions, a key of `FORMS`, by their content."""
    path = pathlib.Path(path)
    found = {}
    for file in _files_of(path, [".npz", ".tsv", ".csv"]):
        npz = file.suffix.lower() == ".npz"
        if file.name == "fusion_weights.csv":  # what a gate gave to each clip
            continue
        found.setdefault("npz" if npz else _form_of(file), []).append(file)
    if not found:
        folders = listed(p.name for p in path.glob("*") if p.is_dir())
        hint = (
            f". It has the folders {folders}: give one of them (training "
            "writes <scores_folder>/<model>/<subset>)"
        )
        raise PredictionError(
            f"{path}: no predictions in this folder or file; expected npz "
            "files of scores, or tsv files of scores or events"
            f"{hint if folders else ''}"
        )
    if len(found) > 1:
        forms = "; ".join(
            f"{form}: {files[0].name} ({len(files)} files)"
            for form, files in found.items()
        )
        raise PredictionError(
            f"{path}: predictions of more than one form ({forms}); keep one "
            "form in a folder, or choose one with --format"
        )
    return next(iter(found))


def _form_of(file):
    """The form that a table belongs to, by its titles."""
    header = header_of(file)
    if set(EVENT_COLUMNS) <= set(header):
        return "event-tsv"
    if header[:2] == TIMES and len(header) > 2:
        return "score-tsv"
    raise PredictionError(
        f"{file}: columns {header[:6]}, expected onset, offset and one column "
        f"for each class (scores of one clip), or {', '.join(EVENT_COLUMNS)} "
        "(events of one operating point); take other tables out of the folder"
    )


def rows_of(file):
    """Yields the number of each line and its cells, the titles first."""
    try:
        with open(file, encoding="utf-8-sig", newline="") as handle:
            rows = csv.reader(handle, delimiter=_separator(file)[0])
            for row in rows:
                yield rows.line_num, row
    except (UnicodeDecodeError, csv.Error) as error:
        raise PredictionError(
            f"{file}: no table of text in UTF-8 ({error})"
        ) from error


def _separator(file):
    """What stands between the cells of a file, and its name."""
    comma = file.suffix.lower() == ".csv"
    return (",", "commas") if comma else ("\t", "tabs")


def header_of(file):
    """Column titles of a table."""
    _, header = next(rows_of(file), (1, []))
    return [title.strip() for title in header]


def read_text_table(path, columns, what):
    """Some columns of a table as text, indexed by the line of the file.

    A clip may be named 7, a class NA. Empty cells are ""; no row is empty.
    """
    path = pathlib.Path(path)
    if not path.is_file():
        raise PredictionError(f"{path}: no such file; expected {what}")
    header = header_of(path)
    missing = [name for name in columns if name not in header]
    if missing or repeated(header):
        raise PredictionError(
            f"{path}: columns {header[:8]}, expected {what} with the columns "
            f"{columns}, each once, separated by {_separator(path)[1]}"
        )
    rows = dict(rows_of(path))
    for line, row in rows.items():
        if len(row) > len(header):
            raise PredictionError(
                f"{path}, line {line}: {len(row)} cells, expected those of "
                f"{header[:8]}"
            )
    # The titles are the first and the longest row.
    table = pd.DataFrame(list(rows.values()), list(rows), dtype=object)
    table = table.fillna("").set_axis(header, axis=1).iloc[1:][columns]
    table = table.apply(lambda column: column.str.strip())
    return table[(table != "").any(axis=1)]
