"""A report as markdown, and its main tables for the screen.

Only rendering: every number comes from `report_data.py`, tables are made in
`report_tables.py`.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import pathlib

from speechbrain_mmsed.evaluation.reports.report_tables import (
    SPLIT_TITLES,
    TITLES,
    averages_table,
    classes_table,
    counts_table,
    figures_table,
    number,
    parameters_table,
)


def screen_report(report):
    """The tables of figures, and why some are empty.

    Arguments
    ---------
    report : dict
        As `report_data` returns.

    Returns
    -------
    str
    """
    parts = ["", figures_table(report, report["metrics"])]
    if report["controls"]:
        parts += ["", "Controls", figures_table(report, _of_controls(report))]
    for name, group in report["class_groups"].items():
        labels = ", ".join(group["labels"])
        parts += ["", f"Only {name} ({labels})"]
        parts.append(figures_table(report, group["metrics"]))
    return "\n".join([*parts, "", *_empty_figures(report), ""])


def render_report(report):
    """The whole report in markdown.

    Arguments
    ---------
    report : dict
        As `report_data` returns, with "pictures"; also "sections", a list of
        titles and texts, where more is to be said, and "tuned", False where
        thresholds and windows are not.

    Returns
    -------
    str
    """
    sections = [
        ("Evaluation", figures_table(report, report["metrics"])),
        ("Micro and macro averages", averages_table(report)),
        ("Figures that are not defined", "\n".join(_empty_figures(report))),
        ("Averaged classes", "\n".join(_averaged(report))),
    ]
    if report["controls"]:
        text = "\n".join(
            f"- {name}: parameters tuned on the validation scores of "
            f"{control['parameters_from']}"
            for name, control in report["controls"].items()
        )
        figures = figures_table(report, _of_controls(report))
        sections.insert(1, ("Controls", f"{figures}\n\n{text}"))
    for name, group in report["class_groups"].items():
        labels = ", ".join(group["labels"])
        figures = figures_table(report, group["metrics"])
        title = f"Class group {name}"
        sections.append((title, f"Only {labels}.\n\n{figures}"))
    for model in report["metrics"]:
        title = f"Classes, {model}, all clips"
        sections.append((title, classes_table(report, model)))
        title = f"Counts, {model}, all clips"
        sections.append((title, counts_table(report, model)))
        if report["tuned_parameters"][model]:
            what = "Tuned parameters"
            if not report.get("tuned", True):
                what = "Parameters (not tuned)"
            title = f"{what}, {model}"
            sections.append((title, parameters_table(report, model)))
    sections += report.get("sections", [])
    # The versions stand among the libraries.
    run = {k: v for k, v in report["metadata"].items() if k != "versions"}
    sections += [
        ("Weight of the primary stream", _weights(report)),
        ("Pictures", _pictures(report["pictures"])),
        ("Definitions and versions", _definitions(report)),
        ("Run", "\n".join(_lines(run))),
    ]
    parts = [f"## {title}\n\n{text}" for title, text in sections if text]
    return "# Report\n\n" + "\n\n".join(parts) + "\n"


def _clips(split):
    """A split in the middle of a sentence."""
    title = SPLIT_TITLES[split]
    return title if split == "all" else f"video {title}"


def _of_controls(report):
    """[control][split][metric]."""
    return {
        name: control["metrics"] for name, control in report["controls"].items()
    }


def _empty_figures(report):
    """One line for each reason, with the figures it explains."""
    reasons = {}

    def collect(name, splits):
        for split, metrics in splits.items():
            for metric, reason in metrics.items():
                where = reasons.setdefault((name, split, reason), [])
                where.append(TITLES[metric].removesuffix(" %"))

    for model, splits in report["null_reasons"].items():
        collect(model, splits)
    for model, control in report["controls"].items():
        collect(model, control["null_reasons"])
    for group, content in report["class_groups"].items():
        for model, splits in content["null_reasons"].items():
            collect(f"{model} ({group})", splits)
    return [
        f"- {name}, {_clips(split)}: {', '.join(where)}: {reason}"
        for (name, split, reason), where in reasons.items()
    ]


def _averaged(report):
    """How many classes are in each split's averages, and which are not."""
    lines = []
    model = next(iter(report["metrics"]))
    for split in report["metrics"][model]:
        # A split that this model leaves empty has no average to describe.
        if all(v is None for v in report["metrics"][model][split].values()):
            continue
        out = {
            metric: report["excluded_classes"][model][split][metric]
            for metric in ("ebf1", "psds1")
        }
        n_averaged = len(report["class_labels"]) - len(out["ebf1"])
        text = f"- {_clips(split)}: {n_averaged} classes averaged"
        if out["ebf1"]:
            text += f"; no reference events of {', '.join(out['ebf1'])}"
        rest = [label for label in out["psds1"] if label not in out["ebf1"]]
        if rest:
            text += f"; no event longer than 0 s of {', '.join(rest)}"
        lines.append(text)
    return lines


def _weights(report):
    """The chosen weights and what the candidates reached."""
    lines = []
    models = {
        model: (weight, report["validation_ebf1"][model])
        for model, weight in report["inference_weight"].items()
    }
    for name, control in report["controls"].items():
        models[name] = (control["inference_weight"], control["validation_ebf1"])
    for model, (weight, candidates) in models.items():
        if weight is None:
            continue
        tried = ", ".join(
            f"{float(candidate):g}: {number('ebf1', f1)}"
            for candidate, f1 in candidates.items()
        )
        line = f"- {model}: {weight:g}"
        lines.append(f"{line} (validation EBF1 %: {tried})" if tried else line)
    if not any(candidates for _, candidates in models.values()):
        return "\n".join(lines)
    lines.append(
        "\nChosen by validation EBF1 with tuned post-processing, for this run "
        "alone; ties go to the larger weight."
    )
    return "\n".join(lines)


def _pictures(pictures):
    """The pictures, or why there are none."""
    if pictures["reason"]:
        return pictures["reason"]
    return "\n\n".join(
        f"![{pathlib.Path(name).stem}]({name})" for name in pictures["files"]
    )


def _definitions(report):
    """What each column is, and which code computed it."""
    libraries = report["libraries"]
    # A report that is not of a run says in "sections" what its figures are.
    lines = [] if "figures" in report else _definitions_of_run(libraries)
    difference = report["psds_difference"]
    if difference is not None:
        lines.append(
            "- Largest difference between psds_eval's figures and the "
            f"fast counts in this run: {difference:.1e}."
        )
    return "\n".join([*lines, *_lines(libraries)])


def _definitions_of_run(libraries):
    """The five figures as `evaluate_run` makes them."""
    return [
        "- CBF1: micro F1 of clip labels, thresholds tuned for each class by "
        "that class's F1 (the paper's reading; not the optimum of a micro "
        "average).",
        f"- SBF1: micro F1 of 1 s segments, sed_eval {libraries['sed_eval']}.",
        "- EBF1: macro F1 of events, onset 200 ms, offset the larger of 200 "
        f"ms and 20 % of the event, sed_eval {libraries['sed_eval']}; a class "
        "that is never predicted counts 0.",
        "- PSDS1, PSDS2: 50 thresholds 0.01 to 0.99, at most 100 false "
        "positives per hour, windows tuned for each class by the area under "
        f"its own PSD-ROC. Over all clips by psds_eval {libraries['psds_eval']}"
        "; splits, class groups and controls by counts of this package.",
    ]


def _lines(values):
    """A dict as a list of points."""
    return [f"- {name}: {value}" for name, value in values.items()]
