"""Files that are written whole or not at all.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import contextlib
import os
import pathlib

from speechbrain_mmsed.dataio.disk_full import disk_full_explained


@contextlib.contextmanager
def whole_file(path):
    """A path to write to, which takes the file's place when all went well.

    Arguments
    ---------
    path : str or pathlib.Path
        The file; it keeps its old content if anything fails.

    Yields
    ------
    pathlib.Path
        A temporary name in the same folder.

    Example
    -------
    >>> import tempfile
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> with whole_file(folder / "report.md") as temporary:
    ...     _ = temporary.write_text("# Report")
    >>> [path.name for path in folder.iterdir()]
    ['report.md']
    """
    path = pathlib.Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with disk_full_explained(str(path)):
            yield temporary
            os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
