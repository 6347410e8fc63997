"""Files that are either whole or not there.

A run may be killed, or the disk fill up, at any moment. What a later stage
reads is written to a temporary name in the same folder, and renamed when whole.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import contextlib
import errno
import json
import os
import re
import sys
import uuid
import zipfile

import numpy as np

ABSENT = -1
# What `atomic_path` leaves behind where a process is killed.
LEFTOVER = re.compile(r"\.[0-9a-f]{32}\.tmp(\.\w+)?")
# Archives that unpack to more than both, bytes and times their size, are not
# opened: features and scores hardly shrink, and these would fill the memory.
MOST_UNPACKED, MOST_SHRUNK = 2**28, 20
# Of a full disk: the system's numbers, and the words of libraries without one.
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
NO_NUMBER = re.compile(  # torch, numpy, shutil
    r"unexpected pos|write failed|\d written|\[Errno (27|28|122)"
)


class ClearError(Exception):
    """What a user can mend: the message is all there is to say."""

    def __str__(self):
        text = super().__str__()  # of damaged files: values of megabytes
        return text if len(text) < 2000 else f"{text[:1300]} ... {text[-600:]}"


class DamagedFileError(ClearError, ValueError):
    """A file that does not hold what it should; says which one and why."""


class DiskFullError(OSError):
    """No room for a file; the message says what to do."""


@contextlib.contextmanager
def disk_full_explained(path=None):
    """Turns any error of a full disk into one clear DiskFullError."""
    try:
        yield
    except DiskFullError:
        raise
    except (OSError, RuntimeError) as error:
        number = getattr(error, "errno", None)
        other = number or not NO_NUMBER.search(str(error))
        if number not in NO_ROOM and other:
            raise
        names = (getattr(error, of, None) for of in ("filename2", "filename"))
        what = path or next(filter(None, names), "the output")
        limit = "" if number == errno.ENOSPC else ", or a quota or ulimit -f"
        full = DiskFullError(
            f"The disk is full{limit}: {what} could not be written and is not "
            "there half. Make room and run the same command again; what is "
            "finished is kept"
        )
        full.errno = number or errno.ENOSPC
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
    ending = os.path.splitext(path)[1]
    name = os.path.join(folder, f".{uuid.uuid4().hex}.tmp{ending}")
    try:
        with disk_full_explained(path):
            os.makedirs(folder, exist_ok=True)
            yield name
            os.replace(name, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.remove(name)
        raise


def write_text(path, text, errors="surrogateescape"):
    """Writes a text file (UTF-8) as a whole; `errors` as of `str.encode`."""
    with atomic_path(path) as name, open(name, "wb") as handle:
        handle.write(text.encode(errors=errors))


def write_json(path, content):
    """Writes a dict or list as a JSON file, as a whole; NaN is refused."""
    text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False)
    # As json itself has characters that are none.
    write_text(path, text + "\n", errors="backslashreplace")


def read_json(path, kind=dict):
    """What a JSON file holds, of a kind; if not, a DamagedFileError."""
    try:
        with open(path, encoding="utf-8") as file:
            content = json.load(file)
        if not isinstance(content, kind):
            raise ValueError(f"expected a {kind.__name__}")
        return content
    except (ValueError, RecursionError) as error:
        raise DamagedFileError(
            f"{path} is not valid JSON ({error}); remove it or make it again"
        ) from error


def read_arrays(path, names=("",)):
    """Name -> array of a .npz, "" -> that of a .npy; else DamagedFileError.

    All `names` must be there. Nothing is unpickled, and memory is bounded.
    """
    with open(path, "rb") as file:
        try:
            check_unpacked_size(path)
            found = np.load(file, allow_pickle=False)
            found = {"": found} if isinstance(found, np.ndarray) else {**found}
            for part in found.values():
                if not isinstance(part, np.ndarray):
                    raise ValueError("a part is no array")
                if part.dtype.kind == "U":
                    part.tolist()  # characters that are none
        except Exception as error:  # numpy, zipfile and zlib have their own
            why = " ".join(str(error).split()) or type(error).__name__
            raise DamagedFileError(f"{path}: cannot be read ({why})") from error
    if missing := sorted(set(names) - set(found)):
        raise DamagedFileError(f"{path}: arrays {missing} are missing")
    return found


def check_unpacked_size(path):
    """Stops at a zip archive (.npz, .ckpt, .pth) that expands without end."""
    if not zipfile.is_zipfile(path):
        return
    with zipfile.ZipFile(path) as archive:
        size = sum(part.file_size for part in archive.infolist())
    if size > max(MOST_UNPACKED, MOST_SHRUNK * os.path.getsize(path)):
        raise ValueError(f"it would unpack to {size >> 20} MB")


def run_program(name, main, *arguments):
    """Runs a program and exits; an error that is the user's is one line.

    So is an output that cannot be written. With --debug it is a traceback.
    """
    try:
        with disk_full_explained():
            code = main(*arguments)
            sys.stdout.flush()
    except (ClearError, OSError) as error:
        if "--debug" in sys.argv:
            raise
        code = f"{name}: {error}"
        # Python would try once more, and complain of it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    sys.exit(code)


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
