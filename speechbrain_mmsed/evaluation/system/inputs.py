"""What `mmsed evaluate` evaluates: read, checked and made to fit.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import functools
import pathlib
from dataclasses import dataclass, field

import numpy as np

from speechbrain_mmsed.evaluation.evaluate import AUDIO_ONLY
from speechbrain_mmsed.evaluation.metrics.scored import WINDOWS
from speechbrain_mmsed.evaluation.problems import PredictionError
from speechbrain_mmsed.evaluation.readers.events import read_points
from speechbrain_mmsed.evaluation.readers.npz import (
    load_npz,
    npz_files,
    read_npz,
)
from speechbrain_mmsed.evaluation.readers.score_tables import (
    read_score_tables,
    score_labels,
)
from speechbrain_mmsed.evaluation.readers.tables import prediction_files
from speechbrain_mmsed.evaluation.readers.truth import (
    read_labels,
    read_truth,
    read_video,
)
from speechbrain_mmsed.evaluation.reports.report_data import EvaluatedSystem
from speechbrain_mmsed.evaluation.tuning import choose_weight

UNKNOWN_VIDEO = (
    "Which clips have video is not known; with --video figures are split by it."
)
NOT_IGNORED = (
    "there are no scores with the video ignored; give them with "
    "--ignored-predictions"
)


@dataclass
class Inputs:
    """Everything that is read for an evaluation.

    GroundTruth by subset, the system, reasons why splits are empty, events of
    operating points and the file of the one for F1, what is worth knowing.
    """

    truth: dict
    system: EvaluatedSystem = field(default_factory=EvaluatedSystem)
    reasons: dict | None = None
    points: list = field(default_factory=list)
    chosen: pathlib.Path | None = None
    notes: list = field(default_factory=list)


def read_inputs(arguments, form):
    """Reads all that the arguments of `mmsed evaluate` name."""
    for option in ("validation", "ignored"):
        folder = getattr(arguments, f"{option}_predictions")
        if folder:
            prediction_files(folder, form, f"--{option}-predictions")
    files = arguments.ground_truth, arguments.durations
    truth = read_truth(*files, _labels(arguments, form))
    inputs = Inputs({"evaluation": truth})
    if arguments.validation_predictions:
        inputs.truth["validation"] = read_truth(
            arguments.validation_ground_truth,
            arguments.validation_durations,
            truth.labels,
        )
    system = inputs.system
    if arguments.video:
        system.has_video = read_video(arguments.video, truth.durations)
    READ[form](inputs, arguments)
    if system.has_video is None:
        inputs.notes.append(UNKNOWN_VIDEO)
        return inputs
    for scores in (system.scores, system.ignored):
        if scores is not None:
            flags = [system.has_video[name] for name in scores.filenames]
            scores.has_video = np.array(flags)
    return inputs


def _labels(arguments, form):
    """Class labels as given, or of the scores; None for the reference's."""
    if arguments.labels:
        return read_labels(arguments.labels)
    if form == "npz":
        file, *_ = npz_files(arguments.predictions).values()
        return load_npz(file).labels
    return score_labels(arguments.predictions) if form == "score-tsv" else None


def _read_events(inputs, arguments):
    """Operating points of another system."""
    inputs.points, chosen, inputs.notes = read_points(
        arguments.predictions,
        inputs.truth["evaluation"],
        arguments.operating_point,
        arguments.durations,
    )
    inputs.system.events, inputs.chosen = chosen
    inputs.reasons = {"video_ignored": NOT_IGNORED}


def _read_tables(inputs, arguments):
    """Scores of another system, a table for each clip."""
    read = functools.partial(
        read_score_tables,
        largest_window=max(arguments.window, WINDOWS[-1]),
        thresholds=[arguments.threshold],
        end_tolerance=arguments.end_tolerance,
    )
    _read_scores(
        *(inputs, arguments, read, arguments.predictions),
        *(arguments.validation_predictions, arguments.ignored_predictions),
    )


def _read_npz(inputs, arguments):
    """Scores of this package, at one weight of the primary stream."""
    files, system = npz_files(arguments.predictions), inputs.system
    weight = system.weight = _weight(inputs, arguments, files)
    validation = arguments.validation_predictions
    if validation:
        validation = _file_at(validation, weight)
    ignored = files.get(1.0) if weight not in (None, 1) else None
    if arguments.ignored_predictions:
        ignored = _file_at(arguments.ignored_predictions, 1.0, only=True)
    _read_scores(
        inputs, arguments, read_npz, files[weight], validation, ignored
    )
    inputs.notes.insert(0, f"Scores: {files[weight]}.")
    if weight == 1 and not ignored:
        inputs.reasons = {"video_available": AUDIO_ONLY}
    if system.has_video is None:
        system.has_video = system.scores.video()


def _read_scores(inputs, arguments, read, place, validation, ignored):
    """Scores of both subsets, and with the video ignored if there are any."""
    system = inputs.system
    evaluation = inputs.truth["evaluation"], arguments.durations
    system.scores, inputs.notes = read(place, *evaluation)
    if validation:
        durations = arguments.validation_durations
        truth = inputs.truth["validation"]
        system.validation, _ = read(validation, truth, durations)
        hops = system.validation.frame_hop, system.scores.frame_hop
        if hops[0] != hops[1]:
            raise PredictionError(
                f"{validation}: frames of {hops[0]:g} s, where {place} has "
                f"{hops[1]:g} s; windows are tuned in frames, so both need "
                "the same"
            )
    if ignored:
        system.ignored, _ = read(ignored, *evaluation)
    else:
        inputs.reasons = {"video_ignored": NOT_IGNORED}


def _weight(inputs, arguments, files):
    """The weight that is asked for, the only one, or that of validation."""
    weights = ", ".join(f"{weight:g}" for weight in files if weight is not None)
    if arguments.weight is not None:
        if arguments.weight not in files:
            raise PredictionError(
                f"--weight {arguments.weight:g}: {arguments.predictions} has "
                f"the weights {weights or 'of no file name'}"
            )
        return arguments.weight
    if len(files) == 1:
        return next(iter(files))
    folder = arguments.validation_predictions
    if not folder:
        raise PredictionError(
            f"{arguments.predictions}: scores at the weights {weights}; choose "
            "one with --weight, or give validation data to choose it there"
        )
    try:
        weight, _, f1 = choose_weight(folder, inputs.truth["validation"])
    except (ValueError, OSError) as error:
        raise PredictionError(
            f"choosing a weight on {folder}: {error}"
        ) from error
    if weight not in files:
        raise PredictionError(
            f"{folder}: the best weight is {weight:g}, but "
            f"{arguments.predictions} has {weights}; score both with the same"
        )
    inputs.system.validation_ebf1 = f1
    return weight


def _file_at(folder, weight, only=False):
    """The file of a weight, or the only one where that may be any."""
    files = npz_files(folder)
    if len(files) == 1 and (only or weight is None or None in files):
        weight = next(iter(files))
    if weight not in files:
        raise PredictionError(
            f"{folder}: no scores at the weight {weight}; there are "
            f"{sorted(map(str, files))}. Give one file"
        )
    return files[weight]


READ = {
    "npz": _read_npz,
    "score-tsv": _read_tables,
    "event-tsv": _read_events,
}
