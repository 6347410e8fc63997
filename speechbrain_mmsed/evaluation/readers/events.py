"""Operating points of another system: a table of events for each threshold.

Without scores nothing can be tuned; psds_eval needs no more than this, and
F1 can be counted at one operating point.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import pathlib
import re

import numpy as np

from speechbrain_mmsed.evaluation.readers.match import match_names
from speechbrain_mmsed.evaluation.readers.problems import (
    PredictionError,
    listed,
)
from speechbrain_mmsed.evaluation.readers.tables import files_of
from speechbrain_mmsed.evaluation.readers.truth import read_events

_NUMBER = re.compile(r"(?<![\d.])(?:0?\.\d+|[01](?:\.\d+)?)(?![\d])")


def threshold_of(file):
    """The threshold that a file's name tells.

    Arguments
    ---------
    file : pathlib.Path
        Such as predictions_th_0.49.tsv.

    Returns
    -------
    float or None
        The last number from 0 to 1 in the name.

    Example
    -------
    >>> threshold_of(pathlib.Path("predictions_th_0.49.tsv"))
    0.49
    >>> threshold_of(pathlib.Path("student.tsv"))
    """
    found = _NUMBER.findall(pathlib.Path(file).stem)
    return float(found[-1]) if found else None


def point_files(path):
    """Tables of operating points in order of threshold, else of name.

    Arguments
    ---------
    path : str or pathlib.Path
        Folder, or one file.

    Returns
    -------
    list of pathlib.Path
    """
    files = files_of(path, (".tsv", ".csv"))
    if not files:
        raise PredictionError(f"{path}: no tables of events")
    thresholds = {file: threshold_of(file) for file in files}
    if None in thresholds.values():
        return files
    return sorted(files, key=lambda file: (thresholds[file], file.name))


def chosen_point(files, choice):
    """The table of events that F1 is counted for.

    Arguments
    ---------
    files : list of pathlib.Path
        Tables of operating points.
    choice : str
        Path of a table, name of one of these, or a threshold in its name.

    Returns
    -------
    pathlib.Path
    """
    if pathlib.Path(choice).is_file():
        return pathlib.Path(choice)
    found = [file for file in files if choice in (file.name, file.stem)]
    if not found and re.fullmatch(r"\d*\.?\d+", choice):
        found = [f for f in files if threshold_of(f) == float(choice)]
    if len(found) == 1:
        return found[0]
    problem = "is none of" if not found else "is more than one of"
    raise PredictionError(
        f"--operating-point {choice}: {problem} the tables "
        f"{listed(file.name for file in files)}, nor a file; give a path, the "
        "name of a table or the threshold in its name"
    )


def read_point(file, truth, source_of_durations="durations"):
    """Events of one operating point, checked against the reference.

    Arguments
    ---------
    file : str or pathlib.Path
        Columns filename, onset, offset (seconds), event_label. A clip
        without detections has no row, or one with the rest empty.
    truth : GroundTruth
        Reference.
    source_of_durations : str
        The table of durations, for messages.

    Returns
    -------
    pandas.DataFrame
        The four columns, with the reference's file names.
    dict
        empty_clips (rows without an event), zero_length and past_end
        (events): how many.

    Raises
    ------
    PredictionError
        Listing unknown clips or labels, half-empty rows, times that are
        negative or reversed, overlapping detections of one class.
    """
    table = read_events(file, "events of one operating point")
    names = table["filename"].unique()
    matched = match_names(names, truth.durations, str(file))
    unknown = [name for name in names if name not in matched]
    if unknown:
        raise PredictionError(
            f"{file}: {len(unknown)} clips have detections but no duration in "
            f"{source_of_durations}: {listed(unknown)}; evaluate the same "
            "clips on both sides"
        )
    empty = table.drop(columns="filename").isna()
    _refuse(
        table,
        empty.any(axis=1) & ~empty.all(axis=1),
        file,
        "rows with some empty cells",
    )
    events = table[~empty.all(axis=1)]
    odd = ~events["event_label"].isin(truth.labels)
    labels = sorted(events["event_label"][odd].unique())
    _refuse(
        events,
        odd,
        file,
        f"labels {labels[:10]}, which are not among {truth.labels}; name all "
        "classes with --labels",
    )
    good = (events["onset"] >= 0) & (events["offset"] >= events["onset"])
    good &= np.isfinite(events["offset"])
    _refuse(
        events,
        ~good,
        file,
        "events with an onset below 0 or an offset before the onset",
    )
    events = events.assign(filename=events["filename"].map(matched))
    _refuse(
        events,
        _overlapping(events),
        file,
        "overlapping events of one class, which psds_eval would count twice; "
        "merge them",
    )
    ends = events["filename"].map(truth.durations).astype(np.float64)
    counts = {
        "empty_clips": int(empty.all(axis=1).sum()),
        "zero_length": int((events["offset"] == events["onset"]).sum()),
        "past_end": int((events["offset"] > ends + 1e-9).sum()),
    }
    return events.reset_index(drop=True), counts


def _overlapping(events):
    """Marks events that begin before the one before of their class ends."""
    ordered = events.sort_values(["filename", "event_label", "onset", "offset"])
    previous = ordered.shift()
    overlaps = (
        (ordered["filename"] == previous["filename"])
        & (ordered["event_label"] == previous["event_label"])
        & (ordered["onset"] < previous["offset"])
    )
    return overlaps.reindex(events.index)


def _refuse(table, rows, file, problem):
    """Raise an error that lists the clips of the marked rows."""
    if rows.any():
        line = rows[rows].index[0]
        clips = table["filename"][rows].unique()
        raise PredictionError(
            f"{file}, line {line}: {table.loc[line].to_dict()}: "
            f"{int(rows.sum())} {problem}. {len(clips)} clips: {listed(clips)}"
        )


def read_points(files, truth, source_of_durations="durations"):
    """Events of every operating point.

    Arguments
    ---------
    files : list of pathlib.Path
        As `point_files` returns.
    truth : GroundTruth
        Reference.
    source_of_durations : str
        The table of durations, for messages.

    Returns
    -------
    list of pandas.DataFrame
        As `read_point`.
    list of str
        What is worth knowing, a sentence each.
    """
    tables, totals = [], {}
    for file in files:
        table, counts = read_point(file, truth, source_of_durations)
        tables.append(table)
        for name, number in counts.items():
            totals[name] = totals.get(name, 0) + number
    thresholds = [threshold_of(file) for file in files]
    notes = [f"{len(files)} operating points."]
    if None not in thresholds:
        notes = [
            f"{len(files)} operating points, thresholds {thresholds[0]:g} to "
            f"{thresholds[-1]:g} by their names."
        ]
    if totals["zero_length"]:
        notes.append(
            f"{totals['zero_length']} detections have no length; psds_eval "
            "drops them, sed_eval counts them."
        )
    if totals["past_end"]:
        notes.append(
            f"{totals['past_end']} detections end after their clip; they are "
            "evaluated as they are."
        )
    if len(files) == 1:
        notes.append(
            "With one operating point the PSD-ROC has one step, so PSDS is "
            "that point's and not comparable with other systems' PSDS."
        )
    return tables, notes
