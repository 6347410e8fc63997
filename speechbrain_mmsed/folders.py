"""Folders that several runs and processes share.

Names of files in them, locks, what killed writers leave behind, and whether an
earlier run had the same settings.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import contextlib
import fcntl
import json
import os
import re
import shutil
import tempfile
import time

from speechbrain_mmsed.files import LEFTOVER


def remove_leftovers(folder, older_than=3600.0):
    """Removes what writers that were killed left behind, in all subfolders.

    Those that changed less than `older_than` seconds ago may still be
    written. Returns how many were removed.
    """
    removed = 0
    for where, folders, names in os.walk(folder):
        for name in [*names, *folders]:
            if not LEFTOVER.fullmatch(name):
                continue
            path = os.path.join(where, name)
            with contextlib.suppress(FileNotFoundError):
                if time.time() - os.stat(path).st_mtime >= older_than:
                    remove(path)
                    removed += 1
    return removed


def remove(path):
    """Removes a file, or a folder with all that is in it."""
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    else:
        os.remove(path)


def check_writable(folder):
    """Stops, as the system says it, where a folder cannot be written or made.

    Nothing is left there, not even the folder.
    """
    path = os.path.abspath(folder)
    while not os.path.lexists(path):
        path = os.path.dirname(path)
    with tempfile.TemporaryFile(dir=path) as file:
        file.write(b"0")


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
