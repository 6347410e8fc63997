"""Titles, numbers and tables of reports.

Authors
 * The speechbrain_mmsed authors, 2026
"""

from dataclasses import dataclass

TITLES = {
    **{"cbf1": "CBF1 %", "sbf1": "SBF1 %", "ebf1": "EBF1 %"},
    **{"psds1": "PSDS1", "psds2": "PSDS2"},
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
# What each F1 counts.
F1_COLUMNS = {"cbf1": "clips", "sbf1": "segments", "ebf1": "events"}
SPLIT_TITLES = {
    "all": "all clips",
    "video_available": "available",
    "video_ignored": "available but ignored",
    "video_unavailable": "unavailable",
}


def number(metric, value):
    """A fraction as the paper writes it, or a dash for None.

    F1 is in per cent; `metric` is a key of `NAMES`.

    Example
    -------
    >>> number("ebf1", 0.5123), number("psds1", 0.4083), number("sbf1", None)
    ('51.23', '0.4083', '-')
    """
    if value is None:
        return "-"
    return f"{value:.4f}" if "psds" in metric else f"{100 * value:.2f}"


@dataclass
class Table:
    """A table in a section; as text it is markdown that is legible as it is.

    The `n_texts` columns on the left hold words, the others numbers.

    Example
    -------
    >>> print(Table(["class", "F1"], [["Dog", "51.2"]]))
    | class |   F1 |
    |:------|-----:|
    | Dog   | 51.2 |
    """

    header: list
    rows: list
    n_texts: int = 1

    def __str__(self):
        cells = [list(map(str, row)) for row in [self.header, *self.rows]]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        texts, numbers = widths[: self.n_texts], widths[self.n_texts :]
        form = [f"{{:<{w}}}" for w in texts] + [f"{{:>{w}}}" for w in numbers]
        lines = ["| " + " | ".join(form).format(*row) + " |" for row in cells]
        rule = [":" + "-" * (w + 1) for w in texts]
        rule += ["-" * (w + 1) + ":" for w in numbers]
        lines.insert(1, f"|{'|'.join(rule)}|")
        return "\n".join(lines)


def figures_table(report, models):
    """The five metrics, a row for each model and split."""
    splits_of_first = report["counts"]["splits"]
    rows = [
        [model, SPLIT_TITLES[split], splits_of_first[split]["clips"]]
        + [number(metric, metrics[metric]) for metric in TITLES]
        for model, splits in models.items()
        for split, metrics in splits.items()
    ]
    return Table(["model", "video", "clips", *TITLES.values()], rows, 2)


def averages_table(report):
    """Micro and macro average of every F1, a row for each model and split."""
    rows = [
        [model, SPLIT_TITLES[split]]
        + [
            f"{number(metric, of['micro'])} / {number(metric, of['macro'])}"
            for metric, of in averages.items()
        ]
        for model, splits in report["f1_averages"].items()
        for split, averages in splits.items()
        if averages
    ]
    return Table(["model", "video", *(NAMES[m] for m in F1_COLUMNS)], rows, 2)


def classes_table(report, model):
    """F1 of every class, and area under its own PSD-ROC."""
    values = report["class_wise"][model]["all"]
    events = report["counts"]["subsets"]["evaluation"]["events_of_class"]
    rows = [
        [label, events[label]]
        + [number(metric, values[metric][label]) for metric in TITLES]
        for label in report["class_labels"]
    ]
    areas = [f"{TITLES[metric]} area" for metric in ("psds1", "psds2")]
    f1 = [TITLES[metric] for metric in F1_COLUMNS]
    return Table(["class", "events", *f1, *areas], rows)


def counts_table(report, model):
    """What the F1 of every class is made of."""
    counts = report["class_counts"][model]["all"].values()
    rows = [
        [label, *("{tp} / {fp} / {fn}".format(**of[label]) for of in counts)]
        for label in report["class_labels"]
    ]
    return Table(["class", *F1_COLUMNS.values()], rows)


def parameters_table(report, model):
    """Threshold and median window of every class and metric."""
    tuned = report["tuned_parameters"][model]

    def cell(parameters, index):
        both = parameters["thresholds"], parameters["windows"]
        text = " / ".join(f"{x[index]:g}" for x in both if x is not None)
        return text + ("" if parameters["tuned"][index] else " (default)")

    rows = [
        [label, *(cell(tuned[metric], index) for metric in TITLES)]
        for index, label in enumerate(report["class_labels"])
    ]
    return Table(["class", *(NAMES[metric] for metric in TITLES)], rows)


def described_table(figures):
    """The figures of a system that have a value, and who computed them."""
    rows = [
        [TITLES[metric], SPLIT_TITLES[split], figure["computed_by"]]
        + [number(metric, figure["value"]), figure["n_classes"]]
        for split, metrics in figures.items()
        for metric, figure in metrics.items()
        if figure["value"] is not None
    ]
    header = ["figure", "clips", "computed by", "value", "classes"]
    return Table(header, rows, 3)


def further_table(figures):
    """The averages of figures beside the five."""
    rows = [
        [*cells, figures[kind]["computed_by"], number(kind, value)]
        for kind, cells, value in _averages(figures)
    ]
    return Table(["figure", "average", "computed by", "value"], rows, 3)


def further_classes_table(figures):
    """Figures beside the five, of every class."""
    of_classes = {kind: f["class_wise"] for kind, f in figures.items()}
    rows = [
        [label, *(number(kind, f[label]) for kind, f in of_classes.items())]
        for label in next(iter(of_classes.values()))
    ]
    return Table(["class", *(NAMES[kind] for kind in figures)], rows)


def intervals_table(intervals):
    """Every average with its interval."""
    columns = {"value": "value", "low": "from", "high": "to"}
    columns["bootstrap_error"] = "error"
    figures = {kind: result["figures"] for kind, result in intervals.items()}
    rows = [
        [*cells, *(number(kind, figure[key]) for key in columns)]
        for kind, cells, figure in _averages(figures)
    ]
    return Table(["figure", "average", *columns.values()], rows, 2)


def _averages(figures):
    """Kind, two cells (PSDS names no average) and content of averages."""
    return [
        (kind, [NAMES[kind], "" if name == "value" else name], figure[name])
        for kind, figure in figures.items()
        for name in AVERAGES
        if name in figure
    ]


def figure_name(kind, name):
    """What an average or a class of a figure is called, in one cell."""
    return f"{NAMES[kind]} {name}".removesuffix(" value")


def differences_table(results, names):
    """Differences of two systems, of the averages or classes named."""
    some = next(iter(results.values()))
    rows = [
        [figure_name(kind, name), *_difference(kind, result["figures"][name])]
        for kind, result in results.items()
        for name in names
        if name in result["figures"]
    ]
    header = ["figure", *some["names"], "difference"]
    return Table([*header, f"{some['level']:.0%} interval", "p"], rows)


def _difference(kind, figure):
    """The cells of a difference that may be undefined."""
    if figure["difference"] is None or figure["low"] is None:
        return ["-"] * 5
    scale, digits = (1, 4) if "psds" in kind else (100, 2)
    difference, low, high = (
        f"{scale * figure[name]:+.{digits}f}"
        for name in ("difference", "low", "high")
    )
    values = [number(kind, figure[name]) for name in ("first", "second")]
    return [*values, difference, f"{low} to {high}", f"{figure['p_value']:.4f}"]
