"""What every figure is: definition, post-processing, classes and library.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import importlib.metadata

from speechbrain_mmsed.evaluation.metrics.psd_roc import SCENARIOS
from speechbrain_mmsed.evaluation.reports.report_tables import (
    SPLIT_TITLES,
    TITLES,
    number,
    table,
)

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
FIFTY = "50 thresholds 0.01 to 0.99"


def untuned_text(threshold, window, frame_hop):
    """The label of figures whose parameters were not tuned.

    Arguments
    ---------
    threshold : float
        Of every class.
    window : int
        Frames.
    frame_hop : float
        Seconds.

    Returns
    -------
    str

    Example
    -------
    >>> untuned_text(0.5, 1, 0.064)
    'Untuned: threshold 0.5, no median filter, the same for every class.'
    """
    smooth = "no median filter"
    if window > 1:
        smooth = f"median window {window} frames ({window * frame_hop:g} s)"
    return (
        f"Untuned: threshold {threshold:g}, {smooth}, the same for every class."
    )


def describe(report, inputs, said):
    """Every figure with all that it takes to understand it.

    Arguments
    ---------
    report : dict
        As `report_data` returns.
    inputs : Inputs
        What was evaluated.
    said : str
        How scores became events.

    Returns
    -------
    dict
        [model][split][metric]: value, reason (why it is None), definition,
        post_processing, parameters, n_classes, averaged_classes,
        computed_by (library and version).
    """
    figures = {}
    for model, splits in report["metrics"].items():
        figures[model] = {
            split: {
                metric: {
                    "value": value,
                    "reason": report["null_reasons"][model][split].get(metric),
                    "definition": _definition(metric, inputs),
                    "post_processing": said,
                    "parameters": report["tuned_parameters"][model].get(metric),
                    "n_classes": len(
                        report["averaged_classes"][model][split][metric]
                    ),
                    "averaged_classes": report["averaged_classes"][model][
                        split
                    ][metric],
                    "computed_by": _library(
                        report["computed_by"][model][split][metric]
                    ),
                }
                for metric, value in metrics.items()
            }
            for split, metrics in splits.items()
        }
    return figures


def _definition(metric, inputs):
    """The definition, with what this kind of predictions adds to it."""
    text = DEFINITIONS[metric]
    if metric.startswith("psds"):
        if inputs.scores is None:
            return f"{text}; {len(inputs.points)} operating points as given"
        return f"{text}; {FIFTY}"
    if metric == "cbf1" and inputs.scores is None:
        return f"{text}; a clip's labels are those of its events"
    if metric == "cbf1" and inputs.form == "score-tsv":
        return f"{text}; a clip's score is the largest of its frames"
    return text


def _library(computed_by):
    """The code that computed a figure, with its version."""
    if computed_by in ("speechbrain_mmsed", "counts of speechbrain_mmsed"):
        version = importlib.metadata.version("speechbrain_mmsed")
        return f"{computed_by} {version}"
    return computed_by


def figures_section(report, model, said):
    """A row for each figure, in markdown.

    Arguments
    ---------
    report : dict
        With "figures" as `describe` returns.
    model : str
        The system.
    said : str
        How scores became events.

    Returns
    -------
    list of str
        Title and text.
    """
    rows, meanings = [], {}
    for split, metrics in report["figures"][model].items():
        for metric, figure in metrics.items():
            if figure["value"] is None:
                continue
            meanings[TITLES[metric]] = figure["definition"]
            rows.append(
                [
                    TITLES[metric],
                    SPLIT_TITLES[split],
                    number(metric, figure["value"]),
                    figure["n_classes"],
                    figure["computed_by"],
                ]
            )
    # The library is a word, but the table has its words on the left.
    rows = [[a, b, e, c, d] for a, b, c, d, e in rows]
    header = ["figure", "clips", "computed by", "value", "classes"]
    lines = [f"- {title}: {text}." for title, text in meanings.items()]
    notes = [f"- {note}" for note in report["notes"]]
    parts = [said, "\n".join(notes), table(header, rows, 3), "\n".join(lines)]
    return ["What was evaluated, and how", "\n\n".join(parts)]
