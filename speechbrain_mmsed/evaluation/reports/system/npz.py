"""Scores of this package as the inputs of an evaluation.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import pathlib

from speechbrain_mmsed.evaluation.evaluate import AUDIO_ONLY
from speechbrain_mmsed.evaluation.readers.npz import (
    fit_scores,
    load_npz,
    npz_files,
)
from speechbrain_mmsed.evaluation.readers.problems import PredictionError
from speechbrain_mmsed.evaluation.reports.system.options import (
    NOT_IGNORED,
    check_form,
)
from speechbrain_mmsed.evaluation.tuning.tuning import choose_weight


def read_npz(inputs, arguments):
    """Reads scores of this package, at one weight of the primary stream.

    Arguments
    ---------
    inputs : Inputs
        With form and truth; gets scores, ignored, validation, reasons and
        notes, weight, has_video.
    arguments : argparse.Namespace
        Of `mmsed evaluate`.
    """
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
        inputs.has_video = inputs.scores.video()


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


def _ignored(inputs, arguments):
    """The same clips with the video ignored."""
    folder = arguments.ignored_predictions
    check_form(folder, "npz", "--ignored-predictions")
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
