"""Names of results: as short as they can be without two being the same.

Results of `film.mp4` are called `film.tsv`, `film.html` and so on. Where
`film.wav` is there too they are `film.mp4.tsv` and `film.wav.tsv`. Names that
differ in upper and lower case only, or in the way accents are coded, count as
the same, since they are on the discs of some systems. A name that would be too
long with a suffix is cut, with a number made of the whole.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import collections
import hashlib
import os
import unicodedata

# Names in the output folder that belong to all files together.
RESERVED = ("detect", "events", "files", "index", "scores", "tags")

# Bytes of a name that file systems take, less the longest suffix of a format
# and a number behind a name.
LONGEST = 255 - len(".TextGrid") - len("~999999")


def unique_names(paths, relatives):
    """What to call each file in tables.

    Arguments
    ---------
    paths : list of str
        Absolute paths, all different.
    relatives : list of str
        Their short names: relative to the folder that was named, or the
        plain name of a file that was named itself.

    Returns
    -------
    list of str
        The short name where it is the only one of its kind, else the path
        below the folder that all have in common.

    Example
    -------
    >>> unique_names(["/x/a/1.wav", "/x/b/1.wav"], ["1.wav", "1.wav"])
    ['a/1.wav', 'b/1.wav']
    """
    common = os.path.commonpath([os.path.dirname(path) for path in paths])
    longer = [os.path.relpath(path, common) for path in paths]
    return _numbered(_escalate(list(relatives), longer))


def unique_stems(names):
    """Paths of results inside the output folder, without their suffixes.

    Arguments
    ---------
    names : list of str
        As `unique_names` returns.

    Returns
    -------
    list of str
        The names without suffix where they stay different, else with it;
        cut where they are too long.

    Example
    -------
    >>> unique_stems(["film.mp4", "film.wav", "song.wav", "events.wav"])
    ['film.mp4', 'film.wav', 'song', 'events.wav']
    """
    short = [os.path.splitext(name)[0] for name in names]
    chosen = _escalate(short, list(names), RESERVED)
    cut = [_cut(stem, name) for stem, name in zip(chosen, names, strict=True)]
    return _numbered(cut, RESERVED)


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


def _escalate(short, longer, reserved=()):
    """The short names, and the longer one of each that is not alone."""
    chosen = list(short)
    while True:
        counts = collections.Counter([*map(_key, chosen), *reserved])
        clashing = [
            i
            for i, name in enumerate(chosen)
            if counts[_key(name)] > 1 and name != longer[i]
        ]
        if not clashing:
            return chosen
        for i in clashing:
            chosen[i] = longer[i]


def _numbered(names, reserved=()):
    """Names that are still the same get a number."""
    present = {*map(_key, names), *reserved}
    taken, numbered = set(reserved), []
    for name in names:
        number, candidate = 1, name
        while _key(candidate) in taken:
            number += 1
            candidate = f"{name}~{number}"
            if _key(candidate) in present:
                candidate = name  # belongs to another
        taken.add(_key(candidate))
        numbered.append(candidate)
    return numbered
