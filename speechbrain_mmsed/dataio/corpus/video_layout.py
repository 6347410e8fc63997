"""How a corpus keeps its films: one per clip, or whole ones.

Films that were cut are named as the clips are (`matching.py`), whole films
by the video's id, `<id>.mp4`; several clips may then come from one film.

Authors
 * The speechbrain_mmsed authors, 2026
"""

from speechbrain_mmsed.dataio.corpus.matching import candidates, clip_key

VIDEO_LAYOUTS = ("clip", "source")

NO_TIMES = "no times in the name"


def place_in_film(filename, video_layout):
    """Which film a clip is part of, and from when on.

    Arguments
    ---------
    filename : str
        The clip's name in its table.
    video_layout : str
        "clip" or "source".

    Returns
    -------
    name : str or None
        What the film is called, for `matching.candidates`; None if that
        cannot be told.
    start : float
        Seconds into the film at which the clip begins.

    Example
    -------
    >>> place_in_film("Y-0A1_JR5f34_16.000_26.000.wav", "source")
    ('-0A1_JR5f34', 16.0)
    >>> place_in_film("Y-0A1_JR5f34_16.000_26.000.wav", "clip")
    ('Y-0A1_JR5f34_16.000_26.000.wav', 0.0)
    """
    if video_layout == "clip":
        return filename, 0.0
    key = clip_key(filename)
    return (None, 0.0) if len(key) == 1 else (key[0], key[1] / 1000)


def whole_films(filenames, files):
    """Clips whose own file is missing where there is one of the whole film.

    Arguments
    ---------
    filenames : list of str
        Names of clips.
    files : dict
        Of a folder, as from `matching.index_folder`.

    Returns
    -------
    dict
        Name of a clip -> path of the whole film.

    Example
    -------
    >>> whole_films(["Yabcdefghijk_3_13.wav"], {("abcdefghijk",): ["a.mp4"]})
    {'Yabcdefghijk_3_13.wav': 'a.mp4'}
    """
    found = {}
    for filename in filenames:
        name, _ = place_in_film(filename, "source")
        films = candidates(files, name) if name else []
        if films and not candidates(files, filename):
            found[filename] = films[0]
    return found


def in_other_layout(filenames, films, video_layout):
    """Number of clips whose film would be found with the other layout only.

    Arguments
    ---------
    filenames : list of str
        Names of clips.
    films : dict
        Of the folder of films, as from `matching.index_folder`.
    video_layout : str
        The layout that was asked for.

    Returns
    -------
    int
    """
    if video_layout == "clip":
        return len(whole_films(filenames, films))
    return sum(
        bool(candidates(films, filename))
        and not candidates(films, place_in_film(filename, "source")[0] or "")
        for filename in filenames
    )
