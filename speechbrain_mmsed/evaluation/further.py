"""Figures beside the paper's five: by intersection, over all thresholds.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import importlib.metadata

from speechbrain_mmsed.evaluation.clip_statistics import (
    KINDS,
    THRESHOLD_FREE,
    clip_statistics,
    intervals,
)
from speechbrain_mmsed.evaluation.report_tables import table

NAMES = {
    "cbf1": "CBF1",
    "sbf1": "SBF1",
    "ebf1": "EBF1",
    "ibf1": "intersection-based F1",
    "psds1": "PSDS1",
    "psds2": "PSDS2",
    "threshold_free_psds1": "PSDS1 over all thresholds",
    "threshold_free_psds2": "PSDS2 over all thresholds",
}
AVERAGES = ("micro", "macro", "value")


def further_figures(scores, truth, parameters, with_intervals=True):
    """Further figures of all clips, with intervals if asked.

    Arguments
    ---------
    scores : ClipScores
        Scores of N clips.
    truth : GroundTruth
        Their reference.
    parameters : dict
        For each metric a ClassParameters; the intersection-based F1 takes
        those of EBF1, PSDS over all thresholds the windows of PSDS.
    with_intervals : bool
        Whether clips are resampled, for these figures and the five.

    Returns
    -------
    dict
        figures: for each kind micro and macro or value, class_wise,
        definition, computed_by, n_classes. intervals: as
        `clip_statistics.intervals` returns, or {}.
    """
    kinds = ("ibf1", *THRESHOLD_FREE)
    if with_intervals:
        kinds = (*KINDS, *THRESHOLD_FREE)
    statistics = clip_statistics(scores, truth, parameters, kinds)
    figures = {
        kind: _figure(statistics[kind].result())
        for kind in ("ibf1", *THRESHOLD_FREE)
    }
    return {
        "figures": figures,
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
        [NAMES[kind], name, figure["computed_by"], _cell(kind, figure[name])]
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
    parts = [
        table(["figure", "average", "computed by", "value"], rows, 3),
        table(["class", *(NAMES[kind] for kind in figures)], by_class),
        "\n".join(lines),
        "The intersection-based F1 has thresholds and windows of EBF1, PSDS "
        "over all thresholds the windows of PSDS. F1 in %.",
    ]
    title = f"Beside the paper's figures, {name}, all clips"
    sections = [[title, "\n\n".join(parts)]]
    if further["intervals"]:
        title = f"Intervals, {name}, all clips"
        sections.append([title, _intervals(further)])
    return sections


def _intervals(further):
    """A row for each average with its interval."""
    rows, lines = [], []
    for kind, result in further["intervals"].items():
        for name, figure in result["figures"].items():
            if name in AVERAGES:
                keys = ("value", "low", "high", "bootstrap_error")
                cells = [_cell(kind, figure[key]) for key in keys]
                rows.append([NAMES[kind], name, *cells])
        lines.append(
            f"- {NAMES[kind]}: {result['definition']}; {result['n_classes']} "
            f"classes, {result['n_clips']} clips, {result['method']}, "
            f"{result['n_resamples']} resamples (seed {result['seed']}), "
            f"computed by {result['computed_by']}."
        )
    level = next(iter(further["intervals"].values()))["level"]
    header = ["figure", "average", "value", "from", "to", "error"]
    return (
        f"{level:.0%} intervals over clips; thresholds and windows are kept.\n"
        f"\n{table(header, rows, 2)}\n\n" + "\n".join(lines)
    )


def _because(figure):
    return f" ({figure['reason']})" if figure["reason"] else ""


def _cell(kind, value):
    """F1 in per cent, PSDS as a fraction, a dash for None."""
    if value is None:
        return "-"
    return f"{value:.4f}" if "psds" in kind else f"{100 * value:.2f}"
