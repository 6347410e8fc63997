"""Files that are either whole or not there.

A run may be killed or the disk may fill up at any moment. Everything that a
later stage reads is therefore written to a temporary name in the same folder
and renamed when it is complete.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import contextlib
import errno
import json
import os
import re
import uuid

ABSENT = -1
# What `atomic_path` leaves behind where a process is killed.
LEFTOVER = re.compile(r"\.[0-9a-f]{32}\.tmp(\.\w+)?")


class DiskFullError(OSError):
    """No room for a file; the message says what to do."""


@contextlib.contextmanager
def disk_full_explained(path):
    """Turns the system's error of a full disk into one clear DiskFullError."""
    try:
        yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        if not full or isinstance(error, DiskFullError):
            raise
        full = DiskFullError(
            f"The disk is full: {path} could not be written and is not "
            f"there half. Make room and run the same command again; what "
            f"is finished is kept"
        )
        full.errno = error.errno
        raise full from error


@contextlib.contextmanager
def atomic_path(path):
    """Path to write to; becomes `path` if the block ends without error.

    Missing folders are created. If the block fails, the temporary file is
    removed and an earlier file at `path` is untouched.

    Arguments
    ---------
    path : str or pathlib.Path
        Where the file shall be.

    Yields
    ------
    str
        A name in the same folder with the same ending.

    Example
    -------
    >>> folder = getfixture("tmp_path")
    >>> with atomic_path(folder / "a.txt") as name:
    ...     written = open(name, "w").write("whole")
    >>> (folder / "a.txt").read_text(), len(list(folder.iterdir()))
    ('whole', 1)
    """
    path = os.fspath(path)
    folder = os.path.dirname(os.path.abspath(path))
    os.makedirs(folder, exist_ok=True)
    ending = os.path.splitext(path)[1]
    name = os.path.join(folder, f".{uuid.uuid4().hex}.tmp{ending}")
    try:
        with disk_full_explained(path):
            yield name
            os.replace(name, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.remove(name)
        raise


def write_text(path, text):
    """Writes a text file (UTF-8) as a whole."""
    with (
        atomic_path(path) as name,
        open(name, "w", encoding="utf-8", newline="\n") as handle,
    ):
        handle.write(text)


def write_json(path, content):
    """Writes a dict or list as a JSON file, as a whole; NaN is refused."""
    text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False)
    write_text(path, text + "\n")


def file_state(path):
    """Size in bytes and time of the last change (ns) of a file.

    They change when it is replaced, even by one of equal length; `ABSENT`
    twice if there is no such file.
    """
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return ABSENT, ABSENT
    return found.st_size, found.st_mtime_ns
