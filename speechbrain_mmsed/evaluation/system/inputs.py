"""What `mmsed evaluate` evaluates: read, checked and made to fit.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import functools

from speechbrain_mmsed.evaluation.evaluate import EvaluatedSystem
from speechbrain_mmsed.evaluation.metrics.scored import WINDOWS
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
from speechbrain_mmsed.evaluation.reports.report_tables import fusion_title
from speechbrain_mmsed.evaluation.tuning import choose_weight
from speechbrain_mmsed.problems import PredictionError

UNKNOWN_VIDEO = (
    "Which clips have video is not known; with --video figures are split by it."
)
NOT_IGNORED = (
    "there are no scores with the video ignored; give them with "
    "--ignored-predictions"
)


def read_inputs(arguments, form):
    """Reads all that the arguments of `mmsed evaluate` name.

    Returns the EvaluatedSystem, and GroundTruth by subset.
    """
    for option in ("validation", "ignored"):
        folder = getattr(arguments, f"{option}_predictions")
        if folder:
            prediction_files(folder, form, f"--{option}-predictions")
    files, notes = (arguments.ground_truth, arguments.durations), []
    truth = {"evaluation": read_truth(*files, _labels(arguments, form), notes)}
    if arguments.validation_predictions:
        truth["validation"] = read_truth(
            arguments.validation_ground_truth,
            arguments.validation_durations,
            truth["evaluation"].labels,
            notes,
        )
    system = EvaluatedSystem()
    if arguments.video:
        known = truth["evaluation"].durations
        system.has_video = read_video(arguments.video, known)
    READ[form](system, truth, arguments)
    system.notes = [*notes, *system.notes]
    if system.has_video is None:
        system.notes.append(UNKNOWN_VIDEO)
    return system, truth


def _labels(arguments, form):
    """Class labels as given, or of the scores; None for the reference's."""
    if arguments.labels:
        return read_labels(arguments.labels)
    if form == "npz":
        file, *_ = npz_files(arguments.predictions).values()
        return load_npz(file).labels
    return score_labels(arguments.predictions) if form == "score-tsv" else None


def _read_events(system, truth, arguments):
    """Operating points of another system."""
    system.points, chosen, system.notes = read_points(
        arguments.predictions,
        truth["evaluation"],
        arguments.operating_point,
        arguments.durations,
    )
    system.events, system.chosen = chosen
    system.reasons = {"video_ignored": NOT_IGNORED}


def _read_tables(system, truth, arguments):
    """Scores of another system, a table for each clip."""
    read = functools.partial(
        read_score_tables,
        largest_window=max(arguments.window, WINDOWS[-1]),
        thresholds=[arguments.threshold],
        end_tolerance=arguments.end_tolerance,
    )
    _read_scores(
        *(system, truth, arguments, read, arguments.predictions),
        *(arguments.validation_predictions, arguments.ignored_predictions),
    )


def _read_npz(system, truth, arguments):
    """Scores of this package, at one weight of the primary stream."""
    files = npz_files(arguments.predictions)
    weight = system.weight = _weight(system, truth, arguments, files)
    validation = arguments.validation_predictions
    if validation:
        validation = _file_at(validation, weight)
    ignored = None
    if weight not in (None, 1):
        others = npz_files(arguments.predictions, "video")
        ignored = others.get(weight, files.get(1.0))
    if arguments.ignored_predictions:
        ignored = _file_at(arguments.ignored_predictions, 1.0, only=True)
    _read_scores(
        system, truth, arguments, read_npz, files[weight], validation, ignored
    )
    system.notes.insert(0, f"Scores: {files[weight]}.")
    if weight == 1 and not ignored:
        # Sound alone.
        system.reasons = {}
    if system.has_video is None:
        system.has_video = system.scores.video()


def _read_scores(system, truth, arguments, read, place, validation, ignored):
    """Scores of both subsets, and with the video ignored if there are any."""
    evaluation = truth["evaluation"], arguments.durations
    system.scores, system.notes = read(place, *evaluation)
    if validation:
        pair = truth["validation"], arguments.validation_durations
        system.validation, _ = read(validation, *pair)
        hops = system.validation.frame_hop, system.scores.frame_hop
        if hops[0] != hops[1]:
            raise PredictionError(
                f"{validation}: frames of {hops[0]:g} s, where {place} has "
                f"{hops[1]:g} s; windows are tuned in frames, so both need "
                "the same"
            )
    if ignored:
        system.ignored, _ = read(ignored, *evaluation)
        system.ignored.has_video = system.scores.has_video
    else:
        system.reasons = {"video_ignored": NOT_IGNORED}


def _weight(system, truth, arguments, files):
    """The weight that is asked for, the only one, or that of validation."""
    weight, folder = arguments.weight, arguments.validation_predictions
    weights = ", ".join(fusion_title(w) for w in files if w is not None)
    if weight is None and len(files) == 1:
        return next(iter(files))
    said = "--weight"
    if weight is None:
        if not folder:
            raise PredictionError(
                f"{arguments.predictions}: scores at the weights {weights}; "
                "choose one with --weight, or give validation data to choose "
                "it there"
            )
        try:
            chosen = choose_weight(folder, truth["validation"])
        except (ValueError, OSError) as error:
            raise PredictionError(
                f"choosing a weight on {folder}: {error}"
            ) from error
        weight, _, system.validation_ebf1 = chosen
        said = f"{folder}: the best weight"
    if weight not in files:
        raise PredictionError(
            f"{said} {fusion_title(weight)}: {arguments.predictions} has the "
            f"weights {weights or 'of no file name'}"
        )
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


READ = {"npz": _read_npz, "score-tsv": _read_tables, "event-tsv": _read_events}
