"""Score tables as the inputs of an evaluation.

Authors
 * The speechbrain_mmsed authors, 2026
"""

from speechbrain_mmsed.evaluation.metrics.scored import WINDOWS
from speechbrain_mmsed.evaluation.readers.problems import PredictionError
from speechbrain_mmsed.evaluation.readers.scores import read_score_tables
from speechbrain_mmsed.evaluation.reports.system.options import (
    NOT_IGNORED,
    check_form,
)


def read_tables(inputs, arguments):
    """Reads scores of another system, a table for each clip.

    Arguments
    ---------
    inputs : Inputs
        With form and truth; gets scores, ignored, validation, reasons and
        notes.
    arguments : argparse.Namespace
        Of `mmsed evaluate`.
    """
    inputs.scores, notes = _tables(inputs, arguments, arguments.predictions)
    inputs.notes += notes
    folder = arguments.validation_predictions
    if folder:
        check_form(folder, "score-tsv", "--validation-predictions")
        inputs.validation, _ = _tables(inputs, arguments, folder, "validation")
        if inputs.validation.frame_hop != inputs.scores.frame_hop:
            raise PredictionError(
                f"{folder}: frames of {inputs.validation.frame_hop:g} s, where "
                f"{arguments.predictions} has {inputs.scores.frame_hop:g} s; "
                "windows are tuned in frames, so both need the same"
            )
    if arguments.ignored_predictions:
        folder = arguments.ignored_predictions
        check_form(folder, "score-tsv", "--ignored-predictions")
        inputs.ignored, _ = _tables(inputs, arguments, folder)
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
