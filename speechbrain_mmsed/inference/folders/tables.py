"""Tables of many recordings, on disk and on the screen.

`results` are always a list of `Result`, `streams` the names of the detector's
streams, which have a column each. A recording that failed is in `files_table`
and `index_page` only: a row without events would say that there are none.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import collections
import os

from speechbrain_mmsed.files import write_text
from speechbrain_mmsed.inference.formats.html import fill_page, relative_link
from speechbrain_mmsed.inference.formats.text import TSV_HEADER, tsv_rows
from speechbrain_mmsed.inference.formats.values import seconds_text, shown_name
from speechbrain_mmsed.inference.results import APART

# Longer lists are not read on a screen; files.tsv has all.
MAX_LINES = 30

# Reasons that end with what is particular to one file.
GENERAL = (
    *("partly covered", "unreadable", "zero-length"),
    "its results cannot be written",
)


def events_table(results):
    """Events of all recordings, in DESED's columns."""
    rows = (tsv_rows(r.file.name, r.events) for r in results if not r.failed)
    return TSV_HEADER + "".join(rows)


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
    """What became of each recording.

    The reason says why it failed, or what of the sound of one that is done is
    lost.
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
    """Writes `files_table` and tables (a dict of name -> text).

    Returns the names of the files, `<name>.tsv`.
    """
    tables = {**tables, "files": files_table(results, streams)}
    for name, text in tables.items():
        write_text(os.path.join(folder, f"{name}.tsv"), text)
    return [f"{name}.tsv" for name in tables]


def index_page(results, outputs, streams):
    """A page that leads to the pages of all recordings.

    Each event is a link to its time. `outputs` (Outputs) knows the pages.
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


def screen_lines(results, inputs, streams, what="events", explain=True):
    """Lines for the screen: recordings, counts and reasons.

    `inputs` (Inputs) are what was named; "events" or "tags" are counted; where
    both differ it is explained if wanted.
    """
    failed = [result for result in results if result.failed]
    done = [result for result in results if not result.failed]
    if len(results) <= MAX_LINES:
        lines = _grid(results, what)
    else:
        lines = _grid(failed, what)[: MAX_LINES + 1]
    if lines:
        lines.append("")
    noun = "recording" if len(results) == 1 else "recordings"
    text = f"{len(results)} {noun}: {len(done)} done"
    reused = sum(result.reused for result in results)
    if reused:
        text += f" ({reused} of them before)"
    lines.append(f"{text}, {len(failed)} failed")
    lines += _counted("failed", (kind(r.reason) for r in failed))
    damaged = sum(bool(result.remark) for result in done)
    if damaged:
        lines.append(f"sound not whole: {damaged} (see files.tsv)")
    for stream in streams:
        states = (kind(r.streams.get(stream, "unknown")) for r in done)
        lines += _counted(stream, states)
    differing = sum(
        {row[2] for row in result.events} != set(dict(result.tags))
        for result in done
    )
    if what == "tags":
        labels = [label for result in done for label, _ in result.tags]
    else:
        labels = [label for r in done for _, _, label, _ in r.events]
    lines += _counted(what, labels) or [f"{what}: none"]
    if differing and explain:
        noun = "recording" if differing == 1 else "recordings"
        lines.append(f"tags and events differ in {differing} {noun}: {APART}")
    lines += _counted("files of other kinds left out", inputs.other_kinds)
    if inputs.repeated:
        lines.append(f"named more than once, done once: {inputs.repeated}")
    return lines


def kind(reason):
    """A reason without what is particular to one file.

    Example
    -------
    >>> kind("partly covered 0.0-6.2 s"), kind("absent: no video track")
    ('partly covered', 'no video track')
    """
    reason = reason.removeprefix("absent: ")
    return next((kind for kind in GENERAL if reason.startswith(kind)), reason)


def _counted(title, values):
    """One line of counts, most frequent first; none for nothing."""
    counts = collections.Counter(values).most_common()
    if not counts:
        return []
    parts = _listed([f"{value} {count}" for value, count in counts])
    return [f"{title}: {parts}"]


def _listed(parts):
    """Parts as one text; names of classes may hold commas."""
    return ("; " if any("," in part for part in parts) else ", ").join(parts)


def _grid(results, what):
    """A line for each recording, in columns."""
    if not results:
        return []
    rows = [("recording", "seconds", what)]
    for result in results:
        name = shown_name(result.file.name)
        if len(name) > 48:
            name = f"{name[:22]}...{name[-23:]}"
        if result.failed:
            rows.append((name, "-", f"FAILED: {result.reason}"))
            continue
        if what == "tags":
            found = [f"{label} {score:.2f}" for label, score in result.tags]
        else:
            counts = collections.Counter(row[2] for row in result.events)
            found = [f"{label} {n}" for label, n in counts.most_common()]
        texts = [_listed(found) or "none"]
        texts += [f"{k} {v}" for k, v in result.streams.items() if v != "used"]
        texts += [result.remark] if result.remark else []
        rows.append((name, f"{result.duration:.1f}", "; ".join(texts)))
    wide = max(len(row[0]) for row in rows)
    long = max(len(row[1]) for row in rows)
    return [f"{a:<{wide}}  {b:>{long}}  {c}" for a, b, c in rows]
