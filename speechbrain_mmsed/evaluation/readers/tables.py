"""Files of predictions, their form by their content, and their rows.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import contextlib
import pathlib

from speechbrain_mmsed.dataio.corpus import text_tables
from speechbrain_mmsed.dataio.corpus.text_tables import (
    AnnotationError,
    read_rows,
)
from speechbrain_mmsed.postprocessing.decode import EVENT_COLUMNS
from speechbrain_mmsed.problems import PredictionError, listed

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


def rows_of(file, separator=None):
    """Number of each line that holds anything and its cells, titles first."""
    with _prediction_errors():
        return read_rows(file, separator)[0].items()


@contextlib.contextmanager
def _prediction_errors(what=""):
    """Turns errors of reading a table into those of this room."""
    try:
        yield
    except AnnotationError as error:
        raise PredictionError(f"{error}{what}") from error


def header_of(file):
    """Column titles of a table."""
    return next((cells for _, cells in rows_of(file)), [])


def read_text_table(path, columns, what):
    """Some columns of a table as text, indexed by the line of the file.

    A clip may be named 7, a class NA. Empty cells are ""; no row is empty.
    """
    path = pathlib.Path(path)
    if not path.is_file():
        raise PredictionError(f"{path}: no such file; expected {what}")
    with _prediction_errors(f" Expected are {what}."):
        table = text_tables.read_text_table(path, columns)
    return table[(table != "").any(axis=1)]
