"""What reports consist of: titles, numbers, tables, sections.

Authors
 * The speechbrain_mmsed authors, 2026
"""

from dataclasses import dataclass, field

TITLES = {
    "cbf1": "CBF1 %",
    "sbf1": "SBF1 %",
    "ebf1": "EBF1 %",
    "psds1": "PSDS1",
    "psds2": "PSDS2",
}
# Without the unit, and the figures beside the five.
NAMES = {
    **{metric: title.removesuffix(" %") for metric, title in TITLES.items()},
    "ibf1": "intersection-based F1",
    "threshold_free_psds1": "PSDS1 over all thresholds",
    "threshold_free_psds2": "PSDS2 over all thresholds",
}
# Averages over classes: both of an F1, the one of PSDS.
AVERAGES = ("micro", "macro", "value")
SPLIT_TITLES = {
    "all": "all clips",
    "video_available": "available",
    "video_ignored": "available but ignored",
    "video_unavailable": "unavailable",
}


def number(metric, value):
    """A figure as the paper writes it: F1 in per cent, PSDS as a fraction.

    Arguments
    ---------
    metric : str
        A key of `NAMES`.
    value : float or None
        A fraction.

    Returns
    -------
    str
        A dash for None.

    Example
    -------
    >>> number("ebf1", 0.5123), number("psds1", 0.4083), number("sbf1", None)
    ('51.23', '0.4083', '-')
    """
    if value is None:
        return "-"
    return f"{value:.4f}" if "psds" in metric else f"{100 * value:.2f}"


def table(header, rows, n_texts=1):
    """A markdown table that is legible on a screen as well.

    Arguments
    ---------
    header : list of str
        Titles.
    rows : list of list
        Cells.
    n_texts : int
        Columns on the left that hold words; the others hold numbers.

    Returns
    -------
    str

    Example
    -------
    >>> print(table(["class", "F1"], [["Dog", "51.2"]]))
    | class |   F1 |
    |:------|-----:|
    | Dog   | 51.2 |
    """
    cells = [[str(cell) for cell in row] for row in [header, *rows]]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = []
    for row in cells:
        texts = [
            cell.ljust(width) if column < n_texts else cell.rjust(width)
            for column, (cell, width) in enumerate(
                zip(row, widths, strict=True)
            )
        ]
        lines.append("| " + " | ".join(texts) + " |")
    rule = [":" + "-" * (width + 1) for width in widths[:n_texts]]
    rule += ["-" * (width + 1) + ":" for width in widths[n_texts:]]
    lines.insert(1, "|" + "|".join(rule) + "|")
    return "\n".join(lines)


@dataclass
class Table:
    """A table in a section; arguments as for `table`."""

    header: list
    rows: list
    n_texts: int = 1

    def __str__(self):
        return table(self.header, self.rows, self.n_texts)


@dataclass
class Section:
    """A part of a report, to be written as markdown or as html.

    Of its blocks a str is a paragraph, a list of str a list of points, and a
    Table a table; empty ones are left out. Pictures stand at the end. "" is
    the title of what stands under the title of the whole.
    """

    title: str
    blocks: list
    pictures: list = field(default_factory=list)

    def __post_init__(self):
        self.blocks = [block for block in self.blocks if block]
