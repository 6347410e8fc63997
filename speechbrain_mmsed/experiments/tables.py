"""Tables of an experiment in markdown.

Authors
 * The speechbrain_mmsed authors, 2026
"""

from speechbrain_mmsed.evaluation.reports.report_tables import (
    SPLIT_TITLES,
    TITLES,
    table,
)
from speechbrain_mmsed.experiments.tables_cells import (
    fewer_seeds,
    shown_cell,
    shown_difference,
    spread,
)

TABLE_TITLES = {
    5: "Table 5: sound alone and one stream, fixed weights in training",
    6: "Table 6: one stream, random weights in training",
    7: "Table 7: table 5 by availability of video",
    8: "Table 8: two streams",
}
LEGEND = (
    "Mean ± standard deviation over seeds of the evaluation set; F1 in %. "
    "Beside each figure the paper's."
)
DIFFERENCE_LEGEND = (
    "Difference from sound alone with the same base model (of clips with "
    "video: from sound alone on the same clips); then its 95 % intervals: "
    "over seeds (Welch), over clips (paired bootstrap, seeds averaged)."
)
OTHER_CLIPS = (
    "No difference, since the clips are not the same (a stream may lack for a "
    "clip that has a film):"
)
STARS = (
    " *: the interval over seeds leaves out 0, with six seeds or more on both "
    "sides; no correction for the number of comparisons."
)


def title_of(number_of_table, found_notes):
    """Title of a table, with what keeps it from being the published one.

    Arguments
    ---------
    number_of_table : int
        5 to 8.
    found_notes : list of str
        As `notes` returns.

    Returns
    -------
    str
    """
    title = TABLE_TITLES[number_of_table]
    if not found_notes:
        return title
    return f"{title} (not the paper's experiment: {'; '.join(found_notes)})"


def inputs_of(system):
    """What a system hears and sees.

    Arguments
    ---------
    system : System
        A system of a plan.

    Returns
    -------
    str
    """
    return " + ".join(["sound", *system.streams])


def markdown_table(number_of_table, rows, found_notes):
    """One table with its title, and the differences from sound alone.

    Arguments
    ---------
    number_of_table : int
        5 to 8.
    rows : list of Row
        Its rows.
    found_notes : list of str
        As `notes` returns.

    Returns
    -------
    str
    """
    parts = [f"## {title_of(number_of_table, found_notes)}"]
    header = [*first_titles(number_of_table), "seeds"]
    for title in TITLES.values():
        header += [title, "paper"]
    lines = []
    for row in rows:
        line = [*first_cells(row), row.n_seeds]
        for metric, cell in row.cells.items():
            line.append(shown_cell(metric, cell, row.n_seeds))
            line.append(spread(metric, *cell.paper))
        lines.append(line)
    n_texts = len(header) - 1 - 2 * len(TITLES)
    parts += [LEGEND + fewer_seeds(rows), table(header, lines, n_texts)]
    lines = [
        first_cells(row)
        + [shown_difference(m, c.difference) for m, c in row.cells.items()]
        for row in rows
        if row.other_clips
        or any(cell.difference for cell in row.cells.values())
    ]
    if lines:
        header = [*first_titles(number_of_table), *TITLES.values()]
        starred = any(
            cell.difference and cell.difference.star
            for row in rows
            for cell in row.cells.values()
        )
        legend = DIFFERENCE_LEGEND + (STARS if starred else "")
        parts += [legend, table(header, lines, n_texts)]
    different = [row for row in rows if row.other_clips]
    if different:
        items = [
            f"- {', '.join(str(cell) for cell in first_cells(row)[:3])}: "
            f"{row.other_clips}"
            for row in different
        ]
        parts += [OTHER_CLIPS, "\n".join(items)]
    return "\n\n".join(parts)


def first_titles(number_of_table):
    """Titles of the columns that say which system it is.

    Arguments
    ---------
    number_of_table : int
        5 to 8.

    Returns
    -------
    list of str
    """
    middle = ["video"] if number_of_table == 7 else ["training"]
    return ["base model", "inputs", *middle, "inference"]


def first_cells(row):
    """Cells under `first_titles`.

    Arguments
    ---------
    row : Row
        A system in a table.

    Returns
    -------
    list
    """
    middle = SPLIT_TITLES[row.split] if row.table == 7 else row.training
    inference = 1 if row.split == "video_ignored" else f"{row.inference:g}"
    return [row.system.base, inputs_of(row.system), middle, inference]
