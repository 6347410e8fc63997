"""What is wrong with files, in words that list the clips.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import importlib.util

from speechbrain_mmsed.files import ClearError

_SHOWN = 10


class PredictionError(ClearError, ValueError):
    """Predictions or reference that cannot be used; says why and where."""


class MissingPackage(ClearError, ImportError):
    """An optional package that is not installed; says which extra has it."""


def need_packages(extra, *names):
    """Refuses to begin work that would lack a package at its end.

    Example
    -------
    >>> need_packages("evaluate", "numpy", "no_metrics")
    Traceback (most recent call last):
    ...
    speechbrain_mmsed.problems.MissingPackage: no_metrics is not installed: \
pip install 'speechbrain_mmsed[evaluate]'
    """
    absent = [name for name in names if not importlib.util.find_spec(name)]
    if absent:
        raise MissingPackage(
            f"{', '.join(absent)} is not installed: "
            f"pip install 'speechbrain_mmsed[{extra}]'"
        )


def need_metrics():
    """Refuses to begin an evaluation without the official metrics."""
    need_packages("evaluate", "psds_eval", "sed_eval")


def listed(names):
    """The first names, sorted, and how many there are.

    Example
    -------
    >>> listed(["b", "a"])
    'a, b'
    >>> listed(str(n) for n in range(10, 22))
    '10, 11, 12, 13, 14, 15, 16, 17, 18, 19 and 2 more (12 in all)'
    """
    names = sorted(map(str, names))
    text = ", ".join(names[:_SHOWN])
    if len(names) > _SHOWN:
        text += f" and {len(names) - _SHOWN} more ({len(names)} in all)"
    return text


def repeated(values):
    """What occurs more than once in a list of texts, sorted."""
    return sorted({value for value in values if values.count(value) > 1})


def refuse_clips(source, clips, problem, advice=""):
    """Raise an error that lists the clips with a problem, if there are any."""
    if len(clips):
        raise PredictionError(
            f"{source}: {len(clips)} clips {problem}: {listed(clips)}{advice}"
        )


def refuse_rows(path, table, problems):
    """Raise an error of the first problem that marks rows of a table.

    `problems` are booleans of the rows, by what is wrong with them. The table
    has a column filename, and the lines of its file as index.
    """
    for problem, rows in problems.items():
        if rows.any():
            line = rows.idxmax()
            clips = table["filename"][rows].unique()
            raise PredictionError(
                f"{path}, line {line}: {table.loc[line].to_dict()}: {problem} "
                f"({int(rows.sum())} such lines). {len(clips)} clips: "
                f"{listed(clips)}"
            )
