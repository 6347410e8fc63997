"""Tables of an experiment for other programs: csv, and LaTeX.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import csv
import io

from speechbrain_mmsed.evaluation.reports.report_tables import TITLES
from speechbrain_mmsed.experiments.latex import latex_table
from speechbrain_mmsed.experiments.tables import (
    first_cells,
    first_titles,
    title_of,
)
from speechbrain_mmsed.experiments.tables_cells import (
    fewer_seeds,
    shown_cell,
    spread,
)

COLUMNS = (
    *("table", "system", "base", "streams", "training", "inference", "split"),
    *("metric", "seeds", "mean", "std", "paper_mean", "paper_std"),
    *("difference", "seeds_low", "seeds_high", "clips_low", "clips_high"),
)


def csv_table(rows):
    """All cells, one a line, fractions.

    Arguments
    ---------
    rows : list of Row
        Of all tables.

    Returns
    -------
    str
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in rows:
        system = row.system
        first = [row.table, system.name, system.base, "+".join(system.streams)]
        first += [row.training, row.inference, row.split]
        for metric, cell in row.cells.items():
            line = [metric, len(cell.values), cell.mean, cell.deviation]
            line += cell.paper
            found = cell.difference
            none = (None, None)
            line.append(found.value if found else None)
            line += (found.seeds if found else None) or none
            line += (found.clips if found else None) or none
            writer.writerow(first + line)
    return text.getvalue()


def latex(rows, table_notes):
    """All tables in LaTeX.

    Arguments
    ---------
    rows : list of Row
        Of all tables.
    table_notes : dict
        Number of a table -> what `notes` returns for it.

    Returns
    -------
    str
    """
    parts = []
    for number_of_table in sorted({row.table for row in rows}):
        header = [*first_titles(number_of_table), "seeds", *TITLES.values()]
        lines = []
        own = [row for row in rows if row.table == number_of_table]
        for row in own:
            line = [*first_cells(row), row.n_seeds]
            for metric, cell in row.cells.items():
                ours = shown_cell(metric, cell, row.n_seeds)
                line.append((ours, spread(metric, *cell.paper)))
            lines.append(line)
        caption = title_of(number_of_table, table_notes[number_of_table])
        caption += ". Below each figure the paper's." + fewer_seeds(own)
        parts.append(latex_table(header, lines, caption))
    return "\n".join(parts)
