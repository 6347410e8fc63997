"""A full disk ends in one clear message, not in a trace of numpy's.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import contextlib
import errno


class DiskFullError(OSError):
    """No room for a file; the message says what to do."""


@contextlib.contextmanager
def disk_full_explained(path):
    """Turns the system's error of a full disk into one clear message.

    Arguments
    ---------
    path : str
        The file that is being written.

    Raises
    ------
    DiskFullError
        In place of an OSError that means "no space left".
    """
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
