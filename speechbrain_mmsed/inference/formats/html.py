"""A page with a player, the events and the scores of every class.

One file that opens from disk without network. A small sound or film is
inside it; of a larger one it holds a link relative to itself, so that page
and film can be moved together. Scores are stored with eight bits, at most
`MAX_FRAMES` of them for each class: a page of two hours has 1 MB.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import base64
import html
import json
import os
import pathlib
import urllib.parse
from importlib import resources

import numpy as np

from speechbrain_mmsed.dataio.media.sound import SOUND_FILE_SUFFIXES
from speechbrain_mmsed.inference.formats.values import in_order, shown_name

SUFFIX = ".html"

# Larger files are linked and not embedded.
EMBED_BYTES = 4_000_000
MAX_FRAMES = 100_000
AUDIO_SUFFIXES = (*SOUND_FILE_SUFFIXES, ".m4a", ".mka", ".aac", ".opus")


def render(detection, source=None, path=None):
    """The page.

    Arguments
    ---------
    detection : Detection
        Events and scores.
    source : str or pathlib.Path or None
        The file to play; without, the page has a timeline only.
    path : str or pathlib.Path or None
        Where the page will be, to which a link is relative; None: the
        current folder.

    Returns
    -------
    str
    """
    media, embedded = _media(source, path)
    data = json.dumps(
        page_data(detection, media), ensure_ascii=False, allow_nan=False
    )
    parts = {
        "TITLE": html.escape(shown_name(detection.scores.filename)),
        "STYLE": asset("page.css"),
        "DATA": _inside_script(data),
        "MEDIA": embedded,
        # Functions first, then what uses them.
        "SCRIPT": asset("page_draw.js") + asset("page.js"),
    }
    # Cut at the marks, so that no part is searched for another's mark.
    pieces = asset("page.html").split("@@")
    return "".join(
        parts[piece] if i % 2 else piece for i, piece in enumerate(pieces)
    )


def page_data(detection, media=None):
    """What the page's program reads.

    Arguments
    ---------
    detection : Detection
        Events and scores.
    media : dict or None
        How to play the file.

    Returns
    -------
    dict
        filename, duration, labels, streams, clip (a score for each class),
        tags (indices of classes), events (onset, offset, index of the
        class, score), frame_hop (seconds between stored scores), frames
        (base64 of bytes 0 to 255, frame after frame), pooled (frames of
        the model for each stored one), media.
    """
    scores = detection.scores
    labels = list(scores.labels)
    frames, pooled = pool_frames(scores.frame, MAX_FRAMES)
    coded = np.round(255 * np.clip(frames, 0, 1)).astype(np.uint8)
    return {
        "filename": shown_name(scores.filename),
        "duration": float(scores.duration),
        "labels": [shown_name(label) for label in labels],
        "streams": {
            name: shown_name(text) for name, text in scores.streams.items()
        },
        "clip": [round(float(score), 3) for score in scores.clip],
        "tags": [labels.index(label) for label, _ in detection.tags],
        "events": [
            [round(a, 6), round(b, 6), labels.index(label), round(score, 3)]
            for a, b, label, score in in_order(detection.events)
        ],
        "frame_hop": scores.frame_hop * pooled,
        "frames": base64.b64encode(coded.tobytes()).decode(),
        "pooled": pooled,
        "media": media,
    }


def pool_frames(frame, most):
    """The largest scores of as many neighbours as it takes.

    Arguments
    ---------
    frame : numpy.ndarray
        (T, C) probabilities.
    most : int
        Wanted number of frames at most.

    Returns
    -------
    frames : numpy.ndarray
        (ceil(T / pooled), C) probabilities.
    pooled : int
        Frames that became one; 1 where nothing had to be done.

    Example
    -------
    >>> pool_frames(np.array([[0.1], [0.9], [0.2]]), 2)
    (array([[0.9],
           [0.2]]), 2)
    """
    pooled = max(1, -(-len(frame) // most))
    if pooled == 1:
        return frame, 1
    return np.maximum.reduceat(
        frame, np.arange(0, len(frame), pooled), axis=0
    ), pooled


def _media(source, path):
    """How to play the file, and its bytes as text where it is small."""
    if source is None:
        return None, ""
    source = os.fspath(source)
    suffix = os.path.splitext(source)[1].lower()
    media = {
        "name": shown_name(os.path.basename(source)),
        "element": "audio" if suffix in AUDIO_SUFFIXES else "video",
    }
    if os.path.getsize(source) <= EMBED_BYTES:
        with open(source, "rb") as file:
            return media, base64.b64encode(file.read()).decode()
    folder = os.path.dirname(os.path.abspath(path)) if path else os.getcwd()
    source = os.path.abspath(source)
    try:
        relative = os.path.relpath(source, folder)
    except ValueError:  # on another drive of Windows
        return {
            **media,
            "link": pathlib.Path(source).as_uri(),
            "where": shown_name(source),
        }, ""
    # A link has slashes on every system; bytes that are no UTF-8 stay.
    link = urllib.parse.quote(os.fsencode(relative.replace(os.sep, "/")))
    return {**media, "link": link, "where": shown_name(relative)}, ""


def _inside_script(text):
    """JSON that cannot end the element it stands in."""
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028")


def asset(name):
    """The text of a file beside this module.

    Arguments
    ---------
    name : str
        Its name.

    Returns
    -------
    str
    """
    here = resources.files("speechbrain_mmsed.inference.formats")
    return (here / name).read_text(encoding="utf-8")
