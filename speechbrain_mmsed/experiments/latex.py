"""Tables in LaTeX that need no package.

Authors
 * The speechbrain_mmsed authors, 2026
"""

_SPECIAL = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "#": r"\#",
    "_": r"\_",
    "$": r"\$",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "±": r"$\pm$",
}


def escaped(text):
    """A text as LaTeX shows it.

    Arguments
    ---------
    text : object
        Anything with a text form.

    Returns
    -------
    str

    Example
    -------
    >>> escaped("EBF1 % of efficientnet_lite0")
    'EBF1 \\\\% of efficientnet\\\\_lite0'
    """
    return "".join(_SPECIAL.get(letter, letter) for letter in str(text))


def latex_table(header, rows, caption):
    """A table whose cells may have two lines.

    Arguments
    ---------
    header : list of str
        Titles.
    rows : list of list
        Cells; a tuple is written as two lines.
    caption : str
        What the table shows.

    Returns
    -------
    str
    """
    lines = [
        r"\begin{table}",
        rf"\caption{{{escaped(caption)}}}",
        rf"\begin{{tabular}}{{{'l' * len(header)}}}",
        r"\hline",
        " & ".join(escaped(title) for title in header) + r" \\",
        r"\hline",
    ]
    for row in rows:
        pairs = [
            cell if isinstance(cell, tuple) else (cell, "") for cell in row
        ]
        for part in range(2):
            cells = [escaped(pair[part]) for pair in pairs]
            if part == 0 or any(cells):
                lines.append(" & ".join(cells) + r" \\")
    return "\n".join([*lines, r"\hline", r"\end{tabular}", r"\end{table}", ""])
