"""Score tables of another system, one for each clip, as ClipScores.

Clips may differ in their number of frames. ClipScores has one, so shorter
clips are continued by their own reflection, which is what the median filter
puts past an end anyway; their duration keeps these rows out of every event.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import numpy as np

from speechbrain_mmsed.evaluation.metrics import psd_roc, scored
from speechbrain_mmsed.evaluation.readers.tables import (
    TIMES,
    header_of,
    prediction_files,
    rows_of,
)
from speechbrain_mmsed.evaluation.readers.truth import check_labels, match_all
from speechbrain_mmsed.postprocessing.decode import frames_inside
from speechbrain_mmsed.postprocessing.frame_grid import (
    TableError,
    check_axis,
    check_ends,
    common_grid,
)
from speechbrain_mmsed.postprocessing.majority import reflected_frames
from speechbrain_mmsed.postprocessing.scores import ClipScores
from speechbrain_mmsed.problems import PredictionError, listed, repeated

# Of 4 bytes each.
MOST_SCORES = 500_000_000


def score_labels(folder):
    """Classes of a folder of score tables, from the header of the first."""
    file = prediction_files(folder, "score-tsv")[0]
    header = header_of(file)
    if header[:2] != TIMES or len(header) == 2 or repeated(header):
        raise PredictionError(
            f"{file}: columns {header[:6]}, expected onset, offset and one "
            "column for each class, each once, separated by tabs"
        )
    return header[2:]


def read_score_tables(
    folder,
    truth,
    source_of_durations="durations",
    largest_window=scored.WINDOWS[-1],
    thresholds=(),
    end_tolerance=None,
):
    """ClipScores of the reference's clips and labels, and notes on them.

    Comparisons are as in double precision at the thresholds of the paper's
    grids and those given. A clip's probability is the largest of its frames;
    which clips have video is not known.
    """
    files = {f.stem: f for f in prediction_files(folder, "score-tsv")}
    names = list(truth.durations)
    given = match_all(files, names, str(folder), source_of_durations)
    columns = score_labels(folder)
    left = check_labels(truth.labels, columns, f"{folder}: no column")
    by_clip = {clip: files[given[clip]] for clip in names}
    axes, values = _read_tables(by_clip, columns, truth, folder)
    grid = common_grid(axes)
    padded = check_ends(grid, truth.durations, str(folder), end_tolerance)
    known = np.unique([*scored.THRESHOLDS, *psd_roc.THRESHOLDS, *thresholds])
    counts = set(grid.n_frames.values())
    longest = max(counts)
    if len(counts) > 1:
        # No window reaches from a clip's frames past the continued ones.
        longest += largest_window // 2
    shape = len(names), longest, len(truth.labels)
    if np.prod(shape, dtype=float) > MOST_SCORES:
        raise PredictionError(
            f"{folder}: {shape[0]} clips of up to {longest} frames of "
            f"{grid.hop:g} s and {shape[2]} classes are more than "
            f"{MOST_SCORES:g} scores; write them at a fixed, longer hop"
        )
    frame = np.empty(shape, dtype=np.float32)
    for row, (clip, own) in zip(frame, values.items(), strict=True):
        own = single_precision(own, known)
        if grid.repeats:
            own = np.repeat(own, grid.repeats[clip], axis=0)
        # Continued by their own reflection, see above.
        added = longest - len(own)
        row[:] = own[reflected_frames(len(own), added)[added:]]
    ends = [min(truth.durations[n], grid.ends[n]) for n in names]
    inside = frames_inside(ends, longest, grid.hop)
    clip = np.where(inside[:, :, None], frame, 0).max(axis=1)
    video = np.zeros(len(names), dtype=bool)
    scores = ClipScores(names, ends, truth.labels, clip, frame, video, grid.hop)
    return scores, _notes(grid, padded, left, truth, ends)


def _read_tables(by_clip, columns, truth, source):
    """Times and probabilities of every clip, or one error for all clips."""
    axes, values, problems = {}, {}, {}
    for clip, file in by_clip.items():
        try:
            table = _read_table(file, columns, [*TIMES, *truth.labels])
            onset, offset, values[clip] = table[:, 0], table[:, 1], table[:, 2:]
            axes[clip] = onset, offset
            check_axis(onset, offset)
            _check_values(values[clip], truth.labels)
        except TableError as error:
            kind, detail = error.args
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


def _read_table(file, columns, wanted):
    """Some columns of numbers of a table that has onset, offset, `columns`."""
    header = header_of(file)
    if sorted(header) != sorted([*TIMES, *columns]):
        odd = sorted(set(header) ^ {*TIMES, *columns}) or header
        kind = "the columns are not those of the first file"
        raise TableError(kind, f"{odd[:6]} only in one of the two")
    _, *rows = ((line, row) for line, row in rows_of(file) if row)
    values = []
    for line, row in rows:
        if len(row) != len(header):
            kind = "rows do not have as many cells as the header"
            detail = f"line {line} has {len(row)} cells"
            raise TableError(kind, f"{detail}: {len(row)} and {len(header)}")
        try:
            if "_" in "".join(row):  # float() takes 0_1 for 1
                row = [cell.replace("_", "?") for cell in row]
            # float() rounds correctly, unlike the parsers of pandas.
            values.extend(map(float, row))
        except ValueError as error:
            # The cells before the one that is no number are in the list.
            column = len(values) % len(header)
            detail = f"line {line}, {header[column]}: {row[column]!r}"
            raise TableError("cells are not numbers", detail) from error
    table = np.array(values, dtype=np.float64).reshape(-1, len(header))
    return table[:, [header.index(title) for title in wanted]]


def _check_values(values, labels):
    """Refuse values that are no probabilities."""
    bad = ~((values >= 0) & (values <= 1))
    if bad.any():
        row, column = np.argwhere(bad)[0]
        raise TableError(
            "scores are not finite or not from 0 to 1",
            f"line {row + 2}, {labels[column]}: {values[row, column]:g} "
            "(scores are probabilities; apply the sigmoid)",
        )


def single_precision(values, thresholds):
    """Single precision that lies on the same side of every threshold.

    The nearest float32 of a score 0.3 lies above 0.3 and that of 0.7 below
    0.7, which would matter for scores written with few decimals.
    """
    single = values.astype(np.float32)
    wanted = np.searchsorted(thresholds, values)
    level = np.searchsorted(thresholds, single.astype(np.float64))
    for wrong, towards in ((level > wanted, 0), (level < wanted, 1)):
        single[wrong] = np.nextafter(single[wrong], np.float32(towards))
    return single


def _notes(grid, padded, left, truth, ends):
    """Sentences about the scores for the report."""
    least, most = min(grid.n_frames.values()), max(grid.n_frames.values())
    frames = f"{least} to {most}" if least < most else f"{most}"
    lengths = np.fromiter(truth.durations.values(), float)
    short = int((np.array(ends) < lengths - 1e-9).sum())
    notes = {
        "Frames are of uneven length; scores hold from onset to offset, and "
        f"windows are in frames of {grid.hop:g} s.": grid.repeats,
        f"{len(ends)} clips with {frames} frames of {grid.hop:g} s; written "
        f"times are within {grid.deviation:.1e} s of that grid.": True,
        "There are no clip scores: the score of a clip is the largest of its "
        "frames.": True,
        f"{len(padded)} clips are shorter than the scores' fixed length; "
        "frames past their end are not evaluated.": padded,
        f"The scores of {short} clips end before the clip does; nothing "
        "is detected in the rest.": short,
        f"Columns left out: {', '.join(left)}.": left,
    }
    return [note for note, applies in notes.items() if applies]
