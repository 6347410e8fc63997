"""Which files belong to which clip.

Corpora cut from web videos name a clip by the video's id and the times of
the cut, but not always in the same way: `Y<id>_30.000_40.000.wav` here,
`<id>_30_40.mp4` there. Files are therefore matched by (id, start, end), and
by the bare name where a name is not of this form. Films may also be whole,
`<id>.mp4`; several clips may then come from one film.

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
    return _SUFFIX.sub("", os.path.basename(filename))


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


def index_folder(folder, suffixes=None):
    """Files of a folder (not of its subfolders) by the clip they belong to.

    Endings are `suffixes` (lower case), or all that may be films. Returns
    clip key -> sorted list of paths; empty if there is no such folder.
    """
    index = {}
    for entry in list_folder(folder):
        suffix = os.path.splitext(entry.name)[1].lower()
        if suffixes is None:
            wanted = not _NOT_FILMS.fullmatch(suffix)
        else:
            wanted = suffix in suffixes
        if wanted:
            index.setdefault(clip_key(entry.name), []).append(entry.path)
    return {key: sorted(paths) for key, paths in index.items()}


def candidates(index, filename):
    """Files of an `index_folder` for a clip, the one of its very name first."""
    name = os.path.basename(filename)
    paths = index.get(clip_key(filename), [])
    return sorted(paths, key=lambda path: os.path.basename(path) != name)


def place_in_film(filename, video_layout):
    """What the film of a clip is called, and at which second the clip begins.

    In layout "clip" films are named as the clips are, in "source" by the
    video's id. The name is None where it cannot be told.

    Example
    -------
    >>> place_in_film("Y-0A1_JR5f34_16.000_26.000.wav", "source")
    ('-0A1_JR5f34', 16.0)
    """
    if video_layout == "clip":
        return filename, 0.0
    key = clip_key(filename)
    return (None, 0.0) if len(key) == 1 else (key[0], key[1] / 1000)


def in_other_layout(filenames, index, video_layout):
    """Clips with a file (clip -> file) that only the other layout finds.

    `index` is of a folder (`index_folder`), `video_layout` what was asked
    for.

    Example
    -------
    >>> index = {("abcdefghijk",): ["a.mp4"]}
    >>> in_other_layout(["Yabcdefghijk_3_13.wav"], index, "clip")
    {'Yabcdefghijk_3_13.wav': 'a.mp4'}
    """
    (other,) = set(VIDEO_LAYOUTS) - {video_layout}
    found = {}
    for filename in filenames:
        here, there = (
            candidates(index, place_in_film(filename, layout)[0] or "")
            for layout in (video_layout, other)
        )
        if there and not here:
            found[filename] = there[0]
    return found
