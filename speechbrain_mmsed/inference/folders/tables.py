"""Tables of many recordings, on disk.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import os

from speechbrain_mmsed.files import write_text
from speechbrain_mmsed.inference.formats import tsv
from speechbrain_mmsed.inference.formats.values import seconds_text, shown_name


def events_table(results):
    """Events of all recordings in one table, in DESED's columns.

    Arguments
    ---------
    results : list of Result
        Failed ones are left out: a row without events would say that there
        are none.

    Returns
    -------
    str
    """
    return tsv.HEADER + "".join(
        tsv.rows_of(result.file.name, result.events)
        for result in results
        if not result.failed
    )


def tags_table(results):
    """Tags of all recordings: filename, event_label, score.

    Arguments
    ---------
    results : list of Result
        Failed ones are left out.

    Returns
    -------
    str
        A recording without tags has a row with its name only.
    """
    lines = ["filename\tevent_label\tscore\n"]
    for result in results:
        if result.failed:
            continue
        name = shown_name(result.file.name)
        lines += [
            f"{name}\t{label}\t{score:.4f}\n" for label, score in result.tags
        ] or [f"{name}\t\t\n"]
    return "".join(lines)


def files_table(results, streams):
    """A row for each recording; the reason says why it failed, or what of
    the sound of one that is done is lost.

    Arguments
    ---------
    results : list of Result
        All of them.
    streams : list of str
        The detector's streams, a column each.

    Returns
    -------
    str
    """
    columns = ["filename", "status", "duration", "events", "tags", *streams]
    lines = ["\t".join([*columns, "reason"]) + "\n"]
    for result in results:
        cells = [shown_name(result.file.name)]
        if result.failed:
            cells += ["failed", "", "", ""] + [""] * len(streams)
        else:
            tags = ",".join(label for label, _ in result.tags)
            cells += ["done", seconds_text(result.duration)]
            cells += [str(len(result.events)), tags]
            cells += [shown_name(result.streams.get(s, "")) for s in streams]
        reason = shown_name(result.message or result.remark)
        lines.append("\t".join([*cells, reason]) + "\n")
    return "".join(lines)


def scores_table(results, labels):
    """Scores of all classes: filename and a column for each class.

    Arguments
    ---------
    results : list of Result
        Failed ones are left out.
    labels : list of str
        The detector's classes.

    Returns
    -------
    str
    """
    lines = ["\t".join(["filename", *labels]) + "\n"]
    for result in results:
        if not result.failed:
            cells = [f"{score:.4f}" for score in result.clip]
            name = shown_name(result.file.name)
            lines.append("\t".join([name, *cells]) + "\n")
    return "".join(lines)


def write_tables(results, streams, folder, tables):
    """Writes the tables of all recordings.

    Arguments
    ---------
    results : list of Result
        All of them.
    streams : list of str
        The detector's streams.
    folder : str or pathlib.Path
        Where to.
    tables : dict
        Name without suffix -> text; `files` is added.

    Returns
    -------
    list of str
        Names of the files.
    """
    tables = {**tables, "files": files_table(results, streams)}
    for name, text in tables.items():
        write_text(os.path.join(folder, f"{name}.tsv"), text)
    return [f"{name}.tsv" for name in tables]
