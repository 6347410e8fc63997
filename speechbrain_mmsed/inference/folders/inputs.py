"""The files that stand behind what a user names: files and folders.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import collections
import os
from dataclasses import dataclass, field

from speechbrain_mmsed.dataio.media.sound import SOUND_SUFFIXES
from speechbrain_mmsed.inference.folders.names import unique_names, unique_stems
from speechbrain_mmsed.inference.results import DetectionError


@dataclass(frozen=True)
class InputFile:
    """One recording.

    Arguments
    ---------
    path : str
        Where it is.
    name : str
        What results call it; no two inputs have the same.
    stem : str
        Path of its results inside the output folder, without suffix.
    """

    path: str
    name: str
    stem: str


@dataclass
class Inputs:
    """What was found.

    Arguments
    ---------
    files : list of InputFile
        Recordings, in the order in which they were named; those of a
        folder by name.
    other_kinds : collections.Counter
        Suffix -> files of the folders that are neither sound nor film.
    repeated : int
        Files that were named again.
    """

    files: list
    other_kinds: collections.Counter = field(
        default_factory=collections.Counter
    )
    repeated: int = 0


def collect(arguments):
    """Finds the recordings in files and folders.

    A file is taken whatever it is called. Of a folder, and of those in it,
    the files with a suffix of sounds or films are taken; hidden ones are
    not.

    Arguments
    ---------
    arguments : list of str
        Files and folders.

    Returns
    -------
    Inputs

    Raises
    ------
    DetectionError
        If one of them does not exist or there is nothing to listen to.

    Example
    -------
    >>> folder = getfixture("tmp_path")
    >>> for name in ("b.mp4", "a.wav", "notes.txt"):
    ...     _ = (folder / name).write_bytes(b"")
    >>> [file.stem for file in collect([folder]).files]
    ['a', 'b']
    """
    arguments = [os.fspath(argument) for argument in arguments]
    absent = [a for a in arguments if not os.path.exists(a)]
    if absent:
        raise DetectionError(
            f"no such file or folder: {', '.join(absent)}; nothing was begun"
        )
    found, kinds, repeated = {}, collections.Counter(), 0
    for argument in arguments:
        for path, relative in _walk(argument, kinds):
            key = os.path.abspath(path)
            repeated += key in found
            found.setdefault(key, (path, relative))
    if not found:
        raise DetectionError(
            f"no recordings in {', '.join(arguments)}: expected files that "
            f"end in {', '.join(SOUND_SUFFIXES)}. A file of another suffix "
            f"is taken if it is named itself"
        )
    paths, relatives = zip(*found.values(), strict=True)
    names = unique_names(list(found), relatives)
    files = [
        InputFile(*row)
        for row in zip(paths, names, unique_stems(names), strict=True)
    ]
    return Inputs(files, kinds, repeated)


def _walk(argument, kinds):
    """Yields (path, relative name) of the recordings of an argument."""
    if not os.path.isdir(argument):
        yield argument, os.path.basename(argument)
        return
    # A folder that links lead back into is not walked for ever: links to
    # folders are not followed.
    for where, folders, names in os.walk(argument):
        folders[:] = sorted(f for f in folders if not f.startswith("."))
        for name in sorted(names):
            suffix = os.path.splitext(name)[1].lower()
            if name.startswith("."):
                continue
            if suffix not in SOUND_SUFFIXES:
                kinds[suffix or "without suffix"] += 1
                continue
            path = os.path.join(where, name)
            yield path, os.path.relpath(path, argument)
