"""Tables of many recordings, and the page that leads to their pages.

Recordings that failed are in `files_table` only: a row without events or tags
would say that there are none.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import os

from speechbrain_mmsed.files import write_text
from speechbrain_mmsed.inference.formats.html import fill_page, relative_link
from speechbrain_mmsed.inference.formats.text import TSV_HEADER, tsv_rows
from speechbrain_mmsed.inference.formats.values import seconds_text, shown_name


def events_table(results):
    """Events of all recordings (list of Result), in DESED's columns."""
    return TSV_HEADER + "".join(
        tsv_rows(result.file.name, result.events)
        for result in results
        if not result.failed
    )


def tags_table(results):
    """Tags of all recordings: filename, event_label, score.

    A recording without tags has a row with its name only.
    """
    rows = []
    for result in results:
        if not result.failed:
            tags = [(label, f"{score:.4f}") for label, score in result.tags]
            rows += [(result.file.name, *tag) for tag in tags or [("", "")]]
    return _table(["filename", "event_label", "score"], rows)


def scores_table(results, labels):
    """Scores of all recordings: filename and a column for each class."""
    rows = [
        [result.file.name, *(f"{score:.4f}" for score in result.clip)]
        for result in results
        if not result.failed
    ]
    return _table(["filename", *labels], rows)


def files_table(results, streams):
    """A row for each recording.

    Arguments
    ---------
    results : list of Result
        All of them.
    streams : list of str
        The detector's streams, a column each.

    Returns
    -------
    str
        The reason says why a recording failed, or what of the sound of one
        that is done is lost.
    """
    columns = ["filename", "status", "duration", "events", "tags", *streams]
    rows = []
    for result in results:
        cells = ["failed", "", "", "", *("" for _ in streams)]
        if not result.failed:
            tags = ",".join(label for label, _ in result.tags)
            cells = ["done", seconds_text(result.duration)]
            cells += [str(len(result.events)), tags]
            cells += [shown_name(result.streams.get(s, "")) for s in streams]
        reason = shown_name(result.message or result.remark)
        rows.append([result.file.name, *cells, reason])
    return _table([*columns, "reason"], rows)


def _table(columns, rows):
    """Text of a table whose first column is names of recordings."""
    lines = [columns, *([shown_name(name), *cells] for name, *cells in rows)]
    return "".join("\t".join(line) + "\n" for line in lines)


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


def index_page(results, outputs, streams):
    """A page with a row for each recording, each event a link to its time.

    Arguments
    ---------
    results : list of Result
        All recordings.
    outputs : Outputs
        Knows their pages.
    streams : list of str
        The detector's streams, a column each.

    Returns
    -------
    str
    """
    pages = [outputs.paths(result.file)["html"] for result in results]
    links = [
        relative_link(os.path.relpath(page, outputs.folder)) for page in pages
    ]
    return fill_page(
        "index.html",
        results=list(zip(results, links, strict=True)),
        n_failed=sum(result.failed for result in results),
        streams=streams,
    )
