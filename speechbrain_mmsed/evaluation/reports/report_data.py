"""Everything a report holds, as plain values.

`metrics[model][split][metric]` are fractions or None; whatever explains
them stands beside under the same three keys, averages and counts of the three
F1 too. `class_groups[group]` has labels, metrics and null_reasons.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import importlib.metadata
from dataclasses import dataclass, field

import speechbrain_mmsed
from speechbrain_mmsed.evaluation.metrics.psd_roc import SCENARIOS
from speechbrain_mmsed.evaluation.reports.report_tables import AVERAGES
from speechbrain_mmsed.evaluation.statistics.clip_statistics import (
    THRESHOLD_FREE,
    intervals,
)

LIBRARIES = ("psds_eval", "sed_eval", "numpy", "pandas")
# From a figure (see `Measured.figures`) to the sections of the report.
SAME = ("class_wise", "averaged_classes", "excluded_classes", "computed_by")
SECTIONS = {
    **{"metrics": "value", "null_reasons": "reason"},
    **{name: name for name in SAME},
}
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


@dataclass
class EvaluatedSystem:
    """A system's scores or events, what was chosen for it, and its figures.

    `scores` (of evaluation), `ignored` (these without video) and `validation`
    are ClipScores; without them there are the `events` of an operating point.
    `has_video` is by file name, `validation_ebf1` by candidate weight,
    `parameters` (ClassParameters) by metric, `splits` (Measured) by split.
    """

    scores: object = None
    ignored: object = None
    validation: object = None
    events: object = None
    has_video: dict | None = None
    weight: float | None = None
    validation_ebf1: dict = field(default_factory=dict)
    parameters: dict = field(default_factory=dict)
    parameters_from: str = "not tuned"
    splits: dict = field(default_factory=dict)


def report_data(models, controls, truth, class_groups, metadata):
    """The content of report.json, of models and, apart, controls by name.

    What stands under [model] stands under [control] of "controls" as well.
    """
    of_models = {name: _of_model(system) for name, system in models.items()}
    of_controls = {name: _of_model(system) for name, system in controls.items()}
    first = next(iter(models))
    return {
        **{
            key: {name: section[key] for name, section in of_models.items()}
            for key in of_models[first]
        },
        "controls": of_controls,
        "class_groups": {
            name: _of_group(list(labels), {**models, **controls})
            for name, labels in class_groups.items()
        },
        "class_labels": list(truth["evaluation"].labels),
        "counts": {
            "subsets": {
                subset: _count(reference) for subset, reference in truth.items()
            },
            "splits": {
                split: {
                    "clips": len(part.truth.durations),
                    "events": len(part.truth.events),
                }
                for split, part in models[first].splits.items()
            },
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
            **{name: importlib.metadata.version(name) for name in LIBRARIES},
            "speechbrain_mmsed": speechbrain_mmsed.__version__,
        },
        "metadata": metadata,
    }


def _of_model(system):
    """Every section of one model."""
    return {
        **_sections(system.splits),
        "inference_weight": system.weight,
        "validation_ebf1": system.validation_ebf1,
        "parameters_from": system.parameters_from,
        "tuned_parameters": {
            metric: parameters.to_dict()
            for metric, parameters in system.parameters.items()
        },
    }


def _sections(splits, labels=None):
    """The figures of all classes or some, as [section][split][metric]."""
    names = (*SECTIONS, "f1_averages", "class_counts")
    sections = {name: {split: {} for split in splits} for name in names}
    for split, part in splits.items():
        for metric, figure in part.figures(labels).items():
            values = {name: figure[entry] for name, entry in SECTIONS.items()}
            if figure["value"] is not None:
                del values["null_reasons"]
            if "class_counts" in figure:
                averages = {name: figure[name] for name in ("micro", "macro")}
                values["f1_averages"] = averages
                values["class_counts"] = figure["class_counts"]
            for name, value in values.items():
                sections[name][split][metric] = value
    return sections


def _of_group(labels, systems):
    """Figures of all models and controls over some classes."""
    group = {"labels": labels, "metrics": {}, "null_reasons": {}}
    for name, system in systems.items():
        sections = _sections(system.splits, labels)
        for key in ("metrics", "null_reasons"):
            group[key][name] = sections[key]
    return group


def _count(truth):
    """Clips and events of a subset."""
    events = truth.events["event_label"].value_counts()
    return {
        "clips": len(truth.durations),
        "events": len(truth.events),
        "events_of_class": {x: int(events.get(x, 0)) for x in truth.labels},
    }


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


def describe_figures(report, form, said, n_points=0):
    """Every figure, [model][split][metric], with all that explains it."""

    def describe(metric, model, split):
        def of(section):
            return report[section][model][split].get(metric)

        return {
            "value": of("metrics"),
            "reason": of("null_reasons"),
            "definition": _definition(metric, form, n_points),
            "post_processing": said,
            "parameters": report["tuned_parameters"][model].get(metric),
            "n_classes": len(of("averaged_classes")),
            "averaged_classes": of("averaged_classes"),
            "computed_by": _with_version(of("computed_by")),
        }

    return {
        model: {
            split: {metric: describe(metric, model, split) for metric in part}
            for split, part in splits.items()
        }
        for model, splits in report["metrics"].items()
    }


def _definition(metric, form, n_points):
    """The definition, with what this form of predictions adds to it."""
    kind = "psds" if metric.startswith("psds") else metric
    added = {
        ("psds", "npz"): "; 50 thresholds 0.01 to 0.99",
        ("psds", "score-tsv"): "; 50 thresholds 0.01 to 0.99",
        ("psds", "event-tsv"): f"; {n_points} operating points as given",
        ("cbf1", "event-tsv"): "; a clip's labels are those of its events",
        ("cbf1", "score-tsv"): "; a clip's score is the largest of its frames",
    }
    return DEFINITIONS[metric] + added.get((kind, form), "")
