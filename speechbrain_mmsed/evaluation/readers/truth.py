"""What is known of the clips: reference, durations, names, labels, video.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import pathlib

import numpy as np
import pandas as pd

from speechbrain_mmsed.evaluation.metrics.truth import GroundTruth
from speechbrain_mmsed.evaluation.problems import (
    PredictionError,
    listed,
    repeated,
)
from speechbrain_mmsed.evaluation.readers.tables import (
    TIMES,
    header_of,
    read_text_table,
)
from speechbrain_mmsed.postprocessing.decode import EVENT_COLUMNS

YES = {"1", "1.0", "true", "yes", "present"}
NO = {"0", "0.0", "false", "no", "absent", ""}


def read_truth(tsv, durations_tsv, labels=None):
    """Ground truth with the clips of its durations, checked.

    Columns filename, onset, offset, event_label (a clip without events may
    have a row whose last three cells are empty, or none) and filename,
    duration, in seconds. Labels are those of the events, sorted, if None.
    """
    durations = _read_durations(durations_tsv)
    events = read_events(tsv, "ground truth")
    absent = set(events["filename"]) - set(durations)
    if absent:
        raise PredictionError(
            f"{tsv}: {len(absent)} clips have no duration in "
            f"{durations_tsv}: {listed(absent)}; add them there"
        )
    if labels is None:
        labels = sorted(events["event_label"].dropna().unique())
    if not labels:
        raise PredictionError(
            f"{tsv}: no events, so no classes; name them with --labels"
        )
    try:
        return GroundTruth(events, durations, labels)
    except ValueError as error:
        raise PredictionError(f"{tsv}: {error}") from error


def read_events(path, what="events"):
    """Table of filename, onset, offset (seconds), event_label by line.

    Empty cells are NaN or None.
    """
    table = read_text_table(path, EVENT_COLUMNS, what)
    for name in TIMES:
        table[name] = _seconds(table[name], path)
    label = table["event_label"].astype(object)
    table["event_label"] = label.where(label != "", None)
    nameless = table["filename"] == ""
    if nameless.any():
        line = nameless.idxmax()
        raise PredictionError(f"{path}, line {line}: no file name")
    return table


def _seconds(column, path):
    """A column of texts as float64; empty cells are NaN."""
    texts = column.where(column != "", "nan")
    try:
        # Unlike the usual parsers of pandas, float() rounds correctly.
        values = [float(text) for text in texts]
    except ValueError:
        bad = pd.to_numeric(texts, errors="coerce").isna() & (texts != "nan")
        line = bad.idxmax()
        raise PredictionError(
            f"{path}, line {line}: {column.name} is {column[line]!r}, expected "
            f"seconds ({int(bad.sum())} such lines)"
        ) from None
    return pd.Series(values, index=column.index, dtype=np.float64)


def _read_durations(path):
    """File name -> seconds, from columns filename and duration."""
    table = read_text_table(path, ["filename", "duration"], "durations")
    seconds = _seconds(table["duration"], path)
    bad = ~(np.isfinite(seconds) & (seconds > 0))
    if bad.any():
        line = bad.idxmax()
        raise PredictionError(
            f"{path}, line {line}: duration {table['duration'][line]!r}, "
            f"expected seconds > 0. Clips: {listed(table['filename'][bad])}"
        )
    twice = table["filename"][table["filename"].duplicated()].unique()
    if len(twice):
        raise PredictionError(
            f"{path}: {len(twice)} clips appear twice: {listed(twice)}; keep "
            "one line of each"
        )
    if not len(table):
        raise PredictionError(f"{path}: no clips")
    return dict(zip(table["filename"], seconds.tolist(), strict=True))


def match_names(given, known, source):
    """Which clip of the reference each clip of the predictions is.

    Score tables are named after a clip without its ending, so both the whole
    name and the name without its last ending are tried. Names that are not in
    the reference are left out; what is ambiguous is refused.
    """
    exact, stems = set(known), {}
    for name in exact:
        stems.setdefault(name.rsplit(".", 1)[0], []).append(name)
    matched, owners = {}, {}
    for name in given:
        clips = [name] if name in exact else stems.get(name, [])
        if len(clips) > 1:
            raise PredictionError(
                f"{source}: {name} may be any of {listed(clips)} in the "
                "reference; name the predictions with the ending"
            )
        for clip in clips:
            matched[name] = clip
            owners.setdefault(clip, []).append(name)
    twice = [clip for clip, names in owners.items() if len(names) > 1]
    if twice:
        raise PredictionError(
            f"{source}: {len(twice)} clips have predictions twice, the first "
            f"{twice[0]} as {listed(owners[twice[0]])}; keep one of each"
        )
    return matched


def match_all(given, known, source, reference):
    """As `match_names`, of predictions that have the very same clips.

    The reference is named after its table of durations.
    """
    matched = match_names(given, known, source)
    extra = [name for name in given if name not in matched]
    absent = set(known) - set(matched.values())
    problems = []
    if extra:
        problems.append(
            f"{len(extra)} clips have predictions but no duration: "
            f"{listed(extra)}"
        )
    if absent:
        problems.append(
            f"{len(absent)} clips have a duration but no predictions: "
            f"{listed(absent)}"
        )
    if problems:
        raise PredictionError(
            f"{source} and {reference} are of different clips: "
            f"{'; '.join(problems)}. Give predictions, durations and ground "
            "truth of the same clips"
        )
    return matched


def read_labels(values):
    """Class labels given as words, or as one file with a label a line."""
    if len(values) == 1 and pathlib.Path(values[0]).is_file():
        text = pathlib.Path(values[0]).read_text(encoding="utf-8")
        values = [line.strip() for line in text.splitlines() if line.strip()]
    twice = repeated(values)
    if twice:
        raise PredictionError(f"--labels: {twice} are given twice")
    return list(values)


def check_labels(labels, scored, what):
    """Refuse scores that leave out a class; `what` begins the message."""
    missing = [label for label in labels if label not in scored]
    if missing:
        raise PredictionError(
            f"{what} of the classes {missing}; there are {scored}. Give these "
            "with --labels"
        )


def read_video(path, known):
    """Which of the known clips have video: file name -> bool.

    The file has columns filename and has_video (1 or 0, true or false, yes or
    no), or lists the clips that have video, one a line.
    """
    path = pathlib.Path(path)
    if not path.is_file():
        raise PredictionError(f"{path}: no such file; expected clips (--video)")
    of_all = "has_video" in header_of(path)
    given = _read_flags(path) if of_all else _read_list(path)
    matched = match_names(given, known, str(path))
    unknown = [name for name in given if name not in matched]
    if unknown:
        raise PredictionError(
            f"{path}: {len(unknown)} clips are not in the table of durations: "
            f"{listed(unknown)}"
        )
    absent = set(known) - set(matched.values())
    if of_all and absent:
        raise PredictionError(
            f"{path}: {len(absent)} clips have no row: {listed(absent)}; say "
            "of each whether it has video"
        )
    has_video = dict.fromkeys(known, False)
    has_video.update({clip: given[name] for name, clip in matched.items()})
    return has_video


def _read_flags(path):
    """File name -> bool, from a table."""
    columns = ["filename", "has_video"]
    table = read_text_table(path, columns, "clips with video")
    said = table["has_video"].str.lower()
    bad = ~said.isin(YES | NO)
    if bad.any():
        line = bad.idxmax()
        raise PredictionError(
            f"{path}, line {line}: has_video is "
            f"{table['has_video'][line]!r}, expected 1 or 0"
        )
    return dict(zip(table["filename"], said.isin(YES).tolist(), strict=True))


def _read_list(path):
    """File name -> True, from the names in a list."""
    lines = path.read_text(encoding="utf-8-sig").splitlines()
    names = [line.split("\t")[0].strip() for line in lines]
    return {name: True for name in names if name and name != "filename"}
