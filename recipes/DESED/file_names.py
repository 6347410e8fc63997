"""Which clip a file belongs to, as download programs call files.

yt-dlp, youtube-dl, audiosetdl, VGGSound's scripts and others put the id of
the video somewhere into the name, and the times of a cut behind it, in
seconds or milliseconds. Ids have a fixed length, so those of the clips can be
looked for.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import re

from speechbrain_mmsed.dataio.corpus.matching import (
    clip_key,
    clip_stem,
    match_files,
)

ID_LENGTH = 11
_NUMBER = r"([0-9]+(?:\.[0-9]+)?)m?s?"
# Behind the id: a start, and perhaps an end after which anything may follow.
_TIMES = re.compile(
    rf"[\W_]+{_NUMBER}(?:[\W_]+{_NUMBER}(?:[\W_].*)?)?[\W_]*", re.IGNORECASE
)


def match_downloads(folder, filenames, suffixes=None):
    """As `match_files`, but ids are found anywhere in the names of files.

    Files that are named as clips are come first. Of the others those with
    times behind the id, `<id>_<start>_<end>` or `<id>_<start>` with any signs
    between, belong to the clips with these times; those with anything else
    or nothing behind it are whole films, of all clips of that video. Upper
    and lower case are told apart only where a clip of that very name is.

    Arguments
    ---------
    folder, filenames, suffixes
        As of `match_files`.

    Returns
    -------
    found, strangers : dict, list of str
        As of `match_files`.

    Example
    -------
    >>> folder = getfixture("tmp_path")
    >>> for name in ("Dog [abcdefghijk].mp4", "abcdefghijk_000030.mp4"):
    ...     (folder / name).touch()
    >>> clip = "Yabcdefghijk_30.000_40.000.wav"
    >>> found, _ = match_downloads(folder, [clip])
    >>> [paths[clip][0].split("/")[-1] for paths in found.values()]
    ['abcdefghijk_000030.mp4', 'Dog [abcdefghijk].mp4']
    """
    found, unmatched = match_files(folder, filenames, suffixes)
    by_key, by_id, strangers = {}, {}, []
    for filename in filenames:
        name, *times = clip_key(filename)
        by_key.setdefault((name.lower(), *times), []).append(filename)
        for video in {name, name.lower()} if times else ():
            by_id.setdefault(video, []).append(filename)
    for path in unmatched:
        name, *times = clip_key(path)
        layout, clips = "clip", by_key.get((name.lower(), *times), [])
        if not clips:
            layout, clips = _clips_of(clip_stem(path), by_id)
        for filename in clips:
            found[layout].setdefault(filename, []).append(path)
        strangers += [] if clips else [path]
    return found, strangers


def _clips_of(stem, by_id):
    """Layout and clips of a file whose name has an id in it."""
    for end in range(ID_LENGTH, len(stem) + 1):
        video = stem[end - ID_LENGTH : end]
        clips = by_id.get(video) or by_id.get(video.lower())
        times = _TIMES.fullmatch(stem[end:])
        if clips and times is None:
            return "source", clips
        clips = [name for name in clips or () if _fits(times.groups(), name)]
        if clips:
            return "clip", clips
    return "clip", []


def _fits(times, filename):
    """Whether a start and an end or None are those of a clip."""
    own = clip_key(filename)[1:]
    return any(
        all(
            text is None or round(unit * float(text)) == time
            for text, time in zip(times, own, strict=True)
        )
        for unit in (1000, 1)  # of the text, in milliseconds
    )
