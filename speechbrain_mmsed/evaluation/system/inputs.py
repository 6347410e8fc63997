"""What a command evaluates: read, checked and made to fit.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import pathlib
from dataclasses import dataclass, field

from speechbrain_mmsed.evaluation.inference_weight import choose_weight
from speechbrain_mmsed.evaluation.readers import (
    FORMS,
    PredictionError,
    files_of,
    recognise,
)
from speechbrain_mmsed.evaluation.readers_choice import read_labels, read_video
from speechbrain_mmsed.evaluation.readers_events import (
    chosen_point,
    point_files,
    read_point,
    read_points,
)
from speechbrain_mmsed.evaluation.readers_npz import (
    fit_scores,
    load_npz,
    npz_files,
)
from speechbrain_mmsed.evaluation.readers_scores import (
    read_score_tables,
    score_labels,
)
from speechbrain_mmsed.evaluation.readers_truth import read_truth
from speechbrain_mmsed.evaluation.splits import AUDIO_ONLY
from speechbrain_mmsed.evaluation.tuning import WINDOWS

VALIDATION = (
    "validation_predictions",
    "validation_ground_truth",
    "validation_durations",
)
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
    scores : ClipScores or None
        None where there are operating points.
    ignored : ClipScores or None
        The same with video ignored.
    validation : ClipScores or None
        Scores to tune with.
    reasons : dict or None
        For `evaluate_splits`; None for its defaults.
    has_video : dict or None
        File name -> bool; None where it is not known.
    points : list of pandas.DataFrame
        Events of operating points.
    chosen : pandas.DataFrame or None
        Those that F1 is counted for.
    chosen_name : str or None
        Where these come from.
    weight : float or None
        Weight of the primary stream.
    validation_ebf1 : dict
        Validation EBF1 of every candidate weight.
    notes : list of str
        What is worth knowing.
    """

    form: str
    truth: dict
    scores: object = None
    ignored: object = None
    validation: object = None
    reasons: object = None
    has_video: object = None
    points: list = field(default_factory=list)
    chosen: object = None
    chosen_name: object = None
    weight: object = None
    validation_ebf1: dict = field(default_factory=dict)
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
        inputs.has_video = read_video(arguments.video, clips)
    reader = {
        "npz": _read_npz,
        "score-tsv": _read_score_tables,
        "event-tsv": _read_points,
    }
    reader[form](inputs, arguments)
    if inputs.has_video is None:
        inputs.notes.append(UNKNOWN_VIDEO)
    return inputs


def check_options(arguments, form):
    """Refuse options that the form, or each other, make meaningless.

    Arguments
    ---------
    arguments : argparse.Namespace
        Of `mmsed evaluate`.
    form : str
        Form of the predictions.
    """
    given = [name for name in VALIDATION if getattr(arguments, name)]
    if given and len(given) < len(VALIDATION):
        absent = [_option(n) for n in VALIDATION if n not in given]
        raise PredictionError(
            f"{_option(given[0])} needs {' and '.join(absent)} as well"
        )
    fixed = [n for n in ("threshold", "window") if _given(arguments, n)]
    if given and fixed:
        raise PredictionError(
            f"{_option(fixed[0])} and validation data: either the value is "
            "given or it is tuned"
        )
    foreign = {
        "npz": ("operating_point", "end_tolerance"),
        "score-tsv": ("operating_point", "weight"),
        "event-tsv": (
            *VALIDATION,
            *("threshold", "window", "end_tolerance", "weight"),
            *("ignored_predictions", "intervals"),
        ),
    }
    for name in foreign[form]:
        if _given(arguments, name):
            raise PredictionError(
                f"{_option(name)} has no meaning for predictions of the form "
                f"{form} ({FORMS[form]}); leave it out"
            )


def _given(arguments, name):
    return getattr(arguments, name) not in (None, False)


def _option(name):
    return f"--{name.replace('_', '-')}"


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


def _read_npz(inputs, arguments):
    """Scores of this package, at one weight of the primary stream."""
    files = npz_files(arguments.predictions)
    weight = _weight(inputs, arguments, files)
    inputs.weight = weight
    inputs.scores = _fit(inputs, arguments, files[weight], notes=True)
    if arguments.validation_predictions:
        inputs.validation = _validation_npz(inputs, arguments, weight)
    if arguments.ignored_predictions:
        inputs.ignored = _ignored(inputs, arguments)
    elif weight not in (None, 1) and 1.0 in files:
        inputs.ignored = _fit(inputs, arguments, files[1.0])
    elif weight != 1:
        inputs.reasons = {"video_ignored": NOT_IGNORED}
    else:
        inputs.reasons = {"video_available": AUDIO_ONLY}
    if inputs.has_video is None:
        flags = inputs.scores.has_video.tolist()
        inputs.has_video = dict(
            zip(inputs.scores.filenames, flags, strict=True)
        )


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
    inputs.validation_ebf1 = f1
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
    truth = inputs.truth["validation"]
    durations = arguments.validation_durations
    scores = load_npz(files[weight])
    fitted, _ = fit_scores(scores, truth, files[weight], durations)
    return fitted


def _fit(inputs, arguments, file, notes=False):
    """Evaluation scores of a file."""
    fitted, said = fit_scores(
        load_npz(file),
        inputs.truth["evaluation"],
        file,
        arguments.durations,
        inputs.has_video,
    )
    if notes:
        inputs.notes += [f"Scores: {file}.", *said]
    return fitted


def _read_score_tables(inputs, arguments):
    """Scores of another system."""
    inputs.scores, notes = _tables(inputs, arguments, arguments.predictions)
    inputs.notes += notes
    folder = arguments.validation_predictions
    if folder:
        _check_form(folder, "score-tsv", "--validation-predictions")
        inputs.validation, _ = _tables(inputs, arguments, folder, "validation")
        if inputs.validation.frame_hop != inputs.scores.frame_hop:
            raise PredictionError(
                f"{folder}: frames of {inputs.validation.frame_hop:g} s, where "
                f"{arguments.predictions} has {inputs.scores.frame_hop:g} s; "
                "windows are tuned in frames, so both need the same"
            )
    if arguments.ignored_predictions:
        inputs.ignored = _ignored(inputs, arguments)
    else:
        inputs.reasons = {"video_ignored": NOT_IGNORED}


def _tables(inputs, arguments, folder, subset="evaluation"):
    """Score tables of one subset."""
    evaluation = subset == "evaluation"
    return read_score_tables(
        folder,
        inputs.truth[subset],
        arguments.durations if evaluation else arguments.validation_durations,
        inputs.has_video if evaluation else None,
        max(arguments.window or 1, WINDOWS[-1]),
        [] if arguments.threshold is None else [arguments.threshold],
        arguments.end_tolerance,
    )


def _ignored(inputs, arguments):
    """The same clips with the video ignored."""
    folder = arguments.ignored_predictions
    _check_form(folder, inputs.form, "--ignored-predictions")
    if inputs.form == "score-tsv":
        return _tables(inputs, arguments, folder)[0]
    files = npz_files(folder)
    if len(files) > 1 and 1.0 not in files:
        raise PredictionError(
            f"{folder}: which of {sorted(map(str, files))} ignores the video? "
            "Give that file"
        )
    file = files[1.0] if 1.0 in files else next(iter(files.values()))
    scores = _fit(inputs, arguments, file)
    scores.has_video = inputs.scores.has_video
    return scores


def _check_form(folder, form, option):
    """Predictions that belong together have one form."""
    if not pathlib.Path(folder).exists():
        raise PredictionError(f"{option} {folder}: no such folder")
    endings = (".npz",) if form == "npz" else (".tsv",)
    if not files_of(folder, endings):
        raise PredictionError(
            f"{option} {folder}: no predictions of the form {form} "
            f"({FORMS[form]}), which --predictions has"
        )


def _read_points(inputs, arguments):
    """Operating points of another system."""
    truth = inputs.truth["evaluation"]
    files = point_files(arguments.predictions)
    if arguments.operating_point:
        file = chosen_point(files, arguments.operating_point)
        inputs.chosen, _ = read_point(file, truth, arguments.durations)
        inputs.chosen_name = str(file)
    points, notes = read_points(files, truth, arguments.durations)
    inputs.points = points
    inputs.notes += notes
    inputs.reasons = {"video_ignored": NOT_IGNORED}
