"""The sections of a report, from its figures, and what the screen shows.

Only rendering: every number comes from the content of report.json.

Authors
 * The speechbrain_mmsed authors, 2026
"""

from speechbrain_mmsed.evaluation.reports.report_tables import (
    NAMES,
    SPLIT_TITLES,
    TITLES,
    Section,
    Table,
    number,
)

F1 = ("cbf1", "sbf1", "ebf1")


def screen_report(report):
    """The tables of figures, and why some are empty, as a text."""
    parts = ["", _figures(report, report["metrics"])]
    if report["controls"]:
        parts += ["", "Controls", _figures(report, _of_controls(report))]
    for name, group in report["class_groups"].items():
        parts += ["", f"Only {name} ({', '.join(group['labels'])})"]
        parts.append(_figures(report, group["metrics"]))
    points = [f"- {line}" for line in _empty_figures(report)]
    return "\n".join(map(str, [*parts, "", *points, ""]))


def report_sections(report, more=()):
    """All sections of a report that have something to say.

    The report is as `report_data` returns it, with "pictures", and with
    "tuned" False where thresholds and windows are not; `more` are sections
    behind the figures of the models.
    """
    sections = [Section("Evaluation", [_figures(report, report["metrics"])])]
    if report["controls"]:
        points = [
            f"{name}: parameters tuned on the validation scores of "
            f"{control['parameters_from']}"
            for name, control in report["controls"].items()
        ]
        figures = _figures(report, _of_controls(report))
        sections.append(Section("Controls", [figures, points]))
    sections += [
        Section("Micro and macro averages", _averages(report)),
        Section("Figures that are not defined", [_empty_figures(report)]),
        Section("Averaged classes", [_averaged_classes(report)]),
    ]
    for name, group in report["class_groups"].items():
        figures = _figures(report, group["metrics"])
        labels = f"Only {', '.join(group['labels'])}."
        sections.append(Section(f"Class group {name}", [labels, figures]))
    what = "Tuned parameters"
    if not report.get("tuned", True):
        what = "Parameters (not tuned)"
    for model in report["metrics"]:
        sections += [
            Section(f"Classes, {model}, all clips", [_classes(report, model)]),
            Section(f"Counts, {model}, all clips", _counts(report, model)),
            Section(f"{what}, {model}", _parameters(report, model)),
        ]
    # The versions stand among the libraries.
    run = {k: v for k, v in report["metadata"].items() if k != "versions"}
    pictures = report["pictures"]
    sections += [
        *more,
        Section("Weight of the primary stream", _weights(report)),
        Section("Pictures", [pictures["reason"]], pictures["files"]),
        Section("Definitions and versions", [_definitions(report)]),
        Section("Run", [_points(run)]),
    ]
    return [part for part in sections if part.blocks or part.pictures]


def _figures(report, models):
    """The five metrics, a row for each model and split."""
    rows = [
        [model, SPLIT_TITLES[split], report["counts"]["splits"][split]["clips"]]
        + [number(metric, metrics[metric]) for metric in TITLES]
        for model, splits in models.items()
        for split, metrics in splits.items()
    ]
    return Table(["model", "video", "clips", *TITLES.values()], rows, 2)


def _of_controls(report):
    """[control][split][metric]."""
    return {
        name: control["metrics"] for name, control in report["controls"].items()
    }


def _points(values):
    """A dict as a list of points."""
    return [f"{name}: {value}" for name, value in values.items()]


def _averages(report):
    """Micro and macro average of every F1, a row for each model and split."""
    rows = [
        [model, SPLIT_TITLES[split]]
        + [
            " / ".join(
                number(metric, averages[metric][name])
                for name in ("micro", "macro")
            )
            for metric in F1
        ]
        for model, splits in report["f1_averages"].items()
        for split, averages in splits.items()
        if averages
    ]
    if not rows:
        return []
    return [
        Table(["model", "video", *(NAMES[m] for m in F1)], rows, 2),
        "Micro / macro in %. The paper reports CBF1 and SBF1 micro, EBF1 "
        "macro.",
    ]


def _clips(split):
    """A split in the middle of a sentence."""
    title = SPLIT_TITLES[split]
    return title if split == "all" else f"video {title}"


def _empty_figures(report):
    """One line for each reason, with the figures it explains."""
    of_systems = {
        **report["null_reasons"],
        **{n: c["null_reasons"] for n, c in report["controls"].items()},
    }
    for group, content in report["class_groups"].items():
        for model, splits in content["null_reasons"].items():
            of_systems[f"{model} ({group})"] = splits
    reasons = {}
    for name, splits in of_systems.items():
        for split, metrics in splits.items():
            for metric, reason in metrics.items():
                where = reasons.setdefault((name, split, reason), [])
                where.append(NAMES[metric])
    return [
        f"{name}, {_clips(split)}: {', '.join(where)}: {reason}"
        for (name, split, reason), where in reasons.items()
    ]


def _averaged_classes(report):
    """How many classes are in each split's averages, and which are not."""
    lines = []
    model = next(iter(report["metrics"]))
    for split, metrics in report["metrics"][model].items():
        # A split that this model leaves empty has no average to describe.
        if set(metrics.values()) == {None}:
            continue
        excluded = report["excluded_classes"][model][split]
        out = excluded["ebf1"]
        n_averaged = len(report["class_labels"]) - len(out)
        text = f"{_clips(split)}: {n_averaged} classes averaged"
        if out:
            text += f"; no reference events of {', '.join(out)}"
        rest = [label for label in excluded["psds1"] if label not in out]
        if rest:
            text += f"; no event longer than 0 s of {', '.join(rest)}"
        lines.append(text)
    return lines


def _classes(report, model):
    """F1 of every class, and area under its own PSD-ROC."""
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
    return Table(["class", "events", *titles], rows)


def _counts(report, model):
    """What the F1 of every class is made of."""
    counts = report["class_counts"][model]["all"]
    if not counts:
        return []
    rows = [
        [label]
        + [
            " / ".join(
                str(counts[metric][label][n]) for n in ("tp", "fp", "fn")
            )
            for metric in F1
        ]
        for label in report["class_labels"]
    ]
    header = ["class", "clips", "segments", "events"]
    return [Table(header, rows), "Found / invented / missed."]


def _parameters(report, model):
    """Threshold and median window of every class and metric."""
    tuned = report["tuned_parameters"][model]
    if not tuned:
        return []
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
    return [
        Table(["class", *(NAMES[metric] for metric in TITLES)], rows),
        "Threshold / median window in frames; CBF1 has no window, PSDS no "
        f"threshold. {default}",
    ]


def _weights(report):
    """The chosen weights and what the candidates reached."""
    chosen = {
        model: (weight, report["validation_ebf1"][model])
        for model, weight in report["inference_weight"].items()
    }
    for name, control in report["controls"].items():
        chosen[name] = (control["inference_weight"], control["validation_ebf1"])
    lines = []
    for model, (weight, candidates) in chosen.items():
        if weight is None:
            continue
        tried = ", ".join(
            f"{float(candidate):g}: {number('ebf1', f1)}"
            for candidate, f1 in candidates.items()
        )
        said = f" (validation EBF1 %: {tried})" if tried else ""
        lines.append(f"{model}: {weight:g}{said}")
    if not any(candidates for _, candidates in chosen.values()):
        return [lines]
    return [
        lines,
        "Chosen by validation EBF1 with tuned post-processing, for this run "
        "alone; ties go to the larger weight.",
    ]


def _definitions(report):
    """What each column is, and which code computed it."""
    libraries = report["libraries"]
    lines = []
    # A report that is not of a run says by itself what its figures are.
    if "figures" not in report:
        lines += [
            "CBF1: micro F1 of clip labels, thresholds tuned for each class "
            "by that class's F1 (the paper's reading; not the optimum of a "
            "micro average).",
            f"SBF1: micro F1 of 1 s segments, sed_eval {libraries['sed_eval']}"
            ".",
            "EBF1: macro F1 of events, onset 200 ms, offset the larger of 200 "
            f"ms and 20 % of the event, sed_eval {libraries['sed_eval']}; a "
            "class that is never predicted counts 0.",
            "PSDS1, PSDS2: 50 thresholds 0.01 to 0.99, at most 100 false "
            "positives per hour, windows tuned for each class by the area "
            "under its own PSD-ROC. Over all clips by psds_eval "
            f"{libraries['psds_eval']}; splits, class groups and controls by "
            "counts of this package.",
        ]
    if report["psds_difference"] is not None:
        lines.append(
            "Largest difference between psds_eval's figures and the fast "
            f"counts in this run: {report['psds_difference']:.1e}."
        )
    return lines + _points(libraries)
