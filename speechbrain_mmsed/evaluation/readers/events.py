"""Operating points of another system: a table of events for each threshold.

Without scores nothing can be tuned; psds_eval needs no more than this, and
F1 can be counted at one operating point.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import collections
import pathlib
import re

import numpy as np

from speechbrain_mmsed.evaluation.problems import PredictionError, listed
from speechbrain_mmsed.evaluation.readers.tables import files_of
from speechbrain_mmsed.evaluation.readers.truth import match_names, read_events

_NUMBER = re.compile(r"(?<![\d.])(?:0?\.\d+|[01](?:\.\d+)?)(?![\d])")


def _threshold_of(file):
    """The last number from 0 to 1 in the name of a file, or None."""
    found = _NUMBER.findall(pathlib.Path(file).stem)
    return float(found[-1]) if found else None


def _point_files(path):
    """Tables of operating points in order of threshold, else of name."""
    files = files_of(path, (".tsv", ".csv"))
    if not files:
        raise PredictionError(f"{path}: no tables of events")
    thresholds = {file: _threshold_of(file) for file in files}
    if None in thresholds.values():
        return files
    return sorted(files, key=lambda file: (thresholds[file], file.name))


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
    """Events of one operating point, checked against the reference.

    A clip without detections has no row, or one with the rest empty. With the
    events (under the reference's file names) come numbers of empty_clips (rows
    without an event), zero_length and past_end (events).
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

    def refuse(events, rows, problem):
        if rows.any():
            line = rows.idxmax()
            clips = events["filename"][rows].unique()
            raise PredictionError(
                f"{file}, line {line}: {events.loc[line].to_dict()}: "
                f"{int(rows.sum())} {problem}. {len(clips)} clips: "
                f"{listed(clips)}"
            )

    cells = table.drop(columns="filename").isna()
    empty = cells.all(axis=1)
    refuse(table, cells.any(axis=1) & ~empty, "rows with some empty cells")
    events = table[~empty]
    foreign = ~events["event_label"].isin(truth.labels)
    labels = sorted(events["event_label"][foreign].unique())
    refuse(
        events,
        foreign,
        f"labels {labels[:10]}, which are not among {truth.labels}; name all "
        "classes with --labels",
    )
    onset, offset = events["onset"], events["offset"]
    refuse(
        events,
        ~((onset >= 0) & (offset >= onset) & np.isfinite(offset)),
        "events with an onset below 0 or an offset before the onset",
    )
    events = events.assign(filename=events["filename"].map(matched))
    refuse(
        events,
        _overlapping(events),
        "overlapping events of one class, which psds_eval would count twice; "
        "merge them",
    )
    ends = events["filename"].map(truth.durations).astype(np.float64)
    counts = {
        "empty_clips": int(empty.sum()),
        "zero_length": int((offset == onset).sum()),
        "past_end": int((offset > ends + 1e-9).sum()),
    }
    return events.reset_index(drop=True), counts


def _overlapping(events):
    """Marks events that begin before the one before of their class ends."""
    ordered = events.sort_values(["filename", "event_label", "onset", "offset"])
    previous = ordered.groupby(["filename", "event_label"])["offset"].shift()
    return (ordered["onset"] < previous).reindex(events.index)


def read_points(path, truth, choice=None, source_of_durations="durations"):
    """Events of every operating point, and of the one that F1 is counted for.

    A folder of tables, or one table, with columns filename, onset, offset
    (seconds), event_label. The choice is the path of a table, the name of one
    of these, or a threshold in its name.

    Returns
    -------
    points : list of pandas.DataFrame
        In order of the thresholds, with the reference's file names.
    chosen : tuple or None
        Events of the one for F1, and its file.
    notes : list of str
        What is worth knowing, a sentence each.
    """
    files, chosen = _point_files(path), None
    if choice:
        file = _chosen_point(files, choice)
        chosen = _read_point(file, truth, source_of_durations)[0], file
    tables, totals = [], collections.Counter()
    for file in files:
        table, counts = _read_point(file, truth, source_of_durations)
        tables.append(table)
        totals.update(counts)
    thresholds = [_threshold_of(file) for file in files]
    said = ""
    if None not in thresholds:
        said = (
            f", thresholds {thresholds[0]:g} to {thresholds[-1]:g} by their "
            "names"
        )
    notes = [f"{len(files)} operating points{said}."]
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
    return tables, chosen, notes
