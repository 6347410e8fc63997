"""Tables of text as programs and people write them.

Excel, R, pandas and editors differ in encoding, separator, quotes, line ends
and titles; the content is the same. What cannot be told for sure is refused.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import codecs
import csv
import io

import pandas as pd

from speechbrain_mmsed.files import ClearError

# The first of them in the line of the titles separates the cells.
SEPARATORS = {"\t": "tabs", ";": "semicolons", ",": "commas"}
UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


class AnnotationError(ClearError, ValueError):
    """Annotations that cannot be used; says where and why."""


def read_text_table(path, columns):
    """Some columns of a table, as text.

    Titles are found in any case, and in singular or plural. Cells that are
    missing at the end of a row are empty; rows without content are left out.

    Arguments
    ---------
    path : str or pathlib.Path
        A file that `read_rows` can read.
    columns : list of str
        Titles of the wanted columns.

    Returns
    -------
    pandas.DataFrame
        Texts in these columns, by the line of the file. Its `attrs` are
        "path" and "empty_rows", the number of rows that were left out.

    Raises
    ------
    AnnotationError
        If there is no such table; names the file and the line.

    Example
    -------
    >>> path = getfixture("tmp_path") / "a.csv"
    >>> _ = path.write_text('"Filename";"Onset"\\n"a b.wav";"1,5"\\n')
    >>> read_text_table(path, ["onset", "filename"]).loc[2].tolist()
    ['1,5', 'a b.wav']
    """
    rows, separator, n_empty = read_rows(path)
    header = rows.pop(min(rows, default=0), [])
    titles, wanted = header, columns
    if not set(wanted) <= set(titles):
        titles, wanted = ([*map(_folded, x)] for x in (header, columns))
    if any(titles.count(title) != 1 for title in wanted):
        raise AnnotationError(
            f"{path}: columns {header[:8]} in the first line, separated by "
            f"{SEPARATORS[separator]}; expected {columns}, each once."
        )
    places = [titles.index(title) for title in wanted]
    for line, cells in rows.items():
        cells += [""] * (len(header) - len(cells))
        if any(cells[len(header) :]):
            raise AnnotationError(
                f"{path}, line {line}: {len(cells)} cells, expected "
                f"{len(header)} separated by {SEPARATORS[separator]} "
                f"({header[:8]}). Cells that hold one must be in quotes."
            )
    texts = [[cells[place] for place in places] for cells in rows.values()]
    table = pd.DataFrame(texts, pd.Index(rows, name="line"), columns, object)
    table.attrs = {"path": str(path), "empty_rows": n_empty}
    return table


def read_rows(path, separator=None):
    """Cells of a text table by line, the titles among them.

    Cells come without the quotes around them and the spaces at their ends. A
    quote that has no partner in its line is a character like others, since
    the name of a file may begin with anything.

    Arguments
    ---------
    path : str or pathlib.Path
        Text in UTF-8, or in UTF-16 as Excel writes it.
    separator : str or None
        What stands between cells; None: see `SEPARATORS`.

    Returns
    -------
    rows : dict
        Number of each line that holds anything -> list of str.
    separator : str
        What stands between cells.
    n_empty : int
        Lines that hold nothing.
    """
    try:
        with open(path, "rb") as handle:
            content = handle.read()
        utf16 = content.startswith(UTF16_MARKS)
        text = content.decode("utf-16" if utf16 else "utf-8-sig")
        if "\0" in text:
            raise UnicodeError("it holds zero bytes")
        lines = list(io.StringIO(text, newline=None))
        first = next(filter(str.strip, lines), "")
        found = next((s for s in SEPARATORS if s in first), "\t")
        separator = separator or found
        rows = {n: _cells(line, separator) for n, line in enumerate(lines, 1)}
    except FileNotFoundError:
        raise AnnotationError(f"{path}: there is no such file.") from None
    except (OSError, UnicodeError, csv.Error) as error:
        raise AnnotationError(
            f"{path}: cannot be read: {error}. Save tables as UTF-8."
        ) from error
    kept = {number: cells for number, cells in rows.items() if any(cells)}
    return kept, separator, len(rows) - len(kept)


def _cells(line, separator):
    """Cells of a line; see `read_rows`."""
    paired = line.count('"') % 2 == 0
    style = csv.QUOTE_MINIMAL if paired else csv.QUOTE_NONE
    reader = csv.reader(
        [line], delimiter=separator, quoting=style, skipinitialspace=True
    )
    return [cell.strip() for cell in next(reader, [])]


def _folded(title):
    """A title without what differs between tables of the same kind."""
    return title.lower().replace(" ", "_").removesuffix("s")
