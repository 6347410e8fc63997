"""What `mmsed evaluate` evaluates: read, checked and made to fit.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import pathlib
from dataclasses import dataclass, field

from speechbrain_mmsed.evaluation.problems import PredictionError
from speechbrain_mmsed.evaluation.readers.events import read_points
from speechbrain_mmsed.evaluation.readers.npz import (
    fit_scores,
    load_npz,
    npz_files,
)
from speechbrain_mmsed.evaluation.readers.score_tables import (
    read_score_tables,
    score_labels,
)
from speechbrain_mmsed.evaluation.readers.tables import recognise
from speechbrain_mmsed.evaluation.readers.truth import (
    read_labels,
    read_truth,
    read_video,
)
from speechbrain_mmsed.evaluation.reports.report_data import EvaluatedSystem
from speechbrain_mmsed.evaluation.reports.system.options import (
    check_form,
    check_options,
)
from speechbrain_mmsed.evaluation.splits import AUDIO_ONLY
from speechbrain_mmsed.evaluation.tuning.inference_weight import choose_weight
from speechbrain_mmsed.evaluation.tuning.tuning import WINDOWS

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

    Arguments
    ---------
    form : str
        A key of `FORMS`.
    truth : dict
        GroundTruth of "evaluation", and of "validation" if there is one.
    system : EvaluatedSystem
        With all that files tell of it.
    reasons : dict or None
        For `evaluate_splits`; None for its defaults.
    points : list of pandas.DataFrame
        Events of operating points.
    chosen : pathlib.Path or None
        The table that F1 is counted for.
    notes : list of str
        What is worth knowing.
    """

    form: str
    truth: dict
    system: EvaluatedSystem = field(default_factory=EvaluatedSystem)
    reasons: dict | None = None
    points: list = field(default_factory=list)
    chosen: pathlib.Path | None = None
    notes: list = field(default_factory=list)


def read_inputs(arguments):
    """Read all that the arguments name.

    Arguments
    ---------
    arguments : argparse.Namespace
        Of `mmsed evaluate`.

    Returns
    -------
    Inputs

    Raises
    ------
    PredictionError
        Where something is missing, contradictory or cannot be used.
    """
    form = arguments.format or recognise(arguments.predictions)
    if not pathlib.Path(arguments.predictions).exists():
        raise PredictionError(f"{arguments.predictions}: no such folder")
    check_options(arguments, form)
    labels = _labels(arguments, form)
    truth = {
        "evaluation": read_truth(
            arguments.ground_truth, arguments.durations, labels
        )
    }
    if arguments.validation_predictions:
        truth["validation"] = read_truth(
            arguments.validation_ground_truth,
            arguments.validation_durations,
            truth["evaluation"].labels,
        )
    inputs = Inputs(form, truth)
    if arguments.video:
        clips = truth["evaluation"].durations
        inputs.system.has_video = read_video(arguments.video, clips)
    reader = {
        "npz": _read_npz,
        "score-tsv": _read_tables,
        "event-tsv": _read_events,
    }
    reader[form](inputs, arguments)
    if inputs.system.has_video is None:
        inputs.notes.append(UNKNOWN_VIDEO)
    return inputs


def _labels(arguments, form):
    """Class labels as given, or of the scores; None for the reference's."""
    if arguments.labels:
        return read_labels(arguments.labels)
    if form == "npz":
        files = npz_files(arguments.predictions)
        return load_npz(next(iter(files.values()))).labels
    if form == "score-tsv":
        return score_labels(arguments.predictions)
    return None


def _read_events(inputs, arguments):
    """Operating points of another system."""
    inputs.points, chosen, inputs.notes = read_points(
        arguments.predictions,
        inputs.truth["evaluation"],
        arguments.operating_point,
        arguments.durations,
    )
    if chosen is not None:
        inputs.system.events, inputs.chosen = chosen
    inputs.reasons = {"video_ignored": NOT_IGNORED}


def _read_tables(inputs, arguments):
    """Scores of another system, a table for each clip."""
    system = inputs.system

    def read(folder, subset="evaluation"):
        evaluation = subset == "evaluation"
        durations = arguments.validation_durations
        return read_score_tables(
            folder,
            inputs.truth[subset],
            arguments.durations if evaluation else durations,
            system.has_video if evaluation else None,
            max(arguments.window or 1, WINDOWS[-1]),
            [] if arguments.threshold is None else [arguments.threshold],
            arguments.end_tolerance,
        )

    system.scores, inputs.notes = read(arguments.predictions)
    folder = arguments.validation_predictions
    if folder:
        check_form(folder, "score-tsv", "--validation-predictions")
        system.validation, _ = read(folder, "validation")
        if system.validation.frame_hop != system.scores.frame_hop:
            raise PredictionError(
                f"{folder}: frames of {system.validation.frame_hop:g} s, where "
                f"{arguments.predictions} has {system.scores.frame_hop:g} s; "
                "windows are tuned in frames, so both need the same"
            )
    if arguments.ignored_predictions:
        folder = arguments.ignored_predictions
        check_form(folder, "score-tsv", "--ignored-predictions")
        system.ignored, _ = read(folder)
    else:
        inputs.reasons = {"video_ignored": NOT_IGNORED}


def _read_npz(inputs, arguments):
    """Scores of this package, at one weight of the primary stream."""
    files = npz_files(arguments.predictions)
    system = inputs.system
    weight = system.weight = _weight(inputs, arguments, files)

    def fit(file):
        return fit_scores(
            load_npz(file),
            inputs.truth["evaluation"],
            file,
            arguments.durations,
            system.has_video,
        )

    system.scores, notes = fit(files[weight])
    inputs.notes = [f"Scores: {files[weight]}.", *notes]
    if arguments.validation_predictions:
        system.validation = _validation_npz(inputs, arguments, weight)
    if arguments.ignored_predictions:
        system.ignored, _ = fit(_ignored_npz(arguments.ignored_predictions))
        system.ignored.has_video = system.scores.has_video
    elif weight not in (None, 1) and 1.0 in files:
        system.ignored, _ = fit(files[1.0])
    elif weight != 1:
        inputs.reasons = {"video_ignored": NOT_IGNORED}
    else:
        inputs.reasons = {"video_available": AUDIO_ONLY}
    if system.has_video is None:
        system.has_video = system.scores.video()


def _weight(inputs, arguments, files):
    """The weight that is asked for, the only one, or that of validation."""
    if arguments.weight is not None:
        if arguments.weight not in files:
            known = [f"{w:g}" for w in files if w is not None]
            raise PredictionError(
                f"--weight {arguments.weight:g}: {arguments.predictions} has "
                f"the weights {', '.join(known) or 'of no file name'}"
            )
        return arguments.weight
    if len(files) == 1:
        return next(iter(files))
    weights = ", ".join(f"{weight:g}" for weight in files)
    if not arguments.validation_predictions:
        raise PredictionError(
            f"{arguments.predictions}: scores at the weights {weights}; choose "
            "one with --weight, or give validation data to choose it there"
        )
    folder = arguments.validation_predictions
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


def _validation_npz(inputs, arguments, weight):
    """Validation scores at the same weight, or the only ones."""
    folder = arguments.validation_predictions
    if not pathlib.Path(folder).exists():
        raise PredictionError(f"{folder}: no such folder")
    files = npz_files(folder)
    if len(files) == 1 and (weight is None or None in files):
        weight = next(iter(files))
    if weight not in files:
        raise PredictionError(
            f"{folder}: no scores at the weight of {arguments.predictions} "
            f"({weight}); there are {sorted(map(str, files))}"
        )
    truth, file = inputs.truth["validation"], files[weight]
    durations = arguments.validation_durations
    return fit_scores(load_npz(file), truth, file, durations)[0]


def _ignored_npz(folder):
    """The file of scores with the video ignored."""
    check_form(folder, "npz", "--ignored-predictions")
    files = npz_files(folder)
    if len(files) > 1 and 1.0 not in files:
        raise PredictionError(
            f"{folder}: which of {sorted(map(str, files))} ignores the video? "
            "Give that file"
        )
    return files[1.0] if 1.0 in files else next(iter(files.values()))
