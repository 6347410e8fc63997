"""Score tables of another system as ClipScores.

Clips may differ in their number of frames. ClipScores has one, so shorter
clips are continued by their own reflection, which is what the median filter
puts past an end anyway; their duration keeps these rows out of every event.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import numpy as np

from speechbrain_mmsed.evaluation.metrics.psd_roc import (
    THRESHOLDS as PSDS_THRESHOLDS,
)
from speechbrain_mmsed.evaluation.metrics.scored import (
    THRESHOLDS as F1_THRESHOLDS,
)
from speechbrain_mmsed.evaluation.metrics.scored import WINDOWS
from speechbrain_mmsed.evaluation.readers.grid import (
    check_ends,
    common_grid,
)
from speechbrain_mmsed.evaluation.readers.match import (
    check_coverage,
    match_names,
)
from speechbrain_mmsed.evaluation.readers.precision import single_precision
from speechbrain_mmsed.evaluation.readers.problems import (
    PredictionError,
)
from speechbrain_mmsed.evaluation.readers.score_tables import TIMES, read_tables
from speechbrain_mmsed.evaluation.readers.tables import (
    files_of,
    header_of,
)
from speechbrain_mmsed.postprocessing.decode import frames_inside
from speechbrain_mmsed.postprocessing.scores import ClipScores


def score_labels(folder):
    """Classes of score tables, from the header of the first.

    Arguments
    ---------
    folder : str or pathlib.Path
        One table for each clip.

    Returns
    -------
    list of str
    """
    files = files_of(folder, (".tsv",))
    if not files:
        raise PredictionError(f"{folder}: no tsv files of scores")
    header = header_of(files[0])
    labels = header[2:]
    if header[:2] != TIMES or not labels:
        raise PredictionError(
            f"{files[0]}: columns {header[:6]}, expected onset, offset and "
            "one column for each class, separated by tabs"
        )
    twice = sorted({label for label in labels if labels.count(label) > 1})
    if twice:
        raise PredictionError(f"{files[0]}: columns {twice} repeat")
    return labels


def read_score_tables(
    folder,
    truth,
    source_of_durations="durations",
    has_video=None,
    largest_window=WINDOWS[-1],
    thresholds=(),
    end_tolerance=None,
):
    """Scores of all clips from a folder of tables.

    Arguments
    ---------
    folder : str or pathlib.Path
        One tab-separated table for each clip, named after it: columns onset,
        offset (seconds), then one for each class (probabilities).
    truth : GroundTruth
        Reference; its clips are expected, and its labels chosen from the
        columns.
    source_of_durations : str
        The table of durations, for messages.
    has_video : dict or None
        File name -> bool; nowhere if None.
    largest_window : int
        The largest median window that will be applied, in frames.
    thresholds : sequence of float
        Thresholds, beside those of the paper's grids, at which comparisons
        must come out as in double precision.
    end_tolerance : float or None
        See `check_ends`.

    Returns
    -------
    ClipScores
        In the order of the reference. The probability of a clip is the
        largest of its frames.
    list of str
        What is worth knowing about them, a sentence each.
    """
    files = {file.stem: file for file in files_of(folder, (".tsv",))}
    matched = match_names(files, truth.durations, str(folder))
    check_coverage(
        files, matched, truth.durations, str(folder), source_of_durations
    )
    columns = score_labels(folder)
    missing = [label for label in truth.labels if label not in columns]
    if missing:
        raise PredictionError(
            f"{folder}: no column of the classes {missing}; there are "
            f"{columns}. Give these with --labels"
        )
    by_clip = {clip: files[name] for name, clip in matched.items()}
    axes, values = read_tables(by_clip, columns, truth, str(folder))
    grid = common_grid(axes, str(folder))
    padded = check_ends(grid, truth.durations, str(folder), end_tolerance)
    known = np.union1d(np.union1d(F1_THRESHOLDS, PSDS_THRESHOLDS), thresholds)
    names = list(truth.durations)
    longest = max(grid.n_frames.values())
    if len(set(grid.n_frames.values())) > 1:
        # No window reaches from a clip's frames past the continued ones.
        longest += largest_window // 2
    frame = np.stack(
        [single_precision(_continued(values[n], longest), known) for n in names]
    )
    ends = [min(truth.durations[n], grid.ends[n]) for n in names]
    inside = frames_inside(ends, longest, grid.hop)
    clip = np.where(inside[:, :, None], frame, 0).max(axis=1)
    video = [bool(has_video and has_video[name]) for name in names]
    scores = ClipScores(names, ends, truth.labels, clip, frame, video, grid.hop)
    return scores, _notes(grid, padded, columns, truth, ends)


def _continued(values, n_frames):
    """(T, C) scores continued to more frames by reflection."""
    period = 2 * len(values)
    index = np.arange(n_frames) % period
    return values[np.where(index < len(values), index, period - 1 - index)]


def _notes(grid, padded, columns, truth, ends):
    """Sentences about the scores for the report."""
    counts = sorted(set(grid.n_frames.values()))
    frames = f"{counts[0]}"
    if len(counts) > 1:
        frames = f"{counts[0]} to {counts[-1]}"
    notes = [
        f"{len(ends)} clips with {frames} frames of {grid.hop:g} s; written "
        f"times are within {grid.deviation:.1e} s of that grid.",
        "There are no clip scores: the score of a clip is the largest of its "
        "frames.",
    ]
    if padded:
        notes.append(
            f"{len(padded)} clips are shorter than the scores' fixed length; "
            "frames past their end are not evaluated."
        )
    short = sum(
        end < truth.durations[name] - 1e-9
        for name, end in zip(truth.durations, ends, strict=True)
    )
    if short:
        notes.append(
            f"The scores of {short} clips end before the clip does; nothing "
            "is detected in the rest."
        )
    left = [label for label in columns if label not in truth.labels]
    if left:
        notes.append(f"Columns left out: {', '.join(left)}.")
    return notes
