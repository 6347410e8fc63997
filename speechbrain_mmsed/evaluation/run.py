"""Evaluation of one run: from scores on disk to its report.

For every model: the weight of the primary stream and the parameters of
post-processing are chosen on validation, five metrics are measured on
evaluation, over all clips and split by availability of video. Controls (an
untrained network, streams that belong to other clips) are measured in the
same way and stand in a section of their own.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import json
import pathlib

from tqdm import tqdm

from speechbrain_mmsed.evaluation.evaluate import evaluate_splits, tune
from speechbrain_mmsed.evaluation.metrics.scored import (
    load_scores,
    stored_weights,
)
from speechbrain_mmsed.evaluation.metrics.truth import GroundTruth
from speechbrain_mmsed.evaluation.reports.further import (
    further_figures,
    further_sections,
)
from speechbrain_mmsed.evaluation.reports.model_result import ModelResult
from speechbrain_mmsed.evaluation.reports.pictures import PictureData
from speechbrain_mmsed.evaluation.reports.report import screen_report
from speechbrain_mmsed.evaluation.reports.report_data import report_data
from speechbrain_mmsed.evaluation.reports.report_files import write_report
from speechbrain_mmsed.evaluation.statistics.clip_statistics import (
    KINDS,
    THRESHOLD_FREE,
    clip_statistics,
)
from speechbrain_mmsed.evaluation.statistics.stored_counts import IGNORED
from speechbrain_mmsed.evaluation.tuning.tuning import choose_weight

SUBSETS = ("validation", "evaluation")


def evaluate_run(
    scores_folder,
    truth_folder,
    output_folder,
    class_labels,
    models=("student", "teacher"),
    controls=(),
    class_groups=None,
    metadata=None,
    spectrogram=None,
):
    """Tune on validation, measure on evaluation, write and print the report.

    Arguments
    ---------
    scores_folder : str or pathlib.Path
        `<model>/<validation or evaluation>/weight_<w>.npz`, ClipScores at
        each weight of the primary stream; weight 1 (video ignored) is always
        there, and alone for a system of sound only.
    truth_folder : str or pathlib.Path
        `{validation,evaluation}.tsv` and `{...}_durations.tsv`.
    output_folder : str or pathlib.Path
        Gets report.json, report.md, pictures, report.html, which holds them
        all, and counts_<model>.npz for `mmsed compare`.
    class_labels : list of str
        C class labels, in the order of the scores.
    models : sequence of str
        Names of the models. PSDS over all clips comes from psds_eval
        itself, that of splits, groups and controls from the fast counts.
    controls : sequence of str
        Names of further models, reported apart. One without validation
        scores takes weight and parameters of the first model.
    class_groups : dict or None
        For each name a list of labels: every metric restricted to these.
    metadata : dict or None
        Goes into the report: git revision, seed, library versions.
    spectrogram : callable or None
        For the pictures of single clips: file name -> log-mel
        (frames, bins) and its length in seconds, or None.

    Returns
    -------
    dict
        The content of report.json.
    """
    class_labels = list(class_labels)
    class_groups = dict(class_groups or {})
    metadata = dict(metadata or {})
    _check_arguments(class_labels, models, class_groups, metadata)
    scores_folder = pathlib.Path(scores_folder)
    truth = {
        subset: GroundTruth.load(
            pathlib.Path(truth_folder) / f"{subset}.tsv",
            pathlib.Path(truth_folder) / f"{subset}_durations.tsv",
            class_labels,
        )
        for subset in SUBSETS
    }
    results = {}
    steps = 2 * len([*models, *controls]) + len(models)
    with tqdm(total=steps, desc="evaluation", disable=None) as bar:
        for name in [*models, *controls]:
            main = next(iter(results.items()), None)
            results[name] = _evaluate_model(
                scores_folder / name, truth, name in models, main, bar
            )
        further, counts = {}, {}
        for name in models:
            bar.set_postfix_str(f"{name}: intervals")
            data = results[name].pictures
            statistics = clip_statistics(
                data.scores,
                data.truth,
                data.parameters,
                (*KINDS, *THRESHOLD_FREE),
            )
            has_video = data.scores.video()
            counts[name] = statistics, has_video
            ignored = results[name].ignored
            if ignored is not None:
                counts[f"{name}{IGNORED}"] = (
                    clip_statistics(ignored, data.truth, data.parameters),
                    has_video,
                )
            further[name] = further_figures(statistics)
            bar.update()
    report = report_data(
        {name: results[name] for name in models},
        {name: results[name] for name in controls},
        truth,
        class_groups,
        metadata,
    )
    report["further"] = further
    report["sections"] = [
        section
        for name in models
        for section in further_sections(further[name], name)
    ]
    for name in models:
        results[name].pictures.spectrogram = spectrogram
    page = write_report(
        report,
        output_folder,
        {name: results[name].pictures for name in models},
        counts,
    )
    print(screen_report(report))
    print(f"report: {page} (one page with pictures), report.md, report.json")
    return report


def _evaluate_model(folder, truth, is_model, main, bar):
    """Choose, tune and measure one model or control."""
    bar.set_postfix_str(f"{folder.name}: tuning")
    tuned_here = is_model or (folder / "validation").is_dir()
    if tuned_here:
        source = folder.name
        weight, validation, f1 = choose_weight(
            folder / "validation", truth["validation"]
        )
        parameters = tune(validation, truth["validation"])
    else:
        source, other = main
        weight, f1, parameters = other.weight, {}, other.parameters
    bar.update()
    bar.set_postfix_str(f"{folder.name}: evaluation")
    evaluation = folder / "evaluation"
    labels = truth["evaluation"].labels
    scores = load_scores(evaluation, weight, labels)
    ignored, reasons = None, None
    if weight != 1 and (tuned_here or 1.0 in stored_weights(evaluation)):
        ignored = load_scores(evaluation, 1.0, labels)
    elif weight != 1:
        reasons = {"video_ignored": f"{folder.name} has no scores at weight 1"}
    splits = evaluate_splits(
        scores,
        ignored,
        truth["evaluation"],
        parameters,
        official=("all",) if is_model else (),
        reasons=reasons,
    )
    bar.update()
    pictures = None
    if is_model:
        pictures = PictureData(
            splits["all"].figures(),
            labels,
            parameters,
            scores,
            truth=truth["evaluation"],
            validation_scores=validation,
            validation_truth=truth["validation"],
        )
    return ModelResult(
        weight, f1, parameters, source, splits, pictures, ignored
    )


def _check_arguments(class_labels, models, class_groups, metadata):
    """Refuse now what would fail after the work."""
    if not models:
        raise ValueError("models: expected at least one name")
    for name, labels in class_groups.items():
        unknown = sorted(set(labels) - set(class_labels))
        if unknown or not labels:
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
