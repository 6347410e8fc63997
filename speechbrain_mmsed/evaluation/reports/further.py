"""Figures beside the paper's five, and what exactly every figure is.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import importlib.metadata

from speechbrain_mmsed.evaluation.metrics.psds_scenarios import SCENARIOS
from speechbrain_mmsed.evaluation.reports.documents import text_sections
from speechbrain_mmsed.evaluation.reports.report_tables import AVERAGES
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
    """Titles and texts of further figures and intervals of a system."""
    return text_sections("further.txt", further=further, name=name)


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


def figures_section(report, name):
    """Title and text of what every figure of a system is."""
    return text_sections("figures.txt", report=report, name=name)
