"""Tables of an experiment in markdown.

Authors
 * The speechbrain_mmsed authors, 2026
"""

from speechbrain_mmsed.evaluation.reports.report_tables import (
    SPLIT_TITLES,
    TITLES,
    Table,
    number,
)
from speechbrain_mmsed.pages import markdown_text

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
    "No difference, since the clips are not the same (a stream may be missing "
    "for a clip that has a film):"
)
STARS = (
    " *: the interval over seeds leaves out 0, with six seeds or more on both "
    "sides; no correction for the number of comparisons."
)
FEWER = " (n=k): in the other seeds the figure is not defined."


def title_of(number_of_table, found_notes):
    """Title of table 5 to 8, with the `paper.notes` on what it is not."""
    title = TABLE_TITLES[number_of_table]
    if not found_notes:
        return title
    return f"{title} (not the paper's experiment: {'; '.join(found_notes)})"


def inputs_of(system):
    """What a system hears and sees, and whom it learned from, as text."""
    taught = f", taught by {system.pseudo_labels}" * bool(system.pseudo_labels)
    return " + ".join(["sound", *system.streams]) + taught


def markdown_table(number_of_table, rows, found_notes):
    """One table (list of Row), its title, the differences from sound alone."""
    names = first_titles(number_of_table)
    header = [*names, "seeds"]
    for title in TITLES.values():
        header += [title, "paper"]
    lines = []
    for row in rows:
        line = [*first_cells(row), row.n_seeds]
        for metric, cell in row.cells.items():
            line.append(shown_cell(metric, cell, row.n_seeds))
            line.append(spread(metric, *cell.paper))
        lines.append(line)
    parts = [
        f"## {markdown_text(title_of(number_of_table, found_notes))}",
        LEGEND + fewer_seeds(rows),
        str(Table(header, lines, len(names))),
    ]
    differences = [
        cell.difference
        for row in rows
        for cell in row.cells.values()
        if cell.difference
    ]
    other_clips = [row for row in rows if row.other_clips]
    if differences or other_clips:
        starred = any(found.star for found in differences)
        lines = [
            first_cells(row)
            + [_shown_difference(m, c.difference) for m, c in row.cells.items()]
            for row in rows
            if row.other_clips or any(c.difference for c in row.cells.values())
        ]
        parts += [
            DIFFERENCE_LEGEND + (STARS if starred else ""),
            str(Table([*names, *TITLES.values()], lines, len(names))),
        ]
    if other_clips:
        items = [
            "- " + markdown_text(f"{', '.join(cells[:3])}: {row.other_clips}")
            for row in other_clips
            for cells in [first_cells(row)]
        ]
        parts += [OTHER_CLIPS, "\n".join(items)]
    return "\n\n".join(parts)


def choices_table(choices):
    """Which weights were chosen (System -> Choice), and from what; or ""."""
    rows = []
    for system, choice in choices.items():
        if len(choice.tried) < 2:
            continue
        pair = choice.configuration.training, choice.weight
        for tried, (f1, n_runs) in choice.tried.items():
            text = number("ebf1", None if f1 < 0 else f1)
            mark = "chosen" if tried == pair else ""
            rows.append([system.name, *tried, n_runs, text, mark])
    if not rows:
        return ""
    header = ["system", "training", "inference", "seeds", "EBF1 %", ""]
    return (
        "## Chosen weights of the sound\n\nBy mean validation event-based "
        "F1 over the seeds that all training weights of a system have."
        f"\n\n{Table(header, rows)}"
    )


def first_titles(number_of_table):
    """Titles of the columns that say which system it is."""
    middle = "video" if number_of_table == 7 else "training"
    return ["base model", "inputs", middle, "inference"]


def first_cells(row):
    """Cells of a Row under `first_titles`."""
    middle = SPLIT_TITLES[row.split] if row.table == 7 else row.training
    inference = 1 if row.split == "video_ignored" else f"{row.inference:g}"
    return [row.system.base, inputs_of(row.system), middle, inference]


def spread(metric, mean, deviation):
    """A mean with its deviation, both fractions or None.

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

    Example
    -------
    >>> from sweep.rows import Cell
    >>> shown_cell("ebf1", Cell([0.5, 0.52]), 2)
    '51.00 ± 1.41'
    >>> shown_cell("ebf1", Cell([0.5, 0.52]), 3)
    '51.00 ± 1.41 (n=2)'
    """
    text = spread(metric, cell.mean, cell.deviation)
    n = len(cell.values)
    return text if n in (0, n_seeds) else f"{text} (n={n})"


def fewer_seeds(rows):
    """What "(n=k)" means, if a figure of the rows has it."""
    fewer = any(
        0 < len(cell.values) < row.n_seeds
        for row in rows
        for cell in row.cells.values()
    )
    return FEWER if fewer else ""


def _shown_difference(metric, found):
    """A difference with its intervals, such as "+2.00* [1.00, 3.00] [-]"."""
    if found is None:
        return "-"
    ends = []
    for interval in (found.seeds, found.clips):
        shown = ", ".join(number(metric, end) for end in interval or ())
        ends.append(f"[{shown or '-'}]")
    sign = "+" if found.value >= 0 else ""
    star = "*" if found.star else ""
    return f"{sign}{number(metric, found.value)}{star} {' '.join(ends)}"
