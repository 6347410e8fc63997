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

from speechbrain_mmsed.files import disk_full_explained, locked, write_text

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
    with open(path, encoding="utf-8", newline="") as file:
        return _rows(file)


def _rows(lines):
    """clip_id -> ClipRow of the complete rows among some lines."""
    rows = {}
    for line in lines:
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
    with (
        _alone(path),
        disk_full_explained(path),
        open(path, "a+b") as file,
    ):
        end = file.seek(0, os.SEEK_END)
        if end == 0:
            line = ",".join(COLUMNS) + "\n" + line
        else:
            file.seek(end - 1)
            if file.read(1) != b"\n":  # a row that a full disk cut off
                line = "\n" + line
        file.write(line.encode())


def tidy_manifest(path):
    """Sorts a manifest and drops rows that later ones replace.

    Rows that other processes add meanwhile are kept.

    Arguments
    ---------
    path : str
        The CSV file.

    Returns
    -------
    rows : dict
        clip_id -> ClipRow.
    """
    with _alone(path):
        rows = read_manifest(path)
        text = _lines(rows[key] for key in sorted(rows))
        write_text(path, ",".join(COLUMNS) + "\n" + text)
    return rows


def _alone(path):
    """Keeps other writers of a manifest waiting."""
    return locked(os.path.join(os.path.dirname(path), ".manifest.lock"))


class ManifestReader:
    """A manifest that other processes add to, read as far as it goes.

    Arguments
    ---------
    path : str
        The CSV file; it need not exist yet.

    Example
    -------
    >>> path = str(getfixture("tmp_path") / "manifest.csv")
    >>> reader = ManifestReader(path)
    >>> append_row(path, ClipRow("weak/a", "available"))
    >>> list(reader.rows), list(reader.refresh())
    ([], ['weak/a'])
    """

    def __init__(self, path):
        self.path = path
        self.rows = {}
        self._inode, self._read = None, 0
        self.refresh()

    def refresh(self):
        """Reads what was added since.

        Returns
        -------
        rows : dict
            clip_id -> ClipRow.
        """
        try:
            with open(self.path, "rb") as file:
                state = os.fstat(file.fileno())
                if state.st_ino != self._inode or state.st_size < self._read:
                    # Another file: it was tidied. All rows are in it.
                    self._inode, self._read = state.st_ino, 0
                if state.st_size > self._read:
                    file.seek(self._read)
                    new = file.read()
                    # A row that is being written waits for the next time.
                    new = new[: new.rfind(b"\n") + 1]
                    self._read += len(new)
                    text = new.decode("utf-8", "replace")
                    self.rows.update(_rows(text.splitlines(True)))
        except FileNotFoundError:
            pass
        return self.rows
