"""One process at a time writes to an output folder.

Two trainings in one folder would overwrite each other's checkpoints, and both
would end as if all were well.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import atexit
import contextlib
import errno
import fcntl
import os
import socket

from speechbrain_mmsed.files import ClearError
from speechbrain_mmsed.folders import remove_leftovers

CLAIM_FILE = ".in_use"


class FolderInUseError(ClearError, OSError):
    """Another process writes to a folder; names it."""


_CLAIMS = {}  # path of a lock file -> its descriptor, of this process


def claim_folder(folder):
    """Keeps other processes from writing to a folder while this one lives.

    However it ends, the system drops the lock, which names process and host
    for others. What writers that were killed left is removed. Claiming again
    does nothing. A FolderInUseError if another process has it.

    Example
    -------
    >>> folder = getfixture("tmp_path")
    >>> claim_folder(folder), claim_folder(folder)
    (None, None)
    >>> release_folder(folder)
    >>> list(folder.iterdir())
    []
    """
    path = os.path.join(os.path.realpath(folder), CLAIM_FILE)
    if path in _CLAIMS:
        return
    os.makedirs(os.path.dirname(path), exist_ok=True)
    lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        # Of this process alone: workers that outlive it have no part in it.
        fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        owner = os.read(lock, 200).decode(errors="replace").strip()
        os.close(lock)
        if error.errno not in (errno.EACCES, errno.EAGAIN):
            return  # a file system without locks
        raise FolderInUseError(
            f"{folder} is in use by {owner or 'another process'}: wait until "
            "it has ended, or choose another folder"
        ) from None
    if not os.path.exists(path) or not os.path.samestat(
        os.fstat(lock), os.stat(path)
    ):
        os.close(lock)  # its owner has just ended, and removed it
        claim_folder(folder)
        return
    os.ftruncate(lock, 0)
    owner = f"process {os.getpid()} on {socket.gethostname()}\n"
    with contextlib.suppress(OSError):  # a full disk has locks all the same
        os.write(lock, owner.encode())
    _CLAIMS[path] = lock
    remove_leftovers(folder)
    atexit.register(_release, path, os.getpid())


def release_folder(folder):
    """Ends what `claim_folder` began."""
    _release(os.path.join(os.path.realpath(folder), CLAIM_FILE), os.getpid())


@contextlib.contextmanager
def claimed(folder):
    """Claims a folder for a block, which leaves none behind that is empty.

    Nothing is claimed of None, and where nothing can be written: that the
    block will find out.
    """
    made = folder and not os.path.lexists(folder)
    try:
        if folder:
            claim_folder(folder)
    except FolderInUseError:
        raise
    except OSError:
        folder = None
    try:
        yield
    finally:
        if folder:
            release_folder(folder)
        if folder and made:
            with contextlib.suppress(OSError):
                os.rmdir(folder)


def _release(path, process):
    """Removes a lock file of this process, if it is still there."""
    if path in _CLAIMS and process == os.getpid():
        with contextlib.suppress(OSError):
            os.remove(path)
        os.close(_CLAIMS.pop(path))
