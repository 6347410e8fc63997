"""Figures beside the paper's five, and what exactly every figure is.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import importlib.metadata

from speechbrain_mmsed.evaluation.metrics.psds_scenarios import SCENARIOS
from speechbrain_mmsed.evaluation.reports.report_tables import (
    AVERAGES,
    NAMES,
    SPLIT_TITLES,
    TITLES,
    Section,
    Table,
    number,
)
from speechbrain_mmsed.evaluation.statistics.clip_statistics import (
    THRESHOLD_FREE,
    intervals,
)

FURTHER = ("ibf1", *THRESHOLD_FREE)
DEFINITIONS = {
    "cbf1": "micro F1 of clip labels",
    "sbf1": "micro F1 of 1 s segments",
    "ebf1": (
        "macro F1 of events: onset within 200 ms, offset within the larger of "
        "200 ms and 20 % of the event, optimal matching; a class that is "
        "never predicted counts 0"
    ),
    **{
        name: f"PSDS, {scenario.text()}" for name, scenario in SCENARIOS.items()
    },
}


def further_figures(statistics, with_intervals=True):
    """Further figures of all clips, with intervals if asked.

    From counts by clip, as `clip_statistics` returns them. figures: for each
    kind micro and macro or value, class_wise, definition, computed_by,
    n_classes, reason. intervals: of these and the five, or {}.
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
    return {
        **{name: result[name] for name in AVERAGES if name in result},
        "class_wise": {
            label: value["f1"] if isinstance(value, dict) else value
            for label, value in result["class_wise"].items()
        },
        "definition": result["definition"],
        "computed_by": _with_version(result["computed_by"]),
        "n_classes": result["n_classes"],
        "reason": result["reason"],
    }


def _with_version(computed_by):
    """The code that computed a figure, with its version."""
    if computed_by in ("speechbrain_mmsed", "counts of speechbrain_mmsed"):
        version = importlib.metadata.version("speechbrain_mmsed")
        return f"{computed_by} {version}"
    return computed_by


def further_sections(further, name):
    """Further figures and intervals of a system, as sections."""
    figures = further["figures"]
    rows = [
        [NAMES[kind], _average(average), figure["computed_by"]]
        + [number(kind, figure[average])]
        for kind, figure in figures.items()
        for average in AVERAGES
        if average in figure
    ]
    by_class = [
        [
            label,
            *(number(k, f["class_wise"][label]) for k, f in figures.items()),
        ]
        for label in next(iter(figures.values()))["class_wise"]
    ]
    points = [
        f"{NAMES[kind]}: {figure['definition']}; {figure['n_classes']} classes"
        + (f" ({figure['reason']})" if figure["reason"] else "")
        + "."
        for kind, figure in figures.items()
    ]
    shared = "The intersection-based F1 has thresholds and windows of EBF1"
    if len(figures) > 1:
        shared += ", PSDS over all thresholds the windows of PSDS"
    blocks = [
        Table(["figure", "average", "computed by", "value"], rows, 3),
        Table(["class", *(NAMES[kind] for kind in figures)], by_class),
        points,
        f"{shared}. F1 in %.",
    ]
    sections = [
        Section(f"Beside the paper's figures, {name}, all clips", blocks)
    ]
    if further["intervals"]:
        blocks = _intervals(further["intervals"])
        sections.append(Section(f"Intervals, {name}, all clips", blocks))
    return sections


def _average(name):
    """The average in a cell; PSDS has but one."""
    return "" if name == "value" else name


def _intervals(results):
    """A row for each average with its interval."""
    rows, draws = [], {}
    for kind, result in results.items():
        draws.setdefault(result["n_resamples"], []).append(NAMES[kind])
        for name in AVERAGES:
            figure = result["figures"].get(name)
            if figure is not None:
                keys = ("value", "low", "high", "bootstrap_error")
                cells = [number(kind, figure[key]) for key in keys]
                rows.append([NAMES[kind], _average(name), *cells])
    some = next(iter(results.values()))
    header = ["figure", "average", "value", "from", "to", "error"]
    said = "; ".join(f"{n} for {', '.join(k)}" for n, k in draws.items())
    return [
        f"{some['level']:.0%} intervals: {some['method']} ({some['n_clips']} "
        "clips); thresholds and windows are kept.",
        Table(header, rows, 2),
        f"Resamples: {said} (seed {some['seed']}). Definitions of the "
        "figures are in the other sections. PSDS of resamples lies below that "
        "of the clips themselves, because chance enlarges the deviation over "
        "classes; report.json has the bias and the basic interval.",
    ]


def describe_figures(report, form, said, n_points=0):
    """Every figure with all that it takes to understand it.

    [model][split][metric]: value, reason (why it is None), definition,
    post_processing, parameters, n_classes, averaged_classes, computed_by
    (library and version).
    """

    def describe(model, split, metric, value):
        averaged = report["averaged_classes"][model][split][metric]
        return {
            "value": value,
            "reason": report["null_reasons"][model][split].get(metric),
            "definition": _definition(metric, form, n_points),
            "post_processing": said,
            "parameters": report["tuned_parameters"][model].get(metric),
            "n_classes": len(averaged),
            "averaged_classes": averaged,
            "computed_by": _with_version(
                report["computed_by"][model][split][metric]
            ),
        }

    return {
        model: {
            split: {
                metric: describe(model, split, metric, value)
                for metric, value in metrics.items()
            }
            for split, metrics in splits.items()
        }
        for model, splits in report["metrics"].items()
    }


def _definition(metric, form, n_points):
    """The definition, with what this form of predictions adds to it."""
    added = ""
    if metric.startswith("psds"):
        added = "; 50 thresholds 0.01 to 0.99"
        if form == "event-tsv":
            added = f"; {n_points} operating points as given"
    elif metric == "cbf1" and form == "event-tsv":
        added = "; a clip's labels are those of its events"
    elif metric == "cbf1" and form == "score-tsv":
        added = "; a clip's score is the largest of its frames"
    return DEFINITIONS[metric] + added


def figures_section(figures, said, notes):
    """A row for each figure of one system, and what each is."""
    rows, meanings = [], {}
    for split, metrics in figures.items():
        for metric, figure in metrics.items():
            if figure["value"] is None:
                continue
            meanings[TITLES[metric]] = figure["definition"]
            rows.append(
                [
                    TITLES[metric],
                    SPLIT_TITLES[split],
                    figure["computed_by"],
                    number(metric, figure["value"]),
                    figure["n_classes"],
                ]
            )
    header = ["figure", "clips", "computed by", "value", "classes"]
    points = [f"{title}: {text}." for title, text in meanings.items()]
    blocks = [said, notes, Table(header, rows, 3), points]
    return Section("What was evaluated, and how", blocks)
