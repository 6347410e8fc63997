"""Tables of text on disk: which there are, their titles, their rows.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import csv
import pathlib

from speechbrain_mmsed.evaluation.readers.problems import PredictionError


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
