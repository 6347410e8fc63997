"""A page that leads to the pages of many recordings.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import html
import os
import urllib.parse

from speechbrain_mmsed.files import write_text
from speechbrain_mmsed.inference.formats.html import asset
from speechbrain_mmsed.inference.formats.values import shown_name


def write_index(results, outputs, streams):
    """Writes index.html into the output folder.

    Arguments
    ---------
    results : list of Result
        All recordings.
    outputs : Outputs
        Knows their pages.
    streams : list of str
        The detector's streams, a column each.
    """
    write_text(
        os.path.join(outputs.folder, "index.html"),
        index_page(results, outputs, streams),
    )


def index_page(results, outputs, streams):
    """The page: a row for each recording, each event a link to its time.

    Arguments
    ---------
    results, outputs, streams
        As for `write_index`.

    Returns
    -------
    str
    """
    rows = "\n".join(_row(result, outputs, streams) for result in results)
    columns = ["recording", "seconds", *streams, "events"]
    header = "".join(f"<th>{html.escape(name)}</th>" for name in columns)
    failed = sum(result.failed for result in results)
    parts = {
        "STYLE": asset("page.css"),
        "COUNTS": f"{len(results) - failed} recordings, {failed} failed",
        "HEADER": header,
        "ROWS": rows,
    }
    pieces = asset("index.html").split("@@")
    return "".join(
        parts[piece] if i % 2 else piece for i, piece in enumerate(pieces)
    )


def _row(result, outputs, streams):
    """A recording as a row."""
    name = html.escape(shown_name(result.file.name))
    if result.failed:
        reason = html.escape(shown_name(result.reason))
        empty = "<td></td>" * len(streams)
        return (
            f"<tr class=failed><td>{name}</td><td></td>{empty}"
            f"<td>failed: {reason}</td></tr>"
        )
    page = os.path.relpath(outputs.paths(result.file)["html"], outputs.folder)
    link = urllib.parse.quote(os.fsencode(page.replace(os.sep, "/")))
    cells = [f'<a href="{link}">{name}</a>', f"{result.duration:.1f}"]
    cells += [
        html.escape(shown_name(result.streams.get(stream, "")))
        for stream in streams
    ]
    cells.append(_first_events(result.events, link))
    return "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"


def _first_events(events, link, most=12):
    """Links to the first events, and how many more there are."""
    links = [
        f'<a href="{link}#t={onset:.2f}">{html.escape(shown_name(label))} '
        f"{onset:.1f}</a>"
        for onset, _, label, _ in events[:most]
    ]
    if len(events) > most:
        links.append(f"and {len(events) - most} more")
    return ", ".join(links) or "none"
