"""Folders that several runs and processes share.

Names of files in them, locks, what killed writers leave behind, and whether an
earlier run had the same settings.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import contextlib
import fcntl
import hashlib
import json
import os
import re
import shutil
import tempfile
import time

from speechbrain_mmsed.files import LEFTOVER, disk_full_explained


def remove_leftovers(folder, older_than=3600.0, inside=True):
    """Removes what writers that were killed left behind, in all subfolders.

    Those that changed less than `older_than` seconds ago may still be
    written. If not `inside`, subfolders are left alone. Returns how many were
    removed.
    """
    removed = 0
    for where, folders, names in os.walk(folder):
        for name in [*names, *folders]:
            if not LEFTOVER.fullmatch(name):
                continue
            path = os.path.join(where, name)
            with contextlib.suppress(OSError):
                if time.time() - os.stat(path).st_mtime >= older_than:
                    remove(path)
                    removed += 1
        if not inside:
            break
    return removed


def remove(path):
    """Removes a file, or a folder with all that is in it."""
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    else:
        os.remove(path)


def check_writable(folder):
    """Stops, as the system says it, where a folder cannot be written or made.

    Nor where a megabyte is too much. Nothing is left, not even the folder.
    """
    path = os.path.abspath(folder)
    while not os.path.lexists(path):
        path = os.path.dirname(path)
    with disk_full_explained(folder), tempfile.TemporaryFile(dir=path) as file:
        file.write(bytes(2**20))


@contextlib.contextmanager
def locked(path):
    """Keeps other threads and processes out of a block, by a lock file."""
    os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
    with open(path, "ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield  # closing the file unlocks it


def plain_name(text):
    """Any text as a part of a file name: letters, digits, dots, _ and -."""
    return re.sub(r"[^A-Za-z0-9_.-]", "_", text)


def changed_settings(before, now, ignored=()):
    """What differs between the settings of an earlier call and these.

    The one place where settings are compared, as a json would hold them (a
    tuple equals a list): of a training run, of an experiment's runs, of a
    folder of generated files. Returns key -> (value before, value now), None
    where a side does not have it; `ignored` keys may differ.

    Example
    -------
    >>> changed_settings({"a": [1], "b": 2}, {"a": (1,), "c": 3}, ["b"])
    {'c': (None, 3)}
    """
    now = json.loads(json.dumps(now))
    return {
        key: (before.get(key), now.get(key))
        for key in {**before, **now}
        if before.get(key) != now.get(key) and key not in ignored
    }


def sha256_of(file):
    """SHA-256 of what an open file holds from here on, block by block."""
    digest = hashlib.sha256()
    while block := file.read(1 << 20):
        digest.update(block)
    return digest.hexdigest()


def file_sums(folder, names=None):
    """Name -> [size in bytes, sha256] of files in a folder, by default all."""
    names = sorted(os.listdir(folder)) if names is None else names
    found = {}
    for name in names:
        with open(os.path.join(folder, name), "rb") as file:
            digest = sha256_of(file)
            found[name] = [file.tell(), digest]
    return found


def what_changed(folder, sums):
    """The first file that is not as `file_sums` found it, in words, or None.

    Example
    -------
    >>> folder = getfixture("tmp_path")
    >>> _ = (folder / "a").write_text("whole")
    >>> sums = file_sums(folder)
    >>> what_changed(folder, sums), (folder / "a").write_text("who")
    (None, 3)
    >>> what_changed(folder, sums)
    'a has 3 bytes instead of 5'
    """
    for name, (size, digest) in sums.items():
        path = os.path.join(folder, name)
        if not os.path.isfile(path):
            return f"{name} is missing"
        if os.path.getsize(path) != size:
            return f"{name} has {os.path.getsize(path)} bytes instead of {size}"
        if file_sums(folder, [name])[name][1] != digest:
            return f"{name} has other content than was written"
    return None


def flush(path, inside=True):
    """Has the system write a file or a folder, and its files, to the disk.

    What is renamed before that may be empty after the machine lost power.
    """
    if inside and os.path.isdir(path):
        for name in os.listdir(path):
            flush(os.path.join(path, name))
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
