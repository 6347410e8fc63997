"""Files of predictions: which there are, of which form, and their rows.

Three forms are told apart by their content:

* `npz`: ClipScores as training writes them, one file or a folder of
  `weight_<w>.npz`;
* `score-tsv`: a folder with one table of scores for each clip, columns
  onset, offset and one for each class (the layout of sed_scores_eval);
* `event-tsv`: a folder with one table of events for each operating point,
  columns filename, onset, offset, event_label.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import csv
import pathlib

import pandas as pd

from speechbrain_mmsed.evaluation.problems import (
    PredictionError,
    listed,
    repeated,
)
from speechbrain_mmsed.postprocessing.decode import EVENT_COLUMNS

TIMES = ["onset", "offset"]
FORMS = {
    "npz": "scores written by this package",
    "score-tsv": "a table of scores for each clip",
    "event-tsv": "a table of events for each operating point",
}
_EXPECTED = "expected npz files of scores, or tsv files of scores or of events"


def files_of(path, endings):
    """Files of a folder with one of some endings, or the file itself.

    In order of their names, without hidden files.
    """
    path = pathlib.Path(path)
    files = [path] if path.is_file() else sorted(path.iterdir())
    return [
        file
        for file in files
        if file.suffix.lower() in endings
        and file.is_file()
        and not file.name.startswith(".")
    ]


def recognise(path):
    """The form of predictions, a key of `FORMS`, by their content."""
    path = pathlib.Path(path)
    if not path.exists():
        raise PredictionError(
            f"{path}: no such folder or file; expected predictions"
        )
    found = {}
    for file in files_of(path, (".npz",)):
        found.setdefault("npz", []).append(file)
    for file in files_of(path, (".tsv", ".csv")):
        found.setdefault(_form_of_table(file), []).append(file)
    if not found:
        raise PredictionError(f"{path}: {_what_is_there(path)}")
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


def _form_of_table(file):
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


def _what_is_there(path):
    """Why a folder is no folder of predictions."""
    if path.is_file():
        return f"neither npz nor tsv; {_EXPECTED}"
    text = f"no predictions in this folder; {_EXPECTED}"
    folders = [p.name for p in path.iterdir() if p.is_dir()]
    if folders:
        text += (
            f". It has the folders {listed(folders)}: give one of them "
            "(training writes <scores_folder>/<model>/<subset>)"
        )
    return text


def check_form(folder, form, option):
    """Refuse predictions that have not the form of those they belong to."""
    if not pathlib.Path(folder).exists():
        raise PredictionError(f"{option} {folder}: no such folder")
    endings = (".npz",) if form == "npz" else (".tsv",)
    if not files_of(folder, endings):
        raise PredictionError(
            f"{option} {folder}: no predictions of the form {form} "
            f"({FORMS[form]}), which --predictions has"
        )


def rows_of(file):
    """Yields the number of each line and its cells, the titles first.

    Separated by tabs or, in a .csv, by commas.
    """
    comma = file.suffix.lower() == ".csv"
    try:
        with open(file, encoding="utf-8-sig", newline="") as handle:
            rows = csv.reader(handle, delimiter="," if comma else "\t")
            for row in rows:
                yield rows.line_num, row
    except (UnicodeDecodeError, csv.Error) as error:
        raise PredictionError(
            f"{file}: no table of text in UTF-8 ({error})"
        ) from error


def header_of(file):
    """Column titles of a table."""
    _, header = next(rows_of(file), (1, []))
    return [title.strip() for title in header]


def read_text_table(path, columns, what):
    """Some columns of a table as text, indexed by the line of the file.

    Names and labels stay what they are, whatever they look like: a clip
    named 7, a class named NA. Empty cells are ""; empty rows are left out.
    """
    path = pathlib.Path(path)
    if not path.is_file():
        raise PredictionError(f"{path}: no such file; expected {what}")
    header = header_of(path)
    missing = [name for name in columns if name not in header]
    twice = repeated(header)
    if missing or twice:
        problem = f"{missing} are missing" if missing else f"{twice} repeat"
        comma = path.suffix.lower() == ".csv"
        raise PredictionError(
            f"{path}: columns {header[:8]}, expected {what} with the columns "
            f"{columns}, separated by {'commas' if comma else 'tabs'}; "
            f"{problem}"
        )
    places = [header.index(name) for name in columns]
    found = {}
    for line, row in list(rows_of(path))[1:]:
        if len(row) > len(header):
            raise PredictionError(
                f"{path}, line {line}: {len(row)} cells, expected those of "
                f"{header[:8]}"
            )
        cells = [row[at].strip() if at < len(row) else "" for at in places]
        if any(cells):
            found[line] = cells
    return pd.DataFrame(
        list(found.values()), columns=columns, index=list(found), dtype=object
    )
