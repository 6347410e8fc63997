"""Predictions of any system, found on disk and told apart by their content.

Three forms are read:

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

from speechbrain_mmsed.postprocessing.decode import EVENT_COLUMNS

FORMS = {
    "npz": "scores written by this package",
    "score-tsv": "a table of scores for each clip",
    "event-tsv": "a table of events for each operating point",
}
SHOWN = 10


class PredictionError(ValueError):
    """Predictions or reference that cannot be used; says why and where."""


def listed(names):
    """The first names of a list, and how many there are.

    Arguments
    ---------
    names : iterable of str
        Names of clips or files.

    Returns
    -------
    str

    Example
    -------
    >>> listed(["b", "a"])
    'a, b'
    >>> listed(str(n) for n in range(10, 22))
    '10, 11, 12, 13, 14, 15, 16, 17, 18, 19 and 2 more (12 in all)'
    """
    names = sorted(map(str, names))
    text = ", ".join(names[:SHOWN])
    if len(names) > SHOWN:
        text += f" and {len(names) - SHOWN} more ({len(names)} in all)"
    return text


def files_of(path, endings):
    """Files of a folder with one of some endings, or the file itself.

    Arguments
    ---------
    path : str or pathlib.Path
        Folder or file.
    endings : tuple of str
        Such as (".tsv", ".csv").

    Returns
    -------
    list of pathlib.Path
        In order of their names; hidden files are left out.
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


def rows_of(file):
    """Rows of a table as texts.

    Arguments
    ---------
    file : pathlib.Path
        Tab-separated, or comma-separated if it ends in .csv.

    Yields
    ------
    tuple
        Number of the line and the cells of each row but the first; rows
        that are altogether empty are left out.
    """
    rows = _rows(file)
    next(rows, None)
    for line, row in rows:
        if row:
            yield line, row


def header_of(file):
    """Column titles of a table.

    Arguments
    ---------
    file : pathlib.Path
        Tab-separated, or comma-separated if it ends in .csv.

    Returns
    -------
    list of str
    """
    _, header = next(_rows(file), (1, []))
    return [title.strip() for title in header]


def _rows(file):
    """All rows with the numbers of their lines."""
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


def form_of_header(header):
    """The form of predictions that a table belongs to.

    Arguments
    ---------
    header : list of str
        Its column titles.

    Returns
    -------
    str or None
        "score-tsv", "event-tsv" or None.

    Example
    -------
    >>> form_of_header(["onset", "offset", "Dog", "Cat"])
    'score-tsv'
    >>> form_of_header(["event_label", "onset", "offset", "filename", "index"])
    'event-tsv'
    """
    if set(EVENT_COLUMNS) <= set(header):
        return "event-tsv"
    if header[:2] == ["onset", "offset"] and len(header) > 2:
        return "score-tsv"
    return None


def recognise(path):
    """Tell the form of predictions from their content.

    Arguments
    ---------
    path : str or pathlib.Path
        Folder or file.

    Returns
    -------
    str
        A key of `FORMS`.

    Raises
    ------
    PredictionError
        Where there is nothing, something else, or more than one form.
    """
    path = pathlib.Path(path)
    if not path.exists():
        raise PredictionError(
            f"{path}: no such folder or file; expected predictions"
        )
    found = {"npz": files_of(path, (".npz",))}
    for file in files_of(path, (".tsv", ".csv")):
        form = form_of_header(header_of(file))
        if form is None:
            raise PredictionError(
                f"{file}: columns {header_of(file)[:6]}, expected onset, "
                "offset and one column for each class (scores of one clip), "
                f"or {', '.join(EVENT_COLUMNS)} (events of one operating "
                "point); take other tables out of the folder"
            )
        found.setdefault(form, []).append(file)
    found = {form: files for form, files in found.items() if files}
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


def _what_is_there(path):
    """Why a folder is no folder of predictions."""
    expected = (
        "expected npz files of scores, or tsv files of scores or of events"
    )
    if path.is_file():
        return f"neither npz nor tsv; {expected}"
    folders = sorted(p.name for p in path.iterdir() if p.is_dir())
    if folders:
        return (
            f"no predictions in this folder; {expected}. It has the folders "
            f"{listed(folders)}: give one of them (training writes "
            "<scores_folder>/<model>/<subset>)"
        )
    return f"no predictions in this folder; {expected}"
