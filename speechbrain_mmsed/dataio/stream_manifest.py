"""The manifest of a stream: what became of each clip, and why.

One CSV file beside the features. A row is appended for each clip as it is
finished, so that an interrupted extraction loses nothing and several
processes can write at once; of several rows of a clip the last one counts.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import csv
import dataclasses
import io
import os

from speechbrain_mmsed.files import disk_full_explained, write_text

COLUMNS = ("clip_id", "status", "reason", "covered_seconds", "source")
STATUSES = ("available", "unavailable")


@dataclasses.dataclass(frozen=True)
class ClipRow:
    """What became of one clip.

    Arguments
    ---------
    clip_id : str
        The clip, "<subset>/<name>".
    status : str
        "available" or "unavailable".
    reason : str
        Why it is unavailable; empty otherwise.
    covered_seconds : float or None
        How much of the clip the film shows; None if nobody knows.
    source : str
        What the outcome was derived from (the film's size and the settings
        that decide on availability): another source means doing it again.
    """

    clip_id: str
    status: str
    reason: str = ""
    covered_seconds: float | None = None
    source: str = ""


def _cells(row):
    seconds = row.covered_seconds
    seconds = "" if seconds is None else f"{seconds:.3f}"
    reason = " ".join(row.reason.split())
    return [row.clip_id, row.status, reason, seconds, row.source]


def _lines(rows):
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(_cells(r) for r in rows)
    return text.getvalue()


def read_manifest(path):
    """Reads a manifest.

    Rows that are not complete (the machine went down while one was being
    written) are passed over: their clips are then simply not done.

    Arguments
    ---------
    path : str
        The CSV file; it need not exist.

    Returns
    -------
    rows : dict
        clip_id -> ClipRow.
    """
    if not os.path.exists(path):
        return {}
    rows = {}
    with open(path, encoding="utf-8", newline="") as file:
        for line in file:
            # Line by line: a quote that was cut off must not swallow what
            # another process wrote after it.
            cells = next(csv.reader([line]), [])
            if len(cells) != len(COLUMNS) or cells[1] not in STATUSES:
                continue
            try:
                seconds = float(cells[3]) if cells[3] else None
            except ValueError:
                continue
            rows[cells[0]] = ClipRow(*cells[:3], seconds, cells[4])
    return rows


def append_row(path, row):
    """Adds a row at the end of a manifest.

    Arguments
    ---------
    path : str
        The CSV file; made with its header if needed.
    row : ClipRow
        The row.
    """
    line = _lines([row])
    with disk_full_explained(path), open(path, "a+b") as file:
        end = file.seek(0, os.SEEK_END)
        if end == 0:
            line = ",".join(COLUMNS) + "\n" + line
        else:
            file.seek(end - 1)
            if file.read(1) != b"\n":  # a row that a full disk cut off
                line = "\n" + line
        file.write(line.encode())


def rewrite_manifest(path, rows):
    """Writes a whole manifest, sorted and with one row per clip.

    Arguments
    ---------
    path : str
        The CSV file.
    rows : dict
        clip_id -> ClipRow.
    """
    text = ",".join(COLUMNS) + "\n" + _lines(rows[key] for key in sorted(rows))
    write_text(path, text)
