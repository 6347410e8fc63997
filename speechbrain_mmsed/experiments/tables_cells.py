"""Cells of the tables: means, and differences with their intervals.

Authors
 * The speechbrain_mmsed authors, 2026
"""

from speechbrain_mmsed.evaluation.reports.report_tables import number

FEWER = " (n=k): in the other seeds the figure is not defined."


def spread(metric, mean, deviation):
    """A mean with its deviation.

    Arguments
    ---------
    metric : str
        One of the five.
    mean : float or None
        A fraction.
    deviation : float or None
        A fraction.

    Returns
    -------
    str

    Example
    -------
    >>> spread("ebf1", 0.51, 0.0055), spread("psds1", 0.4168, None)
    ('51.00 ± 0.55', '0.4168')
    """
    text = number(metric, mean)
    if mean is None or deviation is None:
        return text
    return f"{text} ± {number(metric, deviation)}"


def shown_cell(metric, cell, n_seeds):
    """A figure of a system, marked where it is of fewer seeds than its row.

    Arguments
    ---------
    metric : str
        One of the five.
    cell : Cell
        Its figures.
    n_seeds : int
        Finished runs of the row.

    Returns
    -------
    str

    Example
    -------
    >>> from types import SimpleNamespace
    >>> cell = SimpleNamespace(values=[0.5, 0.52], mean=0.51, deviation=0.0141)
    >>> shown_cell("ebf1", cell, 2), shown_cell("ebf1", cell, 3)
    ('51.00 ± 1.41', '51.00 ± 1.41 (n=2)')
    """
    text = spread(metric, cell.mean, cell.deviation)
    n = len(cell.values)
    return text if n in (0, n_seeds) else f"{text} (n={n})"


def fewer_seeds(rows):
    """What "(n=k)" means, if a figure of the rows has it.

    Arguments
    ---------
    rows : list of Row
        Rows of a table.

    Returns
    -------
    str
    """
    counts = {
        (len(cell.values), row.n_seeds)
        for row in rows
        for cell in row.cells.values()
    }
    return FEWER if any(0 < n < seeds for n, seeds in counts) else ""


def shown_difference(metric, found):
    """A difference with its intervals.

    Arguments
    ---------
    metric : str
        One of the five.
    found : Difference or None
        Fractions.

    Returns
    -------
    str

    Example
    -------
    >>> from speechbrain_mmsed.experiments.statistics import Difference
    >>> shown_difference("ebf1", Difference(0.02, (0.01, 0.03), None, True))
    '+2.00* [1.00, 3.00] [-]'
    """
    if found is None:
        return "-"
    ends = []
    for interval in (found.seeds, found.clips):
        inside = "-"
        if interval is not None:
            inside = ", ".join(number(metric, end) for end in interval)
        ends.append(f"[{inside}]")
    sign = "+" if found.value >= 0 else ""
    star = "*" if found.star else ""
    return f"{sign}{number(metric, found.value)}{star} {' '.join(ends)}"
