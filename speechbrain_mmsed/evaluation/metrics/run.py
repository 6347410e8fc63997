"""Five metrics of a run, tuned on validation, by the official libraries.

The slow and obvious way: sed_eval and psds_eval are asked at every point of
the grid, which takes minutes for each model. `evaluation.tuning` gives the
same parameters and figures in seconds; tests compare the two.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import importlib.metadata
import json
import pathlib
from types import SimpleNamespace

import numpy as np
import pandas as pd
from tqdm import tqdm

from speechbrain_mmsed.evaluation.metrics.f1 import (
    clip_f1,
    event_f1,
    segment_f1,
)
from speechbrain_mmsed.evaluation.metrics.psds import (
    areas_of_operating_points,
    operating_points,
    psds,
)
from speechbrain_mmsed.evaluation.metrics.scored import (
    THRESHOLDS,
    WINDOWS,
    best_parameters,
    best_weight,
    best_windows,
    load_scores,
)
from speechbrain_mmsed.evaluation.metrics.truth import (
    GroundTruth,
    check_same_clips,
)
from speechbrain_mmsed.files import write_json
from speechbrain_mmsed.postprocessing.decode import decode, decode_tags
from speechbrain_mmsed.postprocessing.parameters import ClassParameters

# Which average of an F1 the paper reports.
F1_AVERAGES = {"cbf1": "micro", "sbf1": "micro", "ebf1": "macro"}
PSDS_METRICS = ("psds1", "psds2")
METRICS = (*F1_AVERAGES, *PSDS_METRICS)


def evaluate_run(
    scores_folder,
    truth_folder,
    output_folder,
    class_labels,
    models=("student", "teacher"),
    controls=(),
    metadata=None,
    streams=None,
):
    """Tune on validation, measure on evaluation, write and print figures.

    Arguments
    ---------
    scores_folder : str or pathlib.Path
        `<model>/<validation or evaluation>/weight_<w>.npz`, ClipScores at
        each weight of the primary stream.
    truth_folder : str or pathlib.Path
        `{validation,evaluation}.tsv` and `{...}_durations.tsv`.
    output_folder : str or pathlib.Path
        Gets results.json.
    class_labels : list of str
        C class labels, in the order of the scores.
    models, controls : sequence of str
        Names of the models, and of further ones that are listed apart. A
        control without validation scores takes weight and parameters of the
        first model.
    metadata : dict or None
        Goes into the results.
    streams : dict or None
        Name of each stream besides the sound -> what it is made from, for the
        results.

    Returns
    -------
    dict
        The content of results.json: models and controls (name -> weight,
        validation_ebf1, parameters, parameters_from and `figures` as of
        `five_metrics`), class_labels, metadata.
    """
    if not models:
        raise ValueError("models: expected at least one name")
    json.dumps(metadata, allow_nan=False)  # fails now, not after the work
    validation, evaluation = (
        GroundTruth.load_subset(truth_folder, subset, class_labels)
        for subset in ("validation", "evaluation")
    )
    found = {}
    for name in [*models, *controls]:
        folder = pathlib.Path(scores_folder) / name
        if name in models or (folder / "validation").is_dir():
            chosen, parameters = _choose(folder / "validation", validation)
            chosen["parameters_from"] = name
            if not found:
                main = chosen, parameters
        else:
            chosen, parameters = main
        scores = load_scores(
            folder / "evaluation", chosen["weight"], class_labels
        )
        figures = five_metrics(scores, evaluation, parameters)
        found[name] = {**chosen, "figures": figures}
    results = {
        "models": {name: found[name] for name in models},
        "controls": {name: found[name] for name in controls},
        "class_labels": list(class_labels),
        "metadata": dict(metadata or {}),
        "streams": dict(streams or {}),
    }
    path = pathlib.Path(output_folder) / "results.json"
    write_json(path, results)
    values = {
        name: [result["figures"][metric]["value"] for metric in METRICS]
        for name, result in found.items()
    }
    table = pd.DataFrame.from_dict(values, orient="index", columns=METRICS)
    print(table.to_string(float_format="%.4f", na_rep="-"))
    print(f"results: {path}")
    return results


def _choose(folder, truth):
    """Weight and parameters from a model's validation scores."""
    weight, scores, f1 = best_weight(
        folder, truth, lambda *pair: tune_f1("ebf1", *pair)
    )
    parameters = tune(scores, truth)
    plain = {metric: p.to_dict() for metric, p in parameters.items()}
    chosen = {"weight": weight, "validation_ebf1": f1, "parameters": plain}
    return chosen, parameters


def tune(scores, truth):
    """ClassParameters of cbf1, sbf1, ebf1, psds1 and psds2 from validation."""
    check_same_clips(scores, truth)
    f1 = {metric: tune_f1(metric, scores, truth)[0] for metric in F1_AVERAGES}
    f1["cbf1"].windows = None
    return {**f1, **tune_psds(scores, truth)}


def tune_f1(metric, scores, truth):
    """What `best_parameters` returns for "cbf1", "sbf1" or "ebf1"."""
    labels = scores.labels
    windows = (1,) if metric == "cbf1" else WINDOWS
    shape = (len(labels), len(THRESHOLDS), len(windows))
    counts = {name: np.zeros(shape, int) for name in ("tp", "nsys", "nref")}
    points = list(np.ndindex(shape[1:]))
    for i, j in tqdm(points, f"tuning {metric}", leave=False, disable=None):
        point = ClassParameters(
            labels,
            np.full(len(labels), THRESHOLDS[i]),
            np.full(len(labels), windows[j]),
            np.full(len(labels), True),
        )
        found = f1_result(metric, scores, truth, point)["class_wise"]
        for name, values in counts.items():
            values[:, i, j] = [found[label][name] for label in labels]
    axes = {"labels": labels, "thresholds": THRESHOLDS, "windows": windows}
    counts["n_reference"] = counts.pop("nref")[:, 0, 0]
    return best_parameters(SimpleNamespace(**axes, **counts))


def tune_psds(scores, truth, windows=WINDOWS):
    """For psds1 and psds2 what `best_windows` returns."""
    areas = {metric: [] for metric in PSDS_METRICS}
    for window in tqdm(windows, "tuning psds", leave=False, disable=None):
        same = np.full(len(scores.labels), window)
        points = operating_points(scores, truth, same)
        for metric, rows in areas.items():
            rows.append(areas_of_operating_points(points, truth, metric))
    return {
        metric: best_windows(truth.labels, windows, np.array(rows))
        for metric, rows in areas.items()
    }


def five_metrics(scores, truth, parameters):
    """The five figures of a set of clips, by the official libraries.

    `parameters` are those of `tune`. Returns for each metric: value (fraction
    or None), average ("micro", "macro" or "psds"), class_wise (label ->
    fraction or None), averaged_classes, excluded_classes, reason (why value
    is None), computed_by; for F1 also micro, macro and class_counts; for
    PSDS also curves.
    """
    check_same_clips(scores, truth)
    figures = {
        metric: f1_figure(
            metric, f1_result(metric, scores, truth, parameters[metric])
        )
        for metric in F1_AVERAGES
    }
    for metric in PSDS_METRICS:
        result = psds(scores, truth, parameters[metric].windows, metric)
        figures[metric] = {**result, "average": "psds"}
    return figures


def f1_result(metric, scores, truth, parameters):
    """What `f1.summarise` returns, for scores at their ClassParameters."""
    if metric == "cbf1":
        return clip_f1(decode_tags(scores, parameters.thresholds), truth)
    events = decode(scores, parameters.thresholds, parameters.windows)
    return {"sbf1": segment_f1, "ebf1": event_f1}[metric](events, truth)


def f1_figure(metric, result):
    """What `f1.summarise` returns, in the form of `five_metrics`."""
    library = f"sed_eval {importlib.metadata.version('sed_eval')}"
    class_wise = {la: dict(n) for la, n in result["class_wise"].items()}
    return {
        "value": result[F1_AVERAGES[metric]],
        "average": F1_AVERAGES[metric],
        "micro": result["micro"],
        "macro": result["macro"],
        "class_wise": {la: n.pop("f1") for la, n in class_wise.items()},
        "class_counts": class_wise,
        "averaged_classes": result["averaged_classes"],
        "excluded_classes": result["excluded_classes"],
        "reason": result["reason"],
        "computed_by": "speechbrain_mmsed" if metric == "cbf1" else library,
    }
