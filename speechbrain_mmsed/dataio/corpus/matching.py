"""Which files belong to which clip.

Corpora cut from web videos name a clip by the video's id and the times of
the cut, but not always in the same way: `Y<id>_30.000_40.000.wav` here,
`<id>_30_40.mp4` there. Files are therefore matched by (id, start, end), and
by the bare name where a name is not of this form.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import os
import re

_CUT = re.compile(
    r"Y?([A-Za-z0-9_-]{11})_([0-9]+(?:\.[0-9]+)?)_([0-9]+(?:\.[0-9]+)?)"
)
_SUFFIX = re.compile(r"\.(?![0-9]+$)[A-Za-z0-9]{1,5}$")

# What download programs leave beside films; everything else may be one.
NOT_FILMS = re.compile(
    r"\.(aiff?|ass|csv|description|flac|gif|jpe?g|json|log|m4a|md|mp3|npy|og[ag]"
    r"|opus|part|pkl|png|srt|tmp|tsv|txt|vtt|wav|webp|xml|ya?ml|ytdl|zip)"
)


def clip_stem(filename):
    """A file's name without folder and ending.

    Arguments
    ---------
    filename : str
        Any container; a dot followed by digits is no ending.

    Returns
    -------
    str

    Example
    -------
    >>> clip_stem("video/Yabc_30.000_40.000.mp4")
    'Yabc_30.000_40.000'
    >>> clip_stem("Yabc_30.000_40.000")
    'Yabc_30.000_40.000'
    """
    return _SUFFIX.sub("", os.path.basename(filename))


def clip_key(filename):
    """What is the same for all files of a clip.

    Arguments
    ---------
    filename : str
        Of its sound, its film or its row in a table.

    Returns
    -------
    tuple
        (id, start, end), times in milliseconds, or (stem,).

    Example
    -------
    >>> clip_key("Y-0A1_JR5f34_16.000_26.000.wav")
    ('-0A1_JR5f34', 16000, 26000)
    >>> clip_key("-0A1_JR5f34_16_26.mkv")
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


def index_folder(folder, suffixes=None):
    """Files of a folder by the clip they belong to.

    Arguments
    ---------
    folder : str
        Not searched recursively. A folder that does not exist is empty.
    suffixes : tuple of str or None
        Endings to take, lower case; None: all but `NOT_FILMS`.

    Returns
    -------
    dict
        clip key -> sorted list of paths.
    """
    index = {}
    for entry in list_folder(folder):
        suffix = os.path.splitext(entry.name)[1].lower()
        unwanted = (
            NOT_FILMS.fullmatch(suffix)
            if suffixes is None
            else (suffix not in suffixes)
        )
        if not unwanted:
            index.setdefault(clip_key(entry.name), []).append(entry.path)
    return {key: sorted(paths) for key, paths in index.items()}


def list_folder(folder):
    """Visible files of a folder; none if there is no such folder.

    Arguments
    ---------
    folder : str
        Its path.

    Returns
    -------
    list of os.DirEntry
        Sorted by name; broken links are included, folders are not.
    """
    if not os.path.isdir(folder):
        return []
    with os.scandir(folder) as entries:
        return sorted(
            (e for e in entries if e.name[0] != "." and not e.is_dir()),
            key=lambda entry: entry.name,
        )


def candidates(index, filename):
    """Files that may be the clip's, the one of exactly this name first.

    Arguments
    ---------
    index : dict
        As from `index_folder`.
    filename : str
        The clip's name in its table.

    Returns
    -------
    list of str
        Paths, perhaps none.
    """
    name = os.path.basename(filename)
    paths = index.get(clip_key(filename), [])
    return sorted(paths, key=lambda path: os.path.basename(path) != name)
