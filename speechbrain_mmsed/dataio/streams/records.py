"""What lies beside the features of a stream: its description and manifest.

Features of two networks, sets of weights or ways to cut a picture look alike on
disk; the description, `stream.json`, keeps them from being mixed. The manifest,
a CSV file, says what became of each clip and why. A row is appended for each
clip that is finished, so that an interrupted extraction loses nothing and
several processes can write at once; of rows of a clip the last one counts.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import csv
import dataclasses
import os

from speechbrain_mmsed.files import ClearError

# What a stream is made from. Table 7 of the paper goes by films alone.
KINDS = ("film", "sound", "other")
COLUMNS = ("clip_id", "status", "reason", "covered_seconds", "source")
STATUSES = ("available", "unavailable")


class StreamError(ClearError):
    """A stream that cannot be used or written; says what to do."""


def stream_kind(description, path="stream.json"):
    """What a stream is made from, one of `KINDS`, by its description.

    Streams that do not say it are older than those of sound. `path` is where
    the description stands, for the error.

    Example
    -------
    >>> stream_kind({"kind": "sound"}), stream_kind({})
    ('sound', 'film')
    """
    kind = (description or {}).get("kind", "film")
    if kind not in KINDS:
        raise StreamError(
            f"{path}: kind is {kind!r}, expected one of {', '.join(KINDS)}; "
            "say there what the stream was made from"
        )
    return kind


@dataclasses.dataclass(frozen=True)
class ClipRow:
    """What became of one clip; `status` is one of `STATUSES`."""

    clip_id: str
    status: str
    reason: str = ""  # why it is unavailable
    covered_seconds: float | None = None  # None: nobody knows
    # What the outcome was derived from (the film's size and the settings that
    # decide on availability): another source means doing it again.
    source: str = ""


class Manifest:
    """A manifest that other processes may add to, read as far as it goes.

    `rows` maps clip_id to ClipRow. Rows that are not complete (the machine went
    down while one was being written) are passed over: their clips are then
    simply not done. The file need not exist yet.
    """

    def __init__(self, path):
        self.path, self.rows = path, {}
        self._inode, self._read = None, 0
        self.refresh()

    def refresh(self):
        """Reads what was added since."""
        if not os.path.exists(self.path):
            return
        with open(self.path, "rb") as file:
            state = os.fstat(file.fileno())
            if state.st_ino != self._inode or state.st_size < self._read:
                # Another file: it was tidied. All rows are in it.
                self._inode, self._read = state.st_ino, 0
            file.seek(self._read)
            new = file.read()
        # A row that is being written waits for the next time.
        new = new[: new.rfind(b"\n") + 1]
        self._read += len(new)
        # Line by line: a quote that was cut off must not swallow what
        # another process wrote after it.
        for line in new.decode("utf-8", "replace").split("\n"):
            row = _row(line)
            if row is not None:
                self.rows[row.clip_id] = row


def _row(line):
    """The row in a line; None if it is not complete."""
    try:
        cells = next(csv.reader([line]), [])
        if len(cells) != len(COLUMNS) or cells[1] not in STATUSES:
            return None
        seconds = float(cells[3]) if cells[3] else None
    except (ValueError, csv.Error):
        return None
    return ClipRow(*cells[:3], seconds, cells[4])
