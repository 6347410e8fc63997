"""Which recordings a user means, and what their results are called.

Names of results are as short as they can be without two being the same: those
of `film.mp4` are `film.tsv`, `film.html` and so on; where `film.wav` is there
too they are `film.mp4.tsv` and `film.wav.tsv`. Files that differ in upper and
lower case only, or in the way accents are coded, count as the same, since
they are on the discs of some systems; in tables they keep their own names.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import collections
import hashlib
import os
import unicodedata
from dataclasses import dataclass

from speechbrain_mmsed.dataio.media.sound import SOUND_SUFFIXES
from speechbrain_mmsed.inference import DetectionError

# Names in the output folder that belong to all recordings together.
RESERVED = ("detect", "events", "files", "index", "scores", "tags")

# How stems end that with a format's suffix are another's: a.scores and .txt
INNER = (".scores", ".selections", ".labelstudio")
# Bytes of a name that file systems take, less the longest suffix of a format
# and a number behind a name.
LONGEST = 255 - len(".labelstudio.json") - len("~999999")


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


@dataclass(frozen=True)
class Inputs:
    """What was found.

    Arguments
    ---------
    files : list of InputFile
        In the order in which they were named; those of a folder by name.
    other_kinds : collections.Counter
        Suffix -> files of the folders that are neither sound nor film.
    repeated : int
        Files that were named again.
    """

    files: list
    other_kinds: collections.Counter
    repeated: int


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
    names = _unique_names(list(found), relatives)
    rows = zip(paths, names, _unique_stems(names), strict=True)
    return Inputs([InputFile(*row) for row in rows], kinds, repeated)


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
            if suffix in SOUND_SUFFIXES:
                path = os.path.join(where, name)
                yield path, os.path.relpath(path, argument)
            else:
                kinds[suffix or "without suffix"] += 1


def _unique_names(paths, relatives):
    """The relative name of each path where it is the only one of its kind.

    Otherwise the path below the folder that all have in common.
    """
    common = os.path.commonpath([os.path.dirname(path) for path in paths])
    longer = [os.path.relpath(path, common) for path in paths]
    return _numbered(_escalate(relatives, longer, key=str), key=str)


def _unique_stems(names):
    """The names without suffix where they stay different, else with it.

    One that would be too long is cut, with a number made of the whole.
    """
    short = [os.path.splitext(name)[0] for name in names]
    chosen = _escalate(short, names, RESERVED)
    cut = [_cut(stem, name) for stem, name in zip(chosen, names, strict=True)]
    return _numbered(cut, RESERVED, ends=("", *INNER))


def _cut(stem, name):
    """A stem that leaves room for a suffix; the name tells it from others."""
    folder, last = os.path.split(stem)
    if len(os.fsencode(last)) <= LONGEST:
        return stem
    mark = "~" + hashlib.sha256(os.fsencode(name)).hexdigest()[:12]
    while len(os.fsencode(last)) > LONGEST - len(mark):
        last = last[:-1]  # whole letters
    return os.path.join(folder, last + mark)


def _key(name):
    """Names with equal keys may be one file on some file system."""
    return unicodedata.normalize("NFC", name.casefold())


def _escalate(short, longer, reserved=(), key=_key):
    """The short names, and the longer one of each that is not alone."""
    chosen = list(short)
    while True:
        counts = collections.Counter([*map(key, chosen), *reserved])
        before = chosen
        chosen = [
            long if counts[key(name)] > 1 else name
            for name, long in zip(before, longer, strict=True)
        ]
        if chosen == before:
            return chosen


def _numbered(names, reserved=(), key=_key, ends=("",)):
    """Names that are still the same, also with these ends, get a number."""
    present = {*map(key, names), *reserved}
    taken, numbered = set(reserved), []
    for name in names:
        number, candidate = 1, name
        while any(key(candidate + end) in taken for end in ends):
            number += 1
            candidate = f"{name}~{number}"
            if key(candidate) in present:
                candidate = name  # belongs to another
        taken |= {key(candidate + end) for end in ends}
        numbered.append(candidate)
    return numbered
