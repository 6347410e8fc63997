"""Everything a report holds, as plain values.

`metrics[model][split][metric]` are fractions or None; whatever explains
them stands beside under the same three keys, averages and counts of the three
F1 too. `class_groups[group]` has labels, metrics and null_reasons.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import speechbrain_mmsed
from speechbrain_mmsed.evaluation.metrics.psd_roc import SCENARIOS
from speechbrain_mmsed.evaluation.reports.report_tables import AVERAGES
from speechbrain_mmsed.evaluation.statistics.clip_statistics import (
    PSDS,
    THRESHOLD_FREE,
    intervals,
)
from speechbrain_mmsed.postprocessing.box_parameters import has_boxes
from speechbrain_mmsed.versions import library_versions

BOXES = (
    "Sound event bounding boxes (Ebbers et al., arXiv 2406.04212): length of "
    "a change, both thresholds of gaps and, for F1, of confidence, tuned for "
    "each class and metric on {}. Clip labels have no boxes."
)
LIBRARIES = ("psds_eval", "sed_eval", "numpy", "pandas")
SECTIONS = (
    *("metrics", "null_reasons", "class_wise", "averaged_classes"),
    *("excluded_classes", "computed_by", "f1_averages", "class_counts"),
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


def report_data(models, controls, truth, class_groups, metadata):
    """The content of report.json, of models and, apart, controls by name.

    What stands under [model] stands under [control] of "controls" as well.
    """
    systems = {**models, **controls}
    found = {name: _of_system(system) for name, system in systems.items()}
    groups = {}
    for group, labels in class_groups.items():
        parts = {n: _sections(s.splits, labels) for n, s in systems.items()}
        sections = _by_section(parts, ["metrics", "null_reasons"])
        groups[group] = {"labels": list(labels), **sections}
    first = next(iter(models))
    splits = models[first].splits
    return {
        **_by_section({name: found[name] for name in models}, found[first]),
        "controls": {name: found[name] for name in controls},
        "class_groups": groups,
        "class_labels": list(truth["evaluation"].labels),
        "counts": {
            "subsets": {
                subset: _count(whole) | {"events_of_class": _of_class(whole)}
                for subset, whole in truth.items()
            },
            "splits": {split: _count(splits[split].truth) for split in splits},
        },
        "psds_difference": max(
            (
                difference
                for system in models.values()
                for part in system.splits.values()
                for difference in part.psds_differences()
            ),
            default=None,
        ),
        "libraries": {
            **metadata.get("versions", {}),
            **library_versions((*LIBRARIES, "speechbrain_mmsed")),
        },
        "metadata": metadata,
        "same_clips": "validation" in truth
        and truth["validation"].durations == truth["evaluation"].durations,
    }


def _by_section(found, sections):
    """[system][section] as [section][system]."""
    return {
        section: {name: of_system[section] for name, of_system in found.items()}
        for section in sections
    }


def _of_system(system):
    """Every section of one system."""
    return {
        **_sections(system.splits),
        "inference_weight": system.weight,
        "gate_weights": system.gate_weights,
        "validation_ebf1": system.validation_ebf1,
        "parameters_from": system.parameters_from,
        "tuned_parameters": {
            metric: parameters.to_dict()
            for metric, parameters in system.parameters.items()
        },
    }


def _sections(splits, labels=None):
    """The figures of all classes or some, as [section][split][metric]."""
    sections = {name: {split: {} for split in splits} for name in SECTIONS}
    for split, part in splits.items():
        for metric, figure in part.figures(labels).items():
            figure["metrics"] = figure["value"]
            if figure["value"] is None:
                figure["null_reasons"] = figure["reason"]
            if "micro" in figure:
                averages = {name: figure[name] for name in ("micro", "macro")}
                figure["f1_averages"] = averages
            for name in figure.keys() & sections:
                sections[name][split][metric] = figure[name]
    return sections


def _count(truth):
    """Clips and events."""
    return {"clips": len(truth.durations), "events": len(truth.events)}


def _of_class(truth):
    """Events of each class."""
    events = truth.events["event_label"].value_counts()
    return {label: int(events.get(label, 0)) for label in truth.labels}


def further_figures(statistics, with_intervals=True):
    """Figures beside the five, and intervals of all if asked, of all clips.

    From counts by clip, as `clip_statistics` returns them.
    """
    results = {k: statistics[k].result() for k in statistics if k in FURTHER}
    return {
        "figures": {kind: _figure(result) for kind, result in results.items()},
        "intervals": intervals(statistics) if with_intervals else {},
    }


def _figure(result):
    """The plain values of a result."""
    kept = (*AVERAGES, "definition", "n_classes", "reason")
    return {
        **{name: result[name] for name in kept if name in result},
        "class_wise": {
            label: value["f1"] if isinstance(value, dict) else value
            for label, value in result["class_wise"].items()
        },
        "computed_by": _with_version(result["computed_by"]),
    }


def _with_version(computed_by):
    """The code that computed a figure, with its version."""
    if computed_by in ("speechbrain_mmsed", "counts of speechbrain_mmsed"):
        return f"{computed_by} {speechbrain_mmsed.__version__}"
    return computed_by


def describe_figures(system, form, said):
    """Every figure, [split][metric], with all that explains it."""

    if has_boxes(system.parameters.get("ebf1")):
        said = BOXES.format(system.parameters_from)

    def describe(metric, figure):
        parameters = system.parameters.get(metric)
        boxes = metric in PSDS and has_boxes(parameters)
        return {
            "value": figure["value"],
            "reason": figure["reason"],
            "definition": _definition(
                metric, "boxes" if boxes else form, len(system.points)
            ),
            "post_processing": said,
            "parameters": parameters and parameters.to_dict(),
            "n_classes": len(figure["averaged_classes"]),
            "averaged_classes": figure["averaged_classes"],
            "computed_by": _with_version(figure["computed_by"]),
        }

    return {
        split: {m: describe(m, f) for m, f in part.figures().items()}
        for split, part in system.splits.items()
    }


def _definition(metric, form, n_points):
    """The definition, with what this form of predictions adds to it."""
    kind = "psds" if metric.startswith("psds") else metric
    added = {
        ("psds", "npz"): "; 50 thresholds 0.01 to 0.99",
        ("psds", "score-tsv"): "; 50 thresholds 0.01 to 0.99",
        ("psds", "boxes"): "; all confidences of boxes as thresholds",
        ("psds", "event-tsv"): f"; {n_points} operating points as given",
        ("cbf1", "event-tsv"): "; a clip's labels are those of its events",
        ("cbf1", "score-tsv"): "; a clip's score is the largest of its frames",
    }
    return DEFINITIONS[metric] + added.get((kind, form), "")
