"""Tables of an experiment for other programs: csv, and LaTeX.

The LaTeX needs no package. Its cells have two lines, ours and the paper's,
which `pandas.DataFrame.to_latex` cannot write.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import csv
import io

from speechbrain_mmsed.evaluation.reports.report_tables import TITLES
from sweep.statistics import Difference
from sweep.tables import (
    fewer_seeds,
    first_cells,
    first_titles,
    shown_cell,
    spread,
    title_of,
)

COLUMNS = (
    *("table", "system", "base", "streams", "training", "inference", "split"),
    *("metric", "seeds", "mean", "std", "paper_mean", "paper_std"),
    *("difference", "seeds_low", "seeds_high", "clips_low", "clips_high"),
)
_SPECIAL = str.maketrans(
    {
        **{letter: f"\\{letter}" for letter in "&%#_${}"},
        "\\": r"\textbackslash{}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "±": r"$\pm$",
    }
)


def csv_table(rows):
    """All cells of a list of Row, one a line, fractions."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in rows:
        system = row.system
        first = [row.table, system.name, system.base, "+".join(system.streams)]
        first += [row.training, row.inference, row.split]
        for metric, cell in row.cells.items():
            line = [*first, metric, len(cell.values)]
            line += [cell.mean, cell.deviation, *cell.paper]
            found = cell.difference or Difference(None)
            line += [found.value, *(found.seeds or (None, None))]
            writer.writerow([*line, *(found.clips or (None, None))])
    return text.getvalue()


def latex(rows, table_notes):
    """All tables in LaTeX; `table_notes`: number -> `paper.notes`."""
    parts = []
    for number_of_table, found_notes in sorted(table_notes.items()):
        header = [*first_titles(number_of_table), "seeds", *TITLES.values()]
        own = [row for row in rows if row.table == number_of_table]
        caption = title_of(number_of_table, found_notes)
        caption += ". Below each figure the paper's." + fewer_seeds(own)
        parts += [
            r"\begin{table}",
            rf"\caption{{{escaped(caption)}}}",
            rf"\begin{{tabular}}{{{'l' * len(header)}}}",
            r"\hline",
            _line(header),
            r"\hline",
        ]
        for row in own:
            ours = [
                shown_cell(metric, cell, row.n_seeds)
                for metric, cell in row.cells.items()
            ]
            parts.append(_line([*first_cells(row), row.n_seeds, *ours]))
            papers = [spread(m, *cell.paper) for m, cell in row.cells.items()]
            parts.append(_line([""] * (len(header) - len(papers)) + papers))
        parts += [r"\hline", r"\end{tabular}", r"\end{table}", ""]
    return "\n".join(parts)


def _line(cells):
    return " & ".join(escaped(cell) for cell in cells) + r" \\"


def escaped(text):
    """A text as LaTeX shows it.

    Example
    -------
    >>> escaped("EBF1 % of efficientnet_lite0")
    'EBF1 \\\\% of efficientnet\\\\_lite0'
    """
    return str(text).translate(_SPECIAL)
