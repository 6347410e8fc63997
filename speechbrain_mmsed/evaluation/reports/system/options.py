"""Options of `mmsed evaluate`: which go together, and what they choose.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import pathlib

import numpy as np

from speechbrain_mmsed.evaluation.evaluate import METRICS, tune
from speechbrain_mmsed.evaluation.problems import PredictionError
from speechbrain_mmsed.evaluation.readers.tables import FORMS, files_of
from speechbrain_mmsed.evaluation.tuning.tuning import (
    DEFAULT_THRESHOLD,
    DEFAULT_WINDOW,
)
from speechbrain_mmsed.postprocessing.parameters import ClassParameters

VALIDATION = (
    "validation_predictions",
    "validation_ground_truth",
    "validation_durations",
)
# What a form of predictions gives no meaning to.
FOREIGN = {
    "npz": ("operating_point", "end_tolerance"),
    "score-tsv": ("operating_point", "weight"),
    "event-tsv": (
        *VALIDATION,
        *("threshold", "window", "end_tolerance", "weight"),
        "ignored_predictions",
    ),
}


def check_options(arguments, form):
    """Refuse options that the form, or each other, make meaningless.

    Arguments
    ---------
    arguments : argparse.Namespace
        Of `mmsed evaluate`.
    form : str
        A key of `FORMS`.
    """
    # 0 is a value, and False an option that was not used.
    given = [
        name
        for name, value in vars(arguments).items()
        if value is not None and value is not False
    ]
    validation = [name for name in VALIDATION if name in given]
    if validation and len(validation) < len(VALIDATION):
        absent = [_option(n) for n in VALIDATION if n not in validation]
        raise PredictionError(
            f"{_option(validation[0])} needs {' and '.join(absent)} as well"
        )
    fixed = [name for name in ("threshold", "window") if name in given]
    if validation and fixed:
        raise PredictionError(
            f"{_option(fixed[0])} and validation data: either the value is "
            "given or it is tuned"
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
                f"{_option(name)} has no meaning for predictions of the form "
                f"{form} ({FORMS[form]}); leave it out"
            )


def _option(name):
    """An option as it is written."""
    return f"--{name.replace('_', '-')}"


def check_form(folder, form, option):
    """Refuse predictions that have not the form of those they belong to.

    Arguments
    ---------
    folder : str
        File or folder.
    form : str
        A key of `FORMS`.
    option : str
        What the folder was given as, for messages.
    """
    if not pathlib.Path(folder).exists():
        raise PredictionError(f"{option} {folder}: no such folder")
    endings = (".npz",) if form == "npz" else (".tsv",)
    if not files_of(folder, endings):
        raise PredictionError(
            f"{option} {folder}: no predictions of the form {form} "
            f"({FORMS[form]}), which --predictions has"
        )


def choose_parameters(inputs, arguments):
    """Thresholds and windows: tuned, or as given.

    Arguments
    ---------
    inputs : Inputs
        What is evaluated.
    arguments : argparse.Namespace
        Of `mmsed evaluate`.

    Returns
    -------
    dict
        For each metric a ClassParameters; {} for operating points.
    """
    system = inputs.system
    if system.scores is None:
        return {}
    if system.validation is not None:
        return tune(system.validation, inputs.truth["validation"])
    labels = system.scores.labels
    threshold, window = _fixed(arguments)
    return {
        metric: ClassParameters(
            labels,
            None if "psds" in metric else np.full(len(labels), threshold),
            None if metric == "cbf1" else np.full(len(labels), window),
            np.zeros(len(labels), dtype=bool),
        )
        for metric in METRICS
    }


def _fixed(arguments):
    """Threshold and window (frames) of an untuned evaluation."""
    threshold, window = arguments.threshold, arguments.window
    return (
        DEFAULT_THRESHOLD if threshold is None else threshold,
        DEFAULT_WINDOW if window is None else window,
    )


def describe_parameters(inputs, arguments):
    """How scores become events, in a sentence.

    Arguments
    ---------
    inputs, arguments
        As for `choose_parameters`.

    Returns
    -------
    str
    """
    system = inputs.system
    if system.scores is None:
        if inputs.chosen:
            return f"F1 of one operating point: {inputs.chosen}."
        return "PSDS only: no operating point was chosen for F1."
    if system.validation is not None:
        return (
            "Tuned: thresholds and median windows of each class and metric "
            f"on {arguments.validation_predictions}."
        )
    threshold, window = _fixed(arguments)
    smooth = "no median filter"
    if window > 1:
        seconds = window * system.scores.frame_hop
        smooth = f"median window {window} frames ({seconds:g} s)"
    return (
        f"Untuned: threshold {threshold:g}, {smooth}, the same for every class."
    )
