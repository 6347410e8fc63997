"""Which files belong to which clip.

Clips of web videos are called by the video's id and the times of the cut, not
always in the same way: `Y<id>_30.000_40.000.wav` here, `<id>_30_40.mp4` there.
Files are therefore matched by (id, start, end), and by the bare name where it
is not of this form. A film may also be whole, `<id>.mp4`, with several clips.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import os
import re

VIDEO_LAYOUTS = ("clip", "source")

_CUT = re.compile(
    r"Y?([A-Za-z0-9_-]{11})_([0-9]+(?:\.[0-9]+)?)_([0-9]+(?:\.[0-9]+)?)"
)
_SUFFIX = re.compile(r"\.(?![0-9]+$)[A-Za-z0-9]{1,5}$")

# What download programs leave beside films; everything else may be one.
_NOT_FILMS = re.compile(
    r"\.(aiff?|ass|csv|description|flac|gif|jpe?g|json|log|m4a|md|mp3|npy|og[ag]"
    r"|opus|part|pkl|png|srt|tmp|tsv|txt|vtt|wav|webp|xml|ya?ml|ytdl|zip)"
)


def clip_stem(filename):
    """A file's name without folder and ending; a dot and digits is none.

    Example
    -------
    >>> clip_stem("video/Yabc_30.000_40.mp4"), clip_stem("Yabc_30_40.000")
    ('Yabc_30.000_40', 'Yabc_30_40.000')
    """
    name = os.path.basename(filename.replace("\\", "/"))
    return _SUFFIX.sub("", name)


def clip_key(filename):
    """What is the same for all files of a clip, from the name of one.

    (id, start, end), times in milliseconds; (stem,) for other names.

    Example
    -------
    >>> clip_key("Y-0A1_JR5f34_16.000_26.000.wav")
    ('-0A1_JR5f34', 16000, 26000)
    >>> clip_key("soundscapes/12.wav")
    ('12',)
    """
    stem = clip_stem(filename)
    match = _CUT.fullmatch(stem)
    if match is None:
        return (stem,)
    start, end = (round(1000 * float(match[i])) for i in (2, 3))
    return match[1], start, end


def list_folder(folder):
    """Visible files of a folder by name, broken links too, as os.DirEntry."""
    if not os.path.isdir(folder):
        return []
    with os.scandir(folder) as entries:
        return sorted(
            (e for e in entries if e.name[0] != "." and not e.is_dir()),
            key=lambda entry: entry.name,
        )


def list_media(folder, suffixes=None):
    """Paths in a folder with these endings, or of all that may be films."""
    paths = []
    for entry in list_folder(folder):
        suffix = os.path.splitext(entry.name)[1].lower()
        film = suffixes is None and not _NOT_FILMS.fullmatch(suffix)
        if film or suffix in (suffixes or ()):
            paths.append(entry.path)
    return paths


def index_folder(folder, suffixes=None):
    """Files of a folder (not of its subfolders) by the clip they belong to.

    Endings are `suffixes` (lower case), or all that may be films. Returns
    clip key -> sorted list of paths; empty if there is no such folder.
    """
    index = {}
    for path in list_media(folder, suffixes):
        index.setdefault(clip_key(path), []).append(path)
    return index


def candidates(index, filename):
    """Files of an `index_folder` for a clip, the one of its very name first."""
    name = os.path.basename(filename)
    paths = index.get(clip_key(filename), [])
    return sorted(paths, key=lambda path: os.path.basename(path) != name)


def match_files(folder, filenames, suffixes=None):
    """Files of a folder and the clips they belong to, by their names.

    Arguments
    ---------
    folder, suffixes : str, tuple of str or None
        As of `index_folder`.
    filenames : list of str
        Names of the clips.

    Returns
    -------
    found : dict
        For each of `VIDEO_LAYOUTS` filename -> its files, the one of its very
        name first: "clip", named as clips are, and "source", whole films
        `<id>.<ext>`.
    strangers : list of str
        Files of no clip.

    Example
    -------
    >>> folder = getfixture("tmp_path")
    >>> (folder / "abcdefghijk_3_13.mp4").touch()
    >>> found, _ = match_files(folder, ["Yabcdefghijk_3.000_13.000.wav"])
    >>> found["source"], [os.path.basename(*x) for x in found["clip"].values()]
    ({}, ['abcdefghijk_3_13.mp4'])
    """
    index = index_folder(folder, suffixes)
    found, strangers = {layout: {} for layout in VIDEO_LAYOUTS}, dict(index)
    for filename in filenames:
        key = clip_key(filename)
        for layout, name in zip(VIDEO_LAYOUTS, (filename, key[0]), strict=True):
            if len(key) == 3 or layout == "clip":
                paths = candidates(index, name)
                strangers.pop(clip_key(name), None)
                if paths:
                    found[layout][filename] = paths
    return found, sum(strangers.values(), [])
