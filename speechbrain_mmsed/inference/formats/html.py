"""A page with a player, the events and the scores of every class.

One file that opens from disk without network. A small sound or film is inside
it; of a larger one it holds a link relative to itself, so that page and film
can be moved together. Scores are stored with eight bits: a page of two hours
has 1 MB. Of these the page makes events at other thresholds than the
detector's, as `decode` does; boxes are stored with their confidences.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import base64
import dataclasses
import os
import pathlib
import urllib.parse

import jinja2
import markupsafe
import numpy as np

from speechbrain_mmsed.dataio.media.sound import SOUND_FILE_SUFFIXES
from speechbrain_mmsed.inference.formats.values import (
    in_order,
    pool_frames,
    shown_classes,
    shown_name,
)
from speechbrain_mmsed.inference.results import events_of, explained
from speechbrain_mmsed.pages import content_policy
from speechbrain_mmsed.postprocessing.box_parameters import has_boxes

# Larger files are linked and not embedded.
EMBED_BYTES = 4_000_000
# Scores of a class that are stored at most.
MAX_FRAMES = 100_000
# Boxes that are stored at most, and the confidence from which on they are.
MAX_BOXES, LEAST_CONFIDENCE = 20_000, 0.05
AUDIO_SUFFIXES = (*SOUND_FILE_SUFFIXES, ".m4a", ".mka", ".aac", ".opus")


_templates = jinja2.Environment(
    loader=jinja2.PackageLoader("speechbrain_mmsed.inference.formats", ""),
    autoescape=True,
    trim_blocks=True,
    keep_trailing_newline=True,
    undefined=jinja2.StrictUndefined,
)
_templates.policies["json.dumps_kwargs"] = {"allow_nan": False}
_templates.filters["shown"] = shown_name


def render(detection, source=None, path=None):
    """The page.

    Arguments
    ---------
    detection : Detection
        Events and scores.
    source : str or pathlib.Path or None
        The file to play; without, the page has a timeline only.
    path : str or pathlib.Path or None
        Of the page, to which a link is relative; None: the current folder.

    Returns
    -------
    str
    """
    media, embedded = _media(source, path)
    data = _page_data(detection, media)
    return fill_page("page.html", data=data, embedded=embedded)


def fill_page(template, **values):
    """A page from a template beside this module; values are escaped.

    The template has the filter `shown` (`shown_name`), the function
    `asset(name)`, the content of a file beside it, and `content_policy`.
    """
    return _templates.get_template(template).render(
        values, asset=_asset, policy=content_policy
    )


def relative_link(path):
    """A relative path as a link.

    Slashes on every system; bytes that are no UTF-8 stay what they are.
    """
    return urllib.parse.quote(os.fsencode(path.replace(os.sep, "/")))


def _asset(name):
    """The content of a file beside the templates, not escaped."""
    return markupsafe.Markup(_templates.loader.get_source(_templates, name)[0])


def _page_data(detection, media):
    """What the page's program reads.

    `events` and `boxes` (null of a median filter) are (onset, offset, index
    of the class, score), `tags` indices of classes, `frames` and `beyond`
    base64 of bytes 0 to 255, frame after frame, `pooled` frames of the model
    for each stored one of `frames`.
    """
    scores = detection.scores
    labels, note = shown_classes(detection)
    columns = [scores.labels.index(label) for label in labels]
    frames, pooled = pool_frames(scores.frame[:, columns], MAX_FRAMES)
    given, boxes = detection.parameters, _boxes(detection)

    def rows(events):
        return [
            [round(a, 6), round(b, 6), labels.index(label), round(score, 3)]
            for a, b, label, score in in_order(events)
            if label in labels
        ]

    return {
        "filename": shown_name(scores.filename),
        "duration": float(scores.duration),
        "labels": [shown_name(label) for label in labels],
        "note": note,
        "tags_note": shown_name(explained(detection.tags, detection.events)),
        "streams": {k: shown_name(v) for k, v in scores.streams.items()},
        "clip": [round(float(score), 3) for score in scores.clip[columns]],
        "tags": [labels.index(label) for label, _ in detection.tags],
        "events": rows(detection.events),
        "boxes": None if boxes is None else rows(boxes),
        "thresholds": given and given.thresholds[columns].tolist(),
        "windows": given and given.windows[columns].tolist(),
        "frame_hop": scores.frame_hop * pooled,
        "frames": _coded(frames),
        "beyond": _coded(scores.beyond[:, columns]),
        "pooled": pooled,
        "media": media,
    }


def _boxes(detection):
    """Boxes at lower thresholds too, the most certain; None of a filter."""
    parameters = detection.parameters
    if not has_boxes(parameters):
        return None
    least = np.full(len(parameters.labels), LEAST_CONFIDENCE)
    least = dataclasses.replace(parameters, thresholds=least)
    return events_of(detection.scores, least).nlargest(MAX_BOXES, "score")


def _coded(frames):
    """Probabilities as base64 of bytes 0 to 255."""
    coded = np.round(255 * np.clip(frames, 0, 1)).astype(np.uint8)
    return base64.b64encode(coded.tobytes()).decode()


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
        content = pathlib.Path(source).read_bytes()
        return media, base64.b64encode(content).decode()
    folder = os.path.dirname(os.path.abspath(path)) if path else os.getcwd()
    where = os.path.abspath(source)
    try:
        where = os.path.relpath(where, folder)
        link = relative_link(where)
    except ValueError:  # on another drive of Windows
        link = pathlib.Path(where).as_uri()
    return {**media, "link": link, "where": shown_name(where)}, ""
