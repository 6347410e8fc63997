"""Any system's predictions to one report.

Reading and checking come first, so that whatever is wrong with the data is
told before the work; an error after that is one of this package and keeps
its traceback.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import os
import pathlib
import time

from tqdm import tqdm

from speechbrain_mmsed.evaluation.evaluate import (
    SplitResult,
    evaluate_splits,
    measure,
)
from speechbrain_mmsed.evaluation.readers.forms import FORMS
from speechbrain_mmsed.evaluation.readers.problems import PredictionError
from speechbrain_mmsed.evaluation.reports.further import (
    further_figures,
    further_sections,
)
from speechbrain_mmsed.evaluation.reports.model_result import ModelResult
from speechbrain_mmsed.evaluation.reports.pictures import PictureData
from speechbrain_mmsed.evaluation.reports.report import screen_report
from speechbrain_mmsed.evaluation.reports.report_data import report_data
from speechbrain_mmsed.evaluation.reports.report_files import write_report
from speechbrain_mmsed.evaluation.reports.system.definitions import (
    describe,
    figures_section,
)
from speechbrain_mmsed.evaluation.reports.system.inputs import read_inputs
from speechbrain_mmsed.evaluation.reports.system.parameters import (
    choose_parameters,
    describe_parameters,
)
from speechbrain_mmsed.evaluation.reports.system.points import split_points
from speechbrain_mmsed.evaluation.statistics.clip_statistics import (
    KINDS,
    THRESHOLD_FREE,
    clip_statistics,
    event_statistics,
)
from speechbrain_mmsed.evaluation.statistics.stored_counts import IGNORED


def evaluate_system(arguments):
    """Read, measure, write and print.

    Arguments
    ---------
    arguments : argparse.Namespace
        Of `mmsed evaluate`.

    Returns
    -------
    dict
        The content of report.json.

    Raises
    ------
    PredictionError
        Where arguments or data cannot be used or the report not written.
    """
    start = time.time()
    out = pathlib.Path(arguments.out)
    try:
        _make_folder(out)
        inputs = read_inputs(arguments)
    except OSError as error:
        raise PredictionError(str(error)) from error
    how = "as asked" if arguments.format else "recognised from the content"
    print(
        f"predictions: {arguments.predictions}, of the form {inputs.form} "
        f"({FORMS[inputs.form]}; {how})"
    )
    for note in inputs.notes:
        print(f"- {note}")
    said = describe_parameters(inputs, arguments)
    print(f"- {said}")
    stages = ["tuning", "figures", "further figures", "pictures"]
    with tqdm(total=len(stages), desc="evaluation", disable=None) as bar:

        def stage(name):
            bar.update(stages.index(name) - bar.n)
            bar.set_postfix_str(name)

        stage("tuning")
        parameters = choose_parameters(inputs, arguments)
        stage("figures")
        splits = _splits(inputs, parameters)
        report = _report(inputs, parameters, splits, arguments, said)
        stage("further figures")
        statistics = _statistics(inputs, parameters)
        if statistics:
            report["further"] = further_figures(statistics, arguments.intervals)
            report["sections"] += further_sections(
                report["further"], arguments.name
            )
        report["metadata"]["seconds"] = round(time.time() - start, 1)
        stage("pictures")
        page = _write(
            report, out, arguments, inputs, splits, parameters, statistics
        )
        bar.update(bar.total - bar.n)
    print(screen_report(report))
    print(
        f"results: {page} (one page with pictures), report.md and report.json "
        "beside it"
    )
    return report


def _make_folder(out):
    """The folder of the report, before the work."""
    if out.exists() and not out.is_dir():
        raise PredictionError(f"--out {out}: a file; expected a folder")
    out.mkdir(parents=True, exist_ok=True)
    if not os.access(out, os.W_OK | os.X_OK):
        raise PredictionError(f"--out {out}: no permission to write there")


def _splits(inputs, parameters):
    """Figures of all clips, and by availability of video where known."""
    truth = inputs.truth["evaluation"]
    if inputs.scores is None:
        return split_points(
            inputs.points,
            inputs.chosen,
            truth,
            inputs.has_video,
            inputs.reasons,
        )
    if inputs.has_video is not None:
        return evaluate_splits(
            inputs.scores,
            inputs.ignored,
            truth,
            parameters,
            reasons=inputs.reasons,
        )
    measured = measure(inputs.scores, truth, parameters, official=True)
    everything = SplitResult(
        truth.labels, len(truth.durations), len(truth.events), measured, None
    )
    return {"all": everything}


def _report(inputs, parameters, splits, arguments, said):
    """The content of report.json but for pictures and further figures."""
    name = arguments.name
    source = "not tuned"
    if inputs.validation is not None:
        source = str(arguments.validation_predictions)
    result = ModelResult(
        inputs.weight, inputs.validation_ebf1, parameters, source, splits
    )
    metadata = {
        "predictions": str(arguments.predictions),
        "form": f"{inputs.form} ({FORMS[inputs.form]})",
        "ground truth": str(arguments.ground_truth),
        "durations": str(arguments.durations),
        "post-processing": said,
    }
    for option in ("validation_predictions", "video", "ignored_predictions"):
        if getattr(arguments, option):
            key = option.replace("_", " ")
            metadata[key] = str(getattr(arguments, option))
    report = report_data({name: result}, {}, inputs.truth, {}, metadata)
    report["notes"] = inputs.notes
    report["tuned"] = inputs.validation is not None
    report["figures"] = describe(report, inputs, said)
    report["sections"] = [figures_section(report, name, said)]
    return report


def _spectrogram(folder):
    """Log-mel of clips by name, from a folder of sounds or films."""
    if folder is None:
        return None
    # Here, because evaluation needs neither torch nor sound otherwise.
    from speechbrain_mmsed.dataio.corpus.spectrogram import SpectrogramFolder

    return SpectrogramFolder(folder)


def _statistics(inputs, parameters):
    """Counts by clip of all that can be counted; {} without events."""
    truth = inputs.truth["evaluation"]
    if inputs.scores is not None:
        kinds = (*KINDS, *THRESHOLD_FREE)
        return clip_statistics(inputs.scores, truth, parameters, kinds)
    if inputs.chosen is not None:
        return event_statistics(inputs.chosen, truth)
    return {}


def _write(report, out, arguments, inputs, splits, parameters, statistics):
    """The files of the report."""
    name = arguments.name
    drawn_from = PictureData(
        splits["all"].figures(),
        inputs.truth["evaluation"].labels,
        parameters,
        inputs.scores,
        inputs.chosen,
        inputs.truth["evaluation"],
        inputs.validation,
        inputs.truth.get("validation"),
        _spectrogram(arguments.audio),
    )
    counts = {name: (statistics, inputs.has_video)} if statistics else {}
    if inputs.ignored is not None:
        ignored = clip_statistics(
            inputs.ignored, inputs.truth["evaluation"], parameters
        )
        counts[f"{name}{IGNORED}"] = ignored, inputs.has_video
    try:
        return write_report(
            report,
            out,
            {name: drawn_from},
            counts,
            arguments.pictures,
        )
    except OSError as error:
        raise PredictionError(f"writing the report: {error}") from error
