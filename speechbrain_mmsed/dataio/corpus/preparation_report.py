"""The table that preparation prints, and the notes below it.

Authors
 * The speechbrain_mmsed authors, 2026
"""

FILM_REASONS = ["absent", "unreadable", "too short", "not recorded"]


def report_table(subsets):
    """What was expected and what was found, per subset.

    Arguments
    ---------
    subsets : dict
        subset -> counts as from `dataio.probe.summarise`.

    Returns
    -------
    str
        A table in markdown, aligned for the screen.
    """
    header = ["subset", "expected", "found", "missing sound", "with film"]
    header += ["without film", *FILM_REASONS]
    rows = []
    for name, counts in subsets.items():
        reasons = dict(counts["film_reasons"])
        rows.append(
            [
                name,
                counts["expected"],
                counts["found"],
                counts["missing_sound"],
                counts["with_film"],
                counts["without_film"],
                *(reasons.pop(reason, 0) for reason in FILM_REASONS),
            ]
        )
    return align_table(header, rows)


def align_table(header, rows):
    """A markdown table with columns of equal width.

    Arguments
    ---------
    header : list of str
        Titles.
    rows : list of list
        Cells; all but the first column are aligned to the right.

    Returns
    -------
    str

    Example
    -------
    >>> print(align_table(["subset", "n"], [["weak", 1578]]))
    | subset |    n |
    | :----- | ---: |
    | weak   | 1578 |
    """
    cells = [[str(cell) for cell in row] for row in [header, *rows]]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = []
    for row in cells:
        texts = [row[0].ljust(widths[0])]
        texts += [c.rjust(w) for c, w in zip(row[1:], widths[1:], strict=True)]
        lines.append("| " + " | ".join(texts) + " |")
    rule = [":" + "-" * (widths[0] - 1)]
    rule += ["-" * (width - 1) + ":" for width in widths[1:]]
    lines.insert(1, "| " + " | ".join(rule) + " |")
    return "\n".join(lines)


def report_notes(subsets, warnings):
    """Everything that was corrected or is out of the ordinary, in lines.

    Arguments
    ---------
    subsets : dict
        subset -> counts, with "sound" and "annotations" (name -> number),
        "missing_reasons" and "film_reasons".
    warnings : list of str
        Sentences to put in front.

    Returns
    -------
    list of str
        Without counts of zero.
    """
    notes = [f"- WARNING: {warning}" for warning in warnings]
    for name, counts in subsets.items():
        for title in ("missing_reasons", "sound", "annotations", "ignored"):
            parts = [
                f"{key.replace('_', ' ')} {number}"
                for key, number in counts.get(title, {}).items()
                if number
            ]
            if parts:
                shown = title.replace("_reasons", " sound")
                notes.append(f"- {name}, {shown}: {', '.join(parts)}")
        for reason, number in counts["film_reasons"].items():
            if reason not in FILM_REASONS:
                notes.append(f"- {name}, films: {reason} {number}")
    return notes
