"""Who does which clip, where several processes extract one corpus.

A claim is a lock on one byte of a file that all processes open. The system
itself drops the locks of a process that ends, however it ends, so a claim
never outlives its owner and nothing has to be cleaned up after a kill.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import contextlib
import errno
import fcntl
import hashlib
import os

from speechbrain_mmsed.dataio.streams.records import StreamError


class Claims:
    """Claims on the clips of one folder; a context manager.

    Locks belong to processes: two objects of one process do not exclude
    each other, and closing one of them drops the other's locks. So a
    process has one object per folder.

    Arguments
    ---------
    folder : str
        Where the file of locks lies; made if needed.

    Raises
    ------
    StreamError
        When a claim is taken on a file system that has no locks.

    Example
    -------
    >>> with Claims(getfixture("tmp_path")) as claims:
    ...     claims.take("weak/a"), claims.take("weak/a")
    (True, False)
    """

    def __init__(self, folder):
        os.makedirs(folder, exist_ok=True)
        self.path = os.path.join(os.path.abspath(folder), ".claims")
        self._file = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o666)
        self._held = {}

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        os.close(self._file)
        self._held = {}

    def take(self, clip_id):
        """Whether a clip is claimed for this process now, and was not before.

        The previous holder of the claim may have finished the clip: look again.
        """
        return self._lock(clip_id, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def release(self, clip_id):
        """Gives up a claim; a KeyError if this process does not hold it."""
        offset = _offset(clip_id)
        if self._held.get(offset) != clip_id:
            raise KeyError(f"{clip_id!r} is not claimed by this process")
        fcntl.lockf(self._file, fcntl.LOCK_UN, 1, offset)
        del self._held[offset]

    @contextlib.contextmanager
    def waiting(self, name):
        """Holds the claim on a name during a block, having waited for it."""
        self._lock(name, fcntl.LOCK_EX)
        try:
            yield
        finally:
            self.release(name)

    def _lock(self, clip_id, how):
        offset = _offset(clip_id)
        # Two clips with one offset: the second waits until the first is
        # released, since a lock is held or not and does not count.
        if offset in self._held:
            return False
        try:
            fcntl.lockf(self._file, how, 1, offset)
        except OSError as error:
            if error.errno in (errno.EACCES, errno.EAGAIN):
                return False
            raise StreamError(
                f"{self.path} cannot be locked ({error.strerror}): the file "
                f"system does not keep processes from doing the same clip. "
                f"Put the folder on another one"
            ) from error
        self._held[offset] = clip_id
        return True


def _offset(clip_id):
    """The byte that stands for a clip, 0 to 2^62 - 1."""
    digest = hashlib.sha256(clip_id.encode("utf-8", "surrogateescape"))
    return int.from_bytes(digest.digest()[:8], "big") >> 2
