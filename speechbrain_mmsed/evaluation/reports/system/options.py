"""Which options go together.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import pathlib

from speechbrain_mmsed.evaluation.readers.forms import FORMS
from speechbrain_mmsed.evaluation.readers.problems import PredictionError
from speechbrain_mmsed.evaluation.readers.tables import files_of

VALIDATION = (
    "validation_predictions",
    "validation_ground_truth",
    "validation_durations",
)
NOT_IGNORED = (
    "there are no scores with the video ignored; give them with "
    "--ignored-predictions"
)


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
            "ignored_predictions",
        ),
    }
    no_f1 = form == "event-tsv" and not arguments.operating_point
    if no_f1 and arguments.intervals:
        raise PredictionError(
            "--intervals needs --operating-point: without scores there are "
            "intervals of F1 only, and F1 needs one table of events"
        )
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
