"""Scores of this package: one npz file, or one for each inference weight.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import dataclasses
import zipfile

from speechbrain_mmsed.evaluation.metrics.scored import WEIGHT_FILE
from speechbrain_mmsed.evaluation.readers.match import (
    check_coverage,
    match_names,
)
from speechbrain_mmsed.evaluation.readers.problems import (
    PredictionError,
    listed,
)
from speechbrain_mmsed.evaluation.readers.tables import files_of
from speechbrain_mmsed.postprocessing.scores import ClipScores


def npz_files(path):
    """Files of scores by the weight of the primary stream.

    Arguments
    ---------
    path : str or pathlib.Path
        An npz file, or a folder with one or with `weight_<w>.npz`.

    Returns
    -------
    dict
        Weight, or None for a file whose name tells none -> pathlib.Path.
    """
    files = files_of(path, (".npz",))
    if not files:
        raise PredictionError(f"{path}: no npz files of scores")
    found = {}
    for file in files:
        match = WEIGHT_FILE.fullmatch(file.name)
        found.setdefault(float(match[1]) if match else None, []).append(file)
    unnamed = found.get(None, [])
    if len(unnamed) > 1 or (unnamed and len(found) > 1):
        raise PredictionError(
            f"{path}: npz files {listed(file.name for file in files)}; give "
            "one of them as --predictions, or a folder of weight_<w>.npz alone"
        )
    return {weight: each[0] for weight, each in sorted(found.items())}


def load_npz(file):
    """Scores of a file, with an error that names it.

    Arguments
    ---------
    file : str or pathlib.Path
        As `ClipScores.save` writes it.

    Returns
    -------
    ClipScores
    """
    try:
        return ClipScores.load(file)
    except (ValueError, zipfile.BadZipFile, EOFError) as error:
        text = str(error)
        if not text.startswith(str(file)):
            text = f"{file}: {text}"
        raise PredictionError(text) from error


def fit_scores(scores, truth, file, source_of_durations, has_video=None):
    """Scores in the order of the reference, with its names and labels.

    Arguments
    ---------
    scores : ClipScores
        Scores of N clips.
    truth : GroundTruth
        Reference of these clips; its labels are chosen from the scores'.
    file : str or pathlib.Path
        Where the scores come from.
    source_of_durations : str
        The table of durations, for messages.
    has_video : dict or None
        File name -> bool, in the place of what the scores say.

    Returns
    -------
    ClipScores
    list of str
        What is worth knowing, a sentence each.
    """
    matched = match_names(scores.filenames, truth.durations, str(file))
    check_coverage(
        scores.filenames,
        matched,
        truth.durations,
        str(file),
        source_of_durations,
    )
    missing = [label for label in truth.labels if label not in scores.labels]
    if missing:
        raise PredictionError(
            f"{file}: no scores of the classes {missing}; there are "
            f"{scores.labels}. Give these with --labels"
        )
    position = {matched[n]: i for i, n in enumerate(scores.filenames)}
    names = list(truth.durations)
    rows = [position[name] for name in names]
    _check_durations(scores, matched, truth, file, source_of_durations)
    video = scores.has_video[rows]
    if has_video is not None:
        video = [has_video[name] for name in names]
    keep = [scores.labels.index(label) for label in truth.labels]
    fitted = dataclasses.replace(
        scores,
        filenames=names,
        durations=scores.durations[rows],
        labels=truth.labels,
        clip=scores.clip[rows][:, keep],
        frame=scores.frame[rows][:, :, keep],
        has_video=video,
    )
    left = [label for label in scores.labels if label not in truth.labels]
    notes = [
        f"{len(names)} clips with {scores.frame.shape[1]} frames of "
        f"{scores.frame_hop:g} s."
    ]
    if left:
        notes.append(f"Classes left out: {', '.join(left)}.")
    return fitted, notes


def _check_durations(scores, matched, truth, file, source):
    """Both tell how long a clip is; they must agree."""
    differing = {
        name: seconds
        for name, seconds in zip(
            scores.filenames, scores.durations.tolist(), strict=True
        )
        if abs(seconds - truth.durations[matched[name]]) > scores.frame_hop
    }
    if differing:
        name = min(differing)
        raise PredictionError(
            f"{file}: the durations of {len(differing)} clips differ by more "
            f"than a frame from {source}: {name} lasts {differing[name]:g} s "
            f"there and {truth.durations[matched[name]]:g} s here; take the "
            f"durations of the same files. Clips: {listed(differing)}"
        )
