"""Scores of this package: one npz file, or one for each inference weight.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import dataclasses
import zipfile

from speechbrain_mmsed.evaluation.readers.tables import prediction_files
from speechbrain_mmsed.evaluation.readers.truth import check_labels, match_all
from speechbrain_mmsed.postprocessing.scores import ClipScores, weight_of_file
from speechbrain_mmsed.problems import PredictionError, listed


def npz_files(path, without=""):
    """Files of scores by the weight in their names, or one file by None.

    Of those whose streams are all there, or `without` some.
    """
    files = prediction_files(path, "npz")
    found = [weight_of_file(file.name) for file in files]
    if None in found and len(files) > 1:
        raise PredictionError(
            f"{path}: npz files {listed(file.name for file in files)}; give "
            "one of them as --predictions, or a folder of weight_<w>.npz alone"
        )
    if len(files) == 1 and not without:
        return {found[0] and found[0][0]: files[0]}
    pairs = sorted(zip(files, found, strict=True))
    return {of[0]: file for file, of in pairs if of and of[1] == without}


def load_npz(file):
    """Scores of a file as `ClipScores.save` writes it; errors name it."""
    try:
        return ClipScores.load(file)
    except (ValueError, zipfile.BadZipFile, EOFError) as error:
        text = str(error).removeprefix(f"{file}: ")
        raise PredictionError(f"{file}: {text}") from error


def read_npz(file, truth, source_of_durations):
    """Scores of the reference's clips and labels, and notes on them."""
    scores, names = load_npz(file), list(truth.durations)
    given = match_all(scores.filenames, names, str(file), source_of_durations)
    left = check_labels(truth.labels, scores.labels, f"{file}: no scores")
    position = {name: row for row, name in enumerate(scores.filenames)}
    rows = [position[given[name]] for name in names]
    durations = scores.durations[rows]
    lengths = zip(rows, durations, truth.durations.values(), strict=True)
    differing = {
        scores.filenames[row]: f"{there:g} s there and {here:g} s here"
        for row, there, here in lengths
        if abs(there - here) > scores.frame_hop
    }
    if differing:
        name = min(differing)
        raise PredictionError(
            f"{file}: the durations of {len(differing)} clips differ by more "
            f"than a frame from {source_of_durations}: {name} lasts "
            f"{differing[name]}; take the durations of the same files. Clips: "
            f"{listed(differing)}"
        )
    keep = [scores.labels.index(label) for label in truth.labels]
    fitted = dataclasses.replace(
        scores,
        filenames=names,
        durations=durations,
        labels=truth.labels,
        clip=scores.clip[rows][:, keep],
        frame=scores.frame[rows][:, :, keep],
        has_video=scores.has_video[rows],
    )
    notes = [
        f"{len(names)} clips with {scores.frame.shape[1]} frames of "
        f"{scores.frame_hop:g} s."
    ]
    if left:
        notes.append(f"Classes left out: {', '.join(left)}.")
    return fitted, notes
