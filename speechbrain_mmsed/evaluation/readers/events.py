"""Operating points of another system: a table of events for each threshold.

Without scores nothing can be tuned; psds_eval needs no more than this, and
F1 can be counted at one operating point.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import pathlib
import re

import numpy as np
import pandas as pd

from speechbrain_mmsed.evaluation.metrics.truth import overlapping
from speechbrain_mmsed.evaluation.readers.tables import prediction_files
from speechbrain_mmsed.evaluation.readers.truth import match_names, read_events
from speechbrain_mmsed.postprocessing.decode import EVENT_COLUMNS
from speechbrain_mmsed.problems import (
    PredictionError,
    listed,
    refuse_clips,
    refuse_rows,
)

# Seconds after a clip; the last frame of a system may end there.
MARGIN = 0.5
_ODD_EVENTS = {
    "zero_length": "have no length; psds_eval drops them, sed_eval counts "
    "them.",
    "past_end": f"end up to {MARGIN:g} s after their clip; they are evaluated "
    "as they are.",
    "outside": "begin before their clip or end later; what is within is kept.",
    "unsure": "have a confidence below 0.5; they are evaluated all the same.",
}
_ONE_POINT = (
    "With one operating point the PSD-ROC has one step, so PSDS is that "
    "point's and not comparable with other systems' PSDS."
)
_NUMBER = re.compile(r"(?<![\d.])(?:0?\.\d+|[01](?:\.\d+)?)(?![\d])")


def _threshold_of(file):
    """The last number from 0 to 1 in the name of a file, or None."""
    found = _NUMBER.findall(pathlib.Path(file).stem)
    return float(found[-1]) if found else None


def _point_files(path):
    """Tables of operating points in order of threshold, else of name."""
    files = prediction_files(path, "event-tsv")
    if None in map(_threshold_of, files):
        return files
    return sorted(files, key=_threshold_of)


def _chosen_point(files, choice):
    """The table named by its path, its name or the threshold in it."""
    if pathlib.Path(choice).is_file():
        return pathlib.Path(choice)
    found = [file for file in files if choice in (file.name, file.stem)]
    if not found and re.fullmatch(r"\d*\.?\d+", choice):
        found = [f for f in files if _threshold_of(f) == float(choice)]
    if len(found) == 1:
        return found[0]
    problem = "is more than one of" if found else "is none of"
    raise PredictionError(
        f"--operating-point {choice}: {problem} the tables "
        f"{listed(file.name for file in files)}, nor a file; give a path, the "
        "name of a table or the threshold in its name"
    )


def _read_point(file, truth, source_of_durations="durations"):
    """Events of a table (reference's file names), and counts of odd rows."""
    table = read_events(file, "events of one operating point")
    names = table["filename"].unique()
    matched = match_names(names, truth.durations, str(file))
    problem = f"have detections but no duration in {source_of_durations}"
    advice = "; evaluate the same clips on both sides"
    refuse_clips(file, set(names) - set(matched), problem, advice)
    cells = table[EVENT_COLUMNS[1:]].isna()
    empty = cells.all(axis=1)
    refuse_rows(file, table, {"some empty cells": cells.any(axis=1) & ~empty})
    events = table[~empty]
    events = events.assign(filename=events["filename"].map(matched))
    ends = events["filename"].map(truth.durations).astype(np.float64)
    onset, offset = events["onset"], events["offset"]
    outside = (onset < 0) | (offset > ends + MARGIN)
    foreign = ~events["event_label"].isin(truth.labels)
    labels = sorted(events["event_label"][foreign].unique())
    problems = {
        f"labels {labels[:10]}, which are not among {truth.labels}; name all "
        "classes with --labels": foreign,
        "an offset before the onset": offset < onset,
    }
    refuse_rows(file, events, problems)
    last = offset.clip(0).where(offset <= ends + MARGIN, ends)
    cut = events.assign(onset=onset.clip(0, last), offset=last)
    # Nothing is left of what lies outside as a whole.
    cut = cut[~outside | (cut["offset"] > cut["onset"])]
    problem = (
        "overlapping events of one class, which psds_eval would count twice; "
        "merge them"
    )
    refuse_rows(file, cut, {problem: overlapping(cut)})
    sure = events["confidence"] if "confidence" in events else ends + 1
    counts = {
        "empty_clips": int(empty.sum()),
        "zero_length": int((offset == onset).sum()),
        "past_end": int(((offset > ends + 1e-9) & ~outside).sum()),
        "outside": int(outside.sum()),
        "unsure": int((sure < 0.5).sum()),
    }
    return cut[EVENT_COLUMNS].reset_index(drop=True), counts


def read_points(path, truth, choice=None, source_of_durations="durations"):
    """Events of every operating point, (those for F1, their file), and notes.

    The choice is the path of a table, its name, or the threshold in its name.
    """
    files, chosen = _point_files(path), (None, None)
    if choice:
        file = _chosen_point(files, choice)
        chosen = _read_point(file, truth, source_of_durations)[0], file
    points = [_read_point(file, truth, source_of_durations) for file in files]
    tables, counts = map(list, zip(*points, strict=True))
    totals = pd.DataFrame(counts).sum()
    thresholds, said = [_threshold_of(file) for file in files], ""
    if None not in thresholds:
        first, last = thresholds[0], thresholds[-1]
        said = f", thresholds {first:g} to {last:g} by their names"
    notes = [f"{len(files)} operating points{said}."]
    for kind, sentence in _ODD_EVENTS.items():
        if totals[kind]:
            notes.append(f"{totals[kind]} detections {sentence}")
    if len(files) == 1:
        notes.append(_ONE_POINT)
    return tables, chosen, notes
