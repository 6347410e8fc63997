"""Everything a report holds, as plain values.

`metrics[model][split][metric]` are fractions or None; whatever explains
them stands beside under the same three keys.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import importlib.metadata

import speechbrain_mmsed

LIBRARIES = ("psds_eval", "sed_eval", "numpy", "pandas")
# From a figure (see `Measured.figures`) to the sections of the report.
SECTIONS = {
    "metrics": "value",
    "null_reasons": "reason",
    "class_wise": "class_wise",
    "averaged_classes": "averaged_classes",
    "excluded_classes": "excluded_classes",
    "computed_by": "computed_by",
}


def report_data(models, controls, truth, class_groups, metadata):
    """The content of report.json.

    Arguments
    ---------
    models : dict
        For each name a ModelResult.
    controls : dict
        The same for models that are reported apart.
    truth : dict
        GroundTruth of "validation" and "evaluation".
    class_groups : dict
        For each name a list of labels.
    metadata : dict
        Plain values; "versions" are added to the libraries.

    Returns
    -------
    dict
        metrics, null_reasons, class_wise, averaged_classes,
        excluded_classes, computed_by: [model][split][metric].
        f1_averages and class_counts: the same for the three F1.
        inference_weight, validation_ebf1, tuned_parameters,
        parameters_from: [model]. controls: [control] with all of these.
        class_groups: [group] with labels, metrics and null_reasons (models
        and controls). class_labels, counts, libraries, metadata.
    """
    first = next(iter(models.values()))
    return {
        **_by_model(models),
        "controls": {
            name: _of_model(result) for name, result in controls.items()
        },
        "class_groups": {
            name: _of_group(list(labels), {**models, **controls})
            for name, labels in class_groups.items()
        },
        "class_labels": list(truth["evaluation"].labels),
        "counts": _counts(truth, first.splits),
        "psds_difference": _largest_difference(models),
        "libraries": {
            **metadata.get("versions", {}),
            **{name: importlib.metadata.version(name) for name in LIBRARIES},
            "speechbrain_mmsed": speechbrain_mmsed.__version__,
        },
        "metadata": metadata,
    }


def _by_model(models):
    """Sections of all models, turned so that the model is the second key."""
    sections = {name: _of_model(result) for name, result in models.items()}
    keys = next(iter(sections.values()))
    return {
        key: {name: section[key] for name, section in sections.items()}
        for key in keys
    }


def _of_model(result):
    """Every section of one model."""
    figures = {split: part.figures() for split, part in result.splits.items()}
    return {
        **_sections(figures),
        "f1_averages": {
            split: {
                metric: {"micro": figure["micro"], "macro": figure["macro"]}
                for metric, figure in metrics.items()
                if "micro" in figure
            }
            for split, metrics in figures.items()
        },
        "class_counts": {
            split: {
                metric: figure["class_counts"]
                for metric, figure in metrics.items()
                if "class_counts" in figure
            }
            for split, metrics in figures.items()
        },
        "inference_weight": result.weight,
        "validation_ebf1": result.validation_ebf1,
        "parameters_from": result.parameters_from,
        "tuned_parameters": {
            metric: parameters.to_dict()
            for metric, parameters in result.parameters.items()
        },
    }


def _sections(figures):
    """From [split][metric][entry] to [section][split][metric]."""
    return {
        section: {
            split: {
                metric: figure[entry]
                for metric, figure in metrics.items()
                if section != "null_reasons" or figure["value"] is None
            }
            for split, metrics in figures.items()
        }
        for section, entry in SECTIONS.items()
    }


def _of_group(labels, results):
    """Figures of all models and controls over some classes."""
    group = {"labels": labels, "metrics": {}, "null_reasons": {}}
    for name, result in results.items():
        sections = _sections(
            {
                split: part.figures(labels)
                for split, part in result.splits.items()
            }
        )
        group["metrics"][name] = sections["metrics"]
        group["null_reasons"][name] = sections["null_reasons"]
    return group


def _counts(truth, splits):
    """Clips and events of the subsets and of the splits of evaluation."""
    return {
        "subsets": {
            subset: {
                "clips": len(reference.durations),
                "events": len(reference.events),
                "events_of_class": {
                    label: int((reference.events["event_label"] == label).sum())
                    for label in reference.labels
                },
            }
            for subset, reference in truth.items()
        },
        "splits": {
            split: {"clips": part.n_clips, "events": part.n_events}
            for split, part in splits.items()
        },
    }


def _largest_difference(models):
    """Between psds_eval and the fast counts, over all official figures."""
    differences = [
        part.measured.largest_difference()
        for result in models.values()
        for part in result.splits.values()
        if part.measured is not None
    ]
    return max((d for d in differences if d is not None), default=None)
