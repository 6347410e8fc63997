"""Ground truth and durations, as any system keeps them.

Names and labels are read as text, whatever they look like: a clip named 7 or
a class named NA stay what they are.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import pathlib

import numpy as np
import pandas as pd

from speechbrain_mmsed.evaluation.metrics.truth import GroundTruth
from speechbrain_mmsed.evaluation.readers.problems import (
    PredictionError,
    listed,
)
from speechbrain_mmsed.evaluation.readers.tables import header_of, rows_of
from speechbrain_mmsed.postprocessing.decode import EVENT_COLUMNS


def read_text_table(path, columns, what):
    """A table as text, with the line of the file as its index.

    Arguments
    ---------
    path : str or pathlib.Path
        Tab-separated, or comma-separated if it ends in .csv.
    columns : list of str
        Columns that are needed; the others are left out.
    what : str
        What the table holds, for messages.

    Returns
    -------
    pandas.DataFrame
        Texts; "" for empty cells.
    """
    path = pathlib.Path(path)
    if not path.is_file():
        raise PredictionError(f"{path}: no such file; expected {what}")
    header = header_of(path)
    missing = [name for name in columns if name not in header]
    twice = sorted({name for name in header if header.count(name) > 1})
    if missing or twice:
        problem = f"{missing} are missing" if missing else f"{twice} repeat"
        raise PredictionError(
            f"{path}: columns {header[:8]}, expected {what} with the columns "
            f"{columns}, separated by "
            f"{'commas' if path.suffix.lower() == '.csv' else 'tabs'}; "
            f"{problem}"
        )
    places = [header.index(name) for name in columns]
    rows, lines = [], []
    for line, row in rows_of(path):
        if len(row) > len(header):
            raise PredictionError(
                f"{path}, line {line}: {len(row)} cells, expected those of "
                f"{header[:8]}"
            )
        cells = [row[at].strip() if at < len(row) else "" for at in places]
        if any(cells):
            rows.append(cells)
            lines.append(line)
    return pd.DataFrame(rows, columns=columns, index=lines, dtype=object)


def numbers(column, path, name):
    """A column of numbers; empty cells are NaN.

    Arguments
    ---------
    column : pandas.Series
        Texts.
    path : str or pathlib.Path
        Where they come from.
    name : str
        Title of the column.

    Returns
    -------
    pandas.Series
        float64.
    """
    texts = column.where(column != "", "nan")
    try:
        # Unlike the usual parsers of pandas, float() rounds correctly.
        values = [float(text) for text in texts]
    except ValueError:
        bad = pd.to_numeric(texts, errors="coerce").isna() & (texts != "nan")
        line = bad.idxmax()
        raise PredictionError(
            f"{path}, line {line}: {name} is {column[line]!r}, expected "
            f"seconds ({int(bad.sum())} such lines)"
        ) from None
    return pd.Series(values, index=column.index, dtype=np.float64)


def read_events(path, what="events"):
    """A table of events.

    Arguments
    ---------
    path : str or pathlib.Path
        Columns filename, onset, offset (seconds), event_label, in any order.
    what : str
        What the table holds, for messages.

    Returns
    -------
    pandas.DataFrame
        The four columns; empty cells are NaN or None.
    """
    table = read_text_table(path, EVENT_COLUMNS, what)
    for name in ("onset", "offset"):
        table[name] = numbers(table[name], path, name)
    label = table["event_label"].astype(object)
    table["event_label"] = label.where(label != "", None)
    if (table["filename"] == "").any():
        line = (table["filename"] == "").idxmax()
        raise PredictionError(f"{path}, line {line}: no file name")
    return table


def read_durations(path):
    """Durations of clips.

    Arguments
    ---------
    path : str or pathlib.Path
        Columns filename, duration (seconds).

    Returns
    -------
    dict
        File name -> seconds.
    """
    table = read_text_table(path, ["filename", "duration"], "durations")
    seconds = numbers(table["duration"], path, "duration")
    bad = ~(np.isfinite(seconds) & (seconds > 0))
    if bad.any():
        line = bad.idxmax()
        raise PredictionError(
            f"{path}, line {line}: duration {table['duration'][line]!r}, "
            f"expected seconds > 0. Clips: {listed(table['filename'][bad])}"
        )
    twice = table["filename"][table["filename"].duplicated()].unique()
    if len(twice):
        raise PredictionError(
            f"{path}: {len(twice)} clips appear twice: {listed(twice)}; keep "
            "one line of each"
        )
    if not len(table):
        raise PredictionError(f"{path}: no clips")
    return dict(zip(table["filename"], seconds.tolist(), strict=True))


def read_truth(tsv, durations_tsv, labels=None):
    """Ground truth, checked.

    Arguments
    ---------
    tsv : str or pathlib.Path
        Columns filename, onset, offset, event_label; a clip without events
        may have a row whose last three cells are empty, or none.
    durations_tsv : str or pathlib.Path
        Columns filename, duration: the clips that are evaluated.
    labels : list of str or None
        C class labels; None for those of the events, sorted.

    Returns
    -------
    GroundTruth
    """
    durations = read_durations(durations_tsv)
    events = read_events(tsv, "ground truth")
    absent = set(events["filename"]) - set(durations)
    if absent:
        raise PredictionError(
            f"{tsv}: {len(absent)} clips have no duration in "
            f"{durations_tsv}: {listed(absent)}; add them there"
        )
    if labels is None:
        labels = sorted(events["event_label"].dropna().unique())
    if not labels:
        raise PredictionError(
            f"{tsv}: no events, so no classes; name them with --labels"
        )
    try:
        return GroundTruth(events, durations, labels)
    except ValueError as error:
        raise PredictionError(f"{tsv}: {error}") from error
