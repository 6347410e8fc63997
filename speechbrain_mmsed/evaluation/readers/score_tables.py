"""Tables of scores, one for each clip: numbers, or what is wrong with them.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import warnings

import numpy as np

from speechbrain_mmsed.evaluation.readers.grid import axis_problem
from speechbrain_mmsed.evaluation.readers.problems import (
    PredictionError,
    listed,
)
from speechbrain_mmsed.evaluation.readers.tables import header_of, rows_of

TIMES = ["onset", "offset"]


def read_tables(by_clip, columns, truth, source):
    """Times and probabilities of every clip, or one error for all clips.

    Arguments
    ---------
    by_clip : dict
        Clip -> file.
    columns : list of str
        Classes that every file must have.
    truth : GroundTruth
        Reference; its clips are read, and its classes taken.
    source : str
        The predictions, for messages.

    Returns
    -------
    axes : dict
        Clip -> (onset, offset), (T,) seconds each.
    values : dict
        Clip -> (T, C) probabilities.

    Raises
    ------
    PredictionError
        Listing the files of the first kind of problem, and how many have
        another.
    """
    axes, values, problems = {}, {}, {}
    for clip in truth.durations:
        file = by_clip[clip]
        table, problem = _read(file, columns)
        if problem is None:
            onset, offset = (table[name] for name in TIMES)
            problem = axis_problem(onset, offset)
        if problem is None:
            values[clip] = np.stack([table[x] for x in truth.labels], axis=1)
            problem = _value_problem(values[clip], truth.labels)
        if problem is None:
            axes[clip] = (onset, offset)
        else:
            kind, detail = problem
            problems.setdefault(kind, {})[file.name] = detail
    if problems:
        kind, clips = next(iter(problems.items()))
        name, detail = next(iter(clips.items()))
        more = "; ".join(f"{k} ({len(v)})" for k, v in problems.items())
        other = f" All problems: {more}." if len(problems) > 1 else ""
        raise PredictionError(
            f"{source}: in {len(clips)} of {len(by_clip)} files {kind}; "
            f"{name}: {detail}. Write the scores again.{other} Files: "
            f"{listed(clips)}"
        )
    return axes, values


def _read(file, columns):
    """Columns of numbers by title, or the problem with them."""
    header = header_of(file)
    if sorted(header) != sorted([*TIMES, *columns]):
        odd = sorted(set(header) ^ {*TIMES, *columns}) or header
        return None, (
            "the columns are not those of the first file",
            f"{odd[:6]} only in one of the two",
        )
    try:
        with warnings.catch_warnings():
            # A table without rows has its own message.
            warnings.filterwarnings("ignore", "loadtxt: input contained no")
            table = np.loadtxt(
                file,
                delimiter="\t",
                skiprows=1,
                comments=None,
                encoding="utf-8-sig",
                ndmin=2,
            )
    except ValueError as error:
        return None, ("cells are not numbers", _bad_cell(file, header, error))
    if table.size and table.shape[1] != len(header):
        return None, (
            "the rows have not as many cells as the header",
            f"{table.shape[1]} and {len(header)}",
        )
    return dict(
        zip(header, table.reshape(-1, len(header)).T, strict=True)
    ), None


def _bad_cell(file, header, error):
    """The first cell that is no number, or else what the parser says."""
    for line, row in rows_of(file):
        if len(row) != len(header):
            return f"line {line} has {len(row)} cells, not {len(header)}"
        for title, cell in zip(header, row, strict=True):
            try:
                float(cell)
            except ValueError:
                return f"line {line}, {title}: {cell!r}"
    return str(error)


def _value_problem(values, labels):
    """Probabilities that are none."""
    bad = ~((values >= 0) & (values <= 1))
    if not bad.any():
        return None
    row, column = np.argwhere(bad)[0]
    return (
        "scores are not finite or not from 0 to 1",
        f"line {row + 2}, {labels[column]}: {values[row, column]:g} (scores "
        "are probabilities; apply the sigmoid)",
    )
