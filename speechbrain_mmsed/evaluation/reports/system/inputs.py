"""What a command evaluates: read, checked and made to fit.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import pathlib
from dataclasses import dataclass, field

from speechbrain_mmsed.evaluation.readers.choice import read_labels, read_video
from speechbrain_mmsed.evaluation.readers.events import (
    chosen_point,
    point_files,
    read_point,
    read_points,
)
from speechbrain_mmsed.evaluation.readers.forms import recognise
from speechbrain_mmsed.evaluation.readers.npz import load_npz, npz_files
from speechbrain_mmsed.evaluation.readers.problems import PredictionError
from speechbrain_mmsed.evaluation.readers.scores import score_labels
from speechbrain_mmsed.evaluation.readers.truth import read_truth
from speechbrain_mmsed.evaluation.reports.system.npz import read_npz
from speechbrain_mmsed.evaluation.reports.system.options import (
    NOT_IGNORED,
    check_options,
)
from speechbrain_mmsed.evaluation.reports.system.score_tables import read_tables

UNKNOWN_VIDEO = (
    "Which clips have video is not known; with --video figures are split by it."
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
        "npz": read_npz,
        "score-tsv": read_tables,
        "event-tsv": _read_points,
    }
    reader[form](inputs, arguments)
    if inputs.has_video is None:
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
