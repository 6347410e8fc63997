"""Score tables of another system as ClipScores.

Clips may differ in their number of frames. ClipScores has one, so shorter
clips are continued by their own reflection, which is what the median filter
puts past an end anyway; their duration keeps these rows out of every event.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import warnings

import numpy as np

from speechbrain_mmsed.evaluation.psds_scenarios import (
    THRESHOLDS as PSDS_THRESHOLDS,
)
from speechbrain_mmsed.evaluation.readers import (
    PredictionError,
    files_of,
    header_of,
    listed,
    rows_of,
)
from speechbrain_mmsed.evaluation.readers_grid import (
    axis_problem,
    check_ends,
    common_grid,
)
from speechbrain_mmsed.evaluation.readers_match import (
    check_coverage,
    match_names,
)
from speechbrain_mmsed.evaluation.readers_precision import single_precision
from speechbrain_mmsed.evaluation.tuning import THRESHOLDS as F1_THRESHOLDS
from speechbrain_mmsed.evaluation.tuning import WINDOWS
from speechbrain_mmsed.postprocessing.decode import frames_inside
from speechbrain_mmsed.postprocessing.scores import ClipScores

TIMES = ["onset", "offset"]


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
    axes, values = _read_all(by_clip, columns, truth, str(folder))
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


def _read_all(by_clip, columns, truth, source):
    """Times and probabilities of every clip, or one error for all clips."""
    axes, values, problems = {}, {}, {}
    for clip in truth.durations:
        file = by_clip[clip]
        table, problem = _read(file, columns)
        if problem is None:
            onset, offset = (table[name] for name in TIMES)
            problem = axis_problem(onset, offset)
        if problem is None:
            values[clip] = np.stack([table[x] for x in truth.labels], axis=1)
            problem = _value_problem(values[clip], truth.labels)
        if problem is None:
            axes[clip] = (onset, offset)
        else:
            kind, detail = problem
            problems.setdefault(kind, {})[file.name] = detail
    if problems:
        kind, clips = next(iter(problems.items()))
        name, detail = next(iter(clips.items()))
        more = "; ".join(f"{k} ({len(v)})" for k, v in problems.items())
        other = f" All problems: {more}." if len(problems) > 1 else ""
        raise PredictionError(
            f"{source}: in {len(clips)} of {len(by_clip)} files {kind}; "
            f"{name}: {detail}. Write the scores again.{other} Files: "
            f"{listed(clips)}"
        )
    return axes, values


def _read(file, columns):
    """Columns of numbers by title, or the problem with them."""
    header = header_of(file)
    if sorted(header) != sorted([*TIMES, *columns]):
        odd = sorted(set(header) ^ {*TIMES, *columns}) or header
        return None, (
            "the columns are not those of the first file",
            f"{odd[:6]} only in one of the two",
        )
    try:
        with warnings.catch_warnings():
            # A table without rows has its own message.
            warnings.filterwarnings("ignore", "loadtxt: input contained no")
            table = np.loadtxt(
                file,
                delimiter="\t",
                skiprows=1,
                comments=None,
                encoding="utf-8-sig",
                ndmin=2,
            )
    except ValueError as error:
        return None, ("cells are not numbers", _bad_cell(file, header, error))
    if table.size and table.shape[1] != len(header):
        return None, (
            "the rows have not as many cells as the header",
            f"{table.shape[1]} and {len(header)}",
        )
    return dict(
        zip(header, table.reshape(-1, len(header)).T, strict=True)
    ), None


def _bad_cell(file, header, error):
    """The first cell that is no number, or else what the parser says."""
    for line, row in rows_of(file):
        if len(row) != len(header):
            return f"line {line} has {len(row)} cells, not {len(header)}"
        for title, cell in zip(header, row, strict=True):
            try:
                float(cell)
            except ValueError:
                return f"line {line}, {title}: {cell!r}"
    return str(error)


def _value_problem(values, labels):
    """Probabilities that are none."""
    bad = ~((values >= 0) & (values <= 1))
    if not bad.any():
        return None
    row, column = np.argwhere(bad)[0]
    return (
        "scores are not finite or not from 0 to 1",
        f"line {row + 2}, {labels[column]}: {values[row, column]:g} (scores "
        "are probabilities; apply the sigmoid)",
    )


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
