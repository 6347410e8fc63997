"""Tables of a report, in markdown that is legible on a screen as well.

Authors
 * The speechbrain_mmsed authors, 2026
"""

TITLES = {
    "cbf1": "CBF1 %",
    "sbf1": "SBF1 %",
    "ebf1": "EBF1 %",
    "psds1": "PSDS1",
    "psds2": "PSDS2",
}
F1_TITLES = {"cbf1": "CBF1", "sbf1": "SBF1", "ebf1": "EBF1"}
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
        One of the five.
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
    if metric.startswith("psds"):
        return f"{value:.4f}"
    return f"{100 * value:.2f}"


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


def figures_table(report, models):
    """The five metrics, a row for each model and split.

    Arguments
    ---------
    report : dict
        As `report_data` returns.
    models : dict
        [model][split][metric], fractions or None.

    Returns
    -------
    str
    """
    rows = []
    for model, splits in models.items():
        for split, metrics in splits.items():
            clips = report["counts"]["splits"][split]["clips"]
            figures = [number(m, metrics[m]) for m in TITLES]
            rows.append([model, SPLIT_TITLES[split], clips, *figures])
    return table(["model", "video", "clips", *TITLES.values()], rows, 2)


def classes_table(report, model):
    """F1 of every class, and area under its own PSD-ROC.

    Arguments
    ---------
    report : dict
        As `report_data` returns.
    model : str
        Name of a model.

    Returns
    -------
    str
    """
    values = report["class_wise"][model]["all"]
    events = report["counts"]["subsets"]["evaluation"]["events_of_class"]
    rows = [
        [label, events[label]]
        + [number(metric, values[metric][label]) for metric in TITLES]
        for label in report["class_labels"]
    ]
    titles = [
        f"{title} area" if metric.startswith("psds") else title
        for metric, title in TITLES.items()
    ]
    return table(["class", "events", *titles], rows)


def averages_table(report):
    """Micro and macro average of every F1, a row for each model and split.

    Arguments
    ---------
    report : dict
        As `report_data` returns.

    Returns
    -------
    str
        "" where no F1 is defined.
    """
    rows = [
        [model, SPLIT_TITLES[split]]
        + [
            " / ".join(
                number(metric, averages.get(metric, {}).get(name))
                for name in ("micro", "macro")
            )
            for metric in F1_TITLES
        ]
        for model, splits in report["f1_averages"].items()
        for split, averages in splits.items()
        if averages
    ]
    if not rows:
        return ""
    return (
        table(["model", "video", *F1_TITLES.values()], rows, 2)
        + "\n\nMicro / macro in %. The paper reports CBF1 and SBF1 micro, "
        "EBF1 macro."
    )


def counts_table(report, model):
    """What the F1 of every class is made of.

    Arguments
    ---------
    report : dict
        As `report_data` returns.
    model : str
        Name of a model.

    Returns
    -------
    str
        "" where no F1 is defined.
    """
    counts = report["class_counts"][model]["all"]
    if not counts:
        return ""
    rows = [
        [label]
        + [
            " / ".join(
                str(counts[metric][label][n]) for n in ("tp", "fp", "fn")
            )
            for metric in F1_TITLES
        ]
        for label in report["class_labels"]
    ]
    header = ["class", "clips", "segments", "events"]
    return table(header, rows) + "\n\nFound / invented / missed."


def parameters_table(report, model):
    """Threshold and median window of every class and metric.

    Arguments
    ---------
    report : dict
        As `report_data` returns.
    model : str
        Name of a model.

    Returns
    -------
    str
    """
    tuned = report["tuned_parameters"][model]
    rows = []
    for c, label in enumerate(report["class_labels"]):
        row = [label]
        for metric in TITLES:
            values = [
                tuned[metric][name][c]
                for name in ("thresholds", "windows")
                if tuned[metric][name] is not None
            ]
            mark = "" if tuned[metric]["tuned"][c] else " (default)"
            row.append(" / ".join(f"{value:g}" for value in values) + mark)
        rows.append(row)
    default = "(default): no validation events of this class."
    if not any(any(values["tuned"]) for values in tuned.values()):
        default = "(default): not tuned."
    header = ["class"]
    header += [f"{title.removesuffix(' %')}" for title in TITLES.values()]
    return (
        table(header, rows)
        + "\n\nThreshold / median window in frames; CBF1 has no window, PSDS "
        f"no threshold. {default}"
    )
