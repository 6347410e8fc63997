"""Evaluation of one run: from scores on disk to its report.

Weight of the primary stream and post-processing are chosen on validation, five
metrics measured on evaluation, over all clips and by availability of video.
Controls (an untrained network, streams of other clips) are measured alike.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import json
import pathlib

import numpy as np
import pandas as pd

from speechbrain_mmsed.evaluation.evaluate import EvaluatedSystem, evaluate_by
from speechbrain_mmsed.evaluation.metrics.scored import (
    load_scores,
    stored_weights,
)
from speechbrain_mmsed.evaluation.metrics.truth import GroundTruth
from speechbrain_mmsed.evaluation.reports.report_data import report_data
from speechbrain_mmsed.evaluation.reports.report_files import write_report
from speechbrain_mmsed.evaluation.tuning import choose_weight
from speechbrain_mmsed.postprocessing.box_parameters import check_postprocessing
from speechbrain_mmsed.postprocessing.scores import GATED, ignored_streams


def evaluate_run(
    scores_folder,
    truth_folder,
    output_folder,
    class_labels,
    models=("student", "teacher"),
    controls=(),
    class_groups=None,
    metadata=None,
    streams=None,
    spectrogram=None,
    postprocessing="median",
):
    """Tune on validation, measure on evaluation, write and print the report.

    Arguments
    ---------
    scores_folder, truth_folder, class_labels, models, controls, metadata, \
    streams
        As of the core's `metrics.run.evaluate_run`; by default further streams
        are films, and scores at weight 1 (video ignored) are always there.
        PSDS of models over all clips is psds_eval's own, the others come from
        the fast counts.
    output_folder : str or pathlib.Path
        Gets what `write_report` writes.
    class_groups : dict or None
        For each name a list of labels: every metric restricted to these.
    spectrogram : callable or None
        For pictures of clips, see `ManifestSpectrograms`: file name ->
        log-mel (frames, bins) and its length in seconds, or None.
    postprocessing : str
        "median", or "both": each model a second time, with boxes.

    Returns
    -------
    dict
        The content of report.json.
    """
    class_labels = list(class_labels)
    class_groups, metadata = dict(class_groups or {}), dict(metadata or {})
    _check_arguments(class_labels, models, class_groups, metadata)
    check_postprocessing(postprocessing, "median")
    truth = {
        subset: GroundTruth.load_subset(truth_folder, subset, class_labels)
        for subset in ("validation", "evaluation")
    }
    systems = {}
    for name in [*models, *controls]:
        first = next(iter(systems.items()), None)
        folder, is_model = pathlib.Path(scores_folder) / name, name in models
        system = _read_model(
            folder, truth, is_model, first, streams or {"video": "film"}
        )
        systems |= evaluate_by(
            postprocessing if is_model else "median",
            *(name, system, truth, ("all",) if is_model else ()),
        )
    controls = {name: systems.pop(name) for name in controls}
    report = report_data(systems, controls, truth, class_groups, metadata)
    write_report(report, output_folder, systems, truth, spectrogram)
    return report


def _read_model(folder, truth, is_model, first, streams):
    """Scores of one model or control, and the weight that is chosen."""
    system = EvaluatedSystem(parameters_from=folder.name)
    tuned_here = is_model or (folder / "validation").is_dir()
    if tuned_here:
        system.weight, system.validation, system.validation_ebf1 = (
            choose_weight(folder / "validation", truth["validation"])
        )
    else:
        system.parameters_from, other = first
        system.weight, system.parameters = other.weight, other.parameters
    evaluation = folder / "evaluation"
    labels = truth["evaluation"].labels
    system.scores = load_scores(evaluation, system.weight, labels)
    system.has_video = system.scores.video()
    if system.weight == GATED:
        system.gate_weights = _mean_weights(evaluation, system.has_video)
    if system.weight != 1 and (tuned_here or stored_weights(evaluation)[1:]):
        system.without = _without(evaluation, system.weight, labels, streams)
        system.ignored = system.without.pop("video", None)
    elif system.weight != 1:
        reason = f"{folder.name} has no scores at weight 1"
        system.reasons = {"video_ignored": reason}
    return system


def _without(folder, weight, labels, streams):
    """Name of what is ignored, see `ignored_streams` -> ClipScores."""
    found = ignored_streams(streams, streams.values(), weight)
    return {
        name: load_scores(folder, used, labels, without)
        for name, (used, without, _) in found.items()
    }


def _mean_weights(folder, has_video):
    """What a gate gave: split -> stream -> mean weight over its clips."""
    weights = pd.read_csv(folder / "fusion_weights.csv", index_col="filename")
    has = weights.index.map(has_video).to_numpy(bool)
    names = np.where(has, "video_available", "video_unavailable")
    parts = {"all": weights, **dict(iter(weights.groupby(names)))}
    return {name: part.mean().to_dict() for name, part in parts.items()}


def _check_arguments(class_labels, models, class_groups, metadata):
    """Refuse now what would fail after the work."""
    if not models:
        raise ValueError("models: expected at least one name")
    for name, labels in class_groups.items():
        if not labels or not set(labels) <= set(class_labels):
            raise ValueError(
                f"class_groups: {name} has the labels {list(labels)}, "
                f"expected some of {class_labels}"
            )
    try:
        json.dumps(metadata, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"metadata: {error}; give plain numbers, texts, lists and dicts"
        ) from error
