"""What `mmsed evaluate` evaluates: read, checked and made to fit.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import pathlib
from dataclasses import dataclass, field

from speechbrain_mmsed.evaluation.evaluate import AUDIO_ONLY
from speechbrain_mmsed.evaluation.metrics.scored import WINDOWS
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
from speechbrain_mmsed.evaluation.readers.tables import (
    FORMS,
    check_form,
    recognise,
)
from speechbrain_mmsed.evaluation.readers.truth import (
    read_labels,
    read_truth,
    read_video,
)
from speechbrain_mmsed.evaluation.reports.report_data import EvaluatedSystem
from speechbrain_mmsed.evaluation.tuning.tuning import choose_weight

UNKNOWN_VIDEO = (
    "Which clips have video is not known; with --video figures are split by it."
)
NOT_IGNORED = (
    "there are no scores with the video ignored; give them with "
    "--ignored-predictions"
)
VALIDATION = [
    f"validation_{what}"
    for what in ("predictions", "ground_truth", "durations")
]
# What a form of predictions gives no meaning to.
FOREIGN = {
    "npz": ["operating_point", "end_tolerance"],
    "score-tsv": ["operating_point", "weight"],
    "event-tsv": VALIDATION
    + ["threshold", "window", "end_tolerance", "weight", "ignored_predictions"],
}


@dataclass
class Inputs:
    """Everything that is read for an evaluation.

    The form of the predictions; GroundTruth of "evaluation" and perhaps of
    "validation"; the system with all that files tell of it; reasons why splits
    are empty; events of operating points, and the table of the one for F1;
    what is worth knowing.
    """

    form: str
    truth: dict
    system: EvaluatedSystem = field(default_factory=EvaluatedSystem)
    reasons: dict | None = None
    points: list = field(default_factory=list)
    chosen: pathlib.Path | None = None
    notes: list = field(default_factory=list)


def read_inputs(arguments):
    """Reads all that the arguments of `mmsed evaluate` name."""
    form = arguments.format or recognise(arguments.predictions)
    if not pathlib.Path(arguments.predictions).exists():
        raise PredictionError(f"{arguments.predictions}: no such folder")
    _check_options(arguments, form)
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


def _check_options(arguments, form):
    """Refuse options that the form, or each other, make meaningless."""
    # 0 is a value, and False an option that was not used.
    options = {n: f"--{n.replace('_', '-')}" for n in vars(arguments)}
    given = {
        name: option
        for name, option in options.items()
        if getattr(arguments, name) is not None
        and getattr(arguments, name) is not False
    }
    validation = [given[name] for name in VALIDATION if name in given]
    absent = [options[name] for name in VALIDATION if name not in given]
    if validation and absent:
        raise PredictionError(
            f"{validation[0]} needs {' and '.join(absent)} as well"
        )
    fixed = [given[name] for name in ("threshold", "window") if name in given]
    if validation and fixed:
        raise PredictionError(
            f"{fixed[0]} and validation data: either the value is given or it "
            "is tuned"
        )
    no_f1 = form == "event-tsv" and not arguments.operating_point
    if no_f1 and arguments.intervals:
        raise PredictionError(
            "--intervals needs --operating-point: without scores there are "
            "intervals of F1 only, and F1 needs one table of events"
        )
    for name in FOREIGN[form]:
        if name in given:
            raise PredictionError(
                f"{given[name]} has no meaning for predictions of the form "
                f"{form} ({FORMS[form]}); leave it out"
            )


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
    check_form(folder, "npz", "--validation-predictions")
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
