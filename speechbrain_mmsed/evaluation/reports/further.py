"""Figures beside the paper's five: by intersection, over all thresholds.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import importlib.metadata

from speechbrain_mmsed.evaluation.reports.comparison_table import (
    AVERAGES,
    NAMES,
)
from speechbrain_mmsed.evaluation.reports.report_tables import table
from speechbrain_mmsed.evaluation.statistics.clip_statistics import (
    THRESHOLD_FREE,
    intervals,
)

FURTHER = ("ibf1", *THRESHOLD_FREE)


def further_figures(statistics, with_intervals=True):
    """Further figures of all clips, with intervals if asked.

    Arguments
    ---------
    statistics : dict
        As `clip_statistics` or `event_statistics` returns.
    with_intervals : bool
        Whether clips are resampled, for these figures and the five.

    Returns
    -------
    dict
        figures: for each kind micro and macro or value, class_wise,
        definition, computed_by, n_classes. intervals: as
        `clip_statistics.intervals` returns, or {}.
    """
    return {
        "figures": {
            kind: _figure(counts.result())
            for kind, counts in statistics.items()
            if kind in FURTHER
        },
        "intervals": intervals(statistics) if with_intervals else {},
    }


def _figure(result):
    """The plain values of a result."""
    values = {name: result[name] for name in AVERAGES if name in result}
    class_wise = {
        label: value["f1"] if isinstance(value, dict) else value
        for label, value in result["class_wise"].items()
    }
    computed_by = result["computed_by"]
    if computed_by == "speechbrain_mmsed":
        computed_by += f" {importlib.metadata.version('speechbrain_mmsed')}"
    return {
        **values,
        "class_wise": class_wise,
        "definition": result["definition"],
        "computed_by": computed_by,
        "n_classes": result["n_classes"],
        "reason": result["reason"],
    }


def further_sections(further, name):
    """These figures in markdown.

    Arguments
    ---------
    further : dict
        As `further_figures` returns.
    name : str
        Of the system, for the titles.

    Returns
    -------
    list of list of str
        Titles and texts.
    """
    figures = further["figures"]
    rows = [
        [
            NAMES[kind],
            "" if name == "value" else name,
            figure["computed_by"],
            _cell(kind, figure[name]),
        ]
        for kind, figure in figures.items()
        for name in AVERAGES
        if name in figure
    ]
    labels = list(next(iter(figures.values()))["class_wise"])
    by_class = [
        [label, *(_cell(k, f["class_wise"][label]) for k, f in figures.items())]
        for label in labels
    ]
    lines = [
        f"- {NAMES[kind]}: {figure['definition']}; {figure['n_classes']} "
        f"classes{_because(figure)}."
        for kind, figure in figures.items()
    ]
    shared = ["The intersection-based F1 has thresholds and windows of EBF1"]
    if len(figures) > 1:
        shared.append("PSDS over all thresholds the windows of PSDS")
    parts = [
        table(["figure", "average", "computed by", "value"], rows, 3),
        table(["class", *(NAMES[kind] for kind in figures)], by_class),
        "\n".join(lines),
        f"{', '.join(shared)}. F1 in %.",
    ]
    title = f"Beside the paper's figures, {name}, all clips"
    sections = [[title, "\n\n".join(parts)]]
    if further["intervals"]:
        title = f"Intervals, {name}, all clips"
        sections.append([title, _intervals(further)])
    return sections


def _intervals(further):
    """A row for each average with its interval."""
    rows, draws = [], {}
    for kind, result in further["intervals"].items():
        for name, figure in result["figures"].items():
            if name in AVERAGES:
                keys = ("value", "low", "high", "bootstrap_error")
                cells = [_cell(kind, figure[key]) for key in keys]
                average = "" if name == "value" else name
                rows.append([NAMES[kind], average, *cells])
        draws.setdefault(result["n_resamples"], []).append(NAMES[kind])
    some = next(iter(further["intervals"].values()))
    header = ["figure", "average", "value", "from", "to", "error"]
    said = "; ".join(f"{n} for {', '.join(k)}" for n, k in draws.items())
    return (
        f"{some['level']:.0%} intervals: {some['method']} ({some['n_clips']} "
        f"clips); thresholds and windows are kept.\n\n{table(header, rows, 2)}"
        f"\n\nResamples: {said} (seed {some['seed']}). Definitions of the "
        "figures are in the other sections. PSDS of resamples lies below that "
        "of the clips themselves, because chance enlarges the deviation over "
        "classes; report.json has the bias and the basic interval."
    )


def _because(figure):
    return f" ({figure['reason']})" if figure["reason"] else ""


def _cell(kind, value):
    """F1 in per cent, PSDS as a fraction, a dash for None."""
    if value is None:
        return "-"
    return f"{value:.4f}" if "psds" in kind else f"{100 * value:.2f}"
