"""Formats in which a detection is written.

A further one is a function of the detection, of the file that was listened to
and of the path to write to, which returns the text, and a line in FORMATS.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import os
from collections.abc import Callable
from typing import NamedTuple

from speechbrain_mmsed.files import write_text
from speechbrain_mmsed.inference.formats import annotations, html, text
from speechbrain_mmsed.inference.formats.picture import (
    PICTURES,
    draw,
    write_picture,
)

__all__ = ["FORMATS", "draw", "form_of", "write_detection"]


class Format(NamedTuple):
    """A format: the suffix of its files and the function that makes them."""

    suffix: str
    render: Callable


FORMATS = {
    "tsv": Format(".tsv", text.tsv_text),
    "csv": Format(".csv", text.csv_text),
    "json": Format(".json", text.json_text),
    "audacity": Format(".txt", text.audacity_text),
    "audacity_scores": Format(".scores.txt", text.audacity_scores_text),
    "textgrid": Format(".TextGrid", text.textgrid_text),
    "raven": Format(".selections.txt", annotations.raven_text),
    "rttm": Format(".rttm", annotations.rttm_text),
    "labelstudio": Format(".labelstudio.json", annotations.label_studio_text),
    "webvtt": Format(".vtt", text.webvtt_text),
    "srt": Format(".srt", text.srt_text),
    "html": Format(".html", html.render),
}


def form_of(path):
    """The format or kind of picture whose files end as a path does.

    The longest suffix counts. Raises a ValueError if there is none.

    Example
    -------
    >>> form_of("a.csv"), form_of("a.scores.txt"), form_of("a.PNG")
    ('csv', 'audacity_scores', '.png')
    """
    suffixes = {form.suffix: name for name, form in FORMATS.items()}
    suffixes |= {suffix: suffix for suffix in PICTURES}
    name = os.path.basename(os.fspath(path)).lower()
    found = [s for s in suffixes if name.endswith(s.lower())]
    if not found:
        raise ValueError(
            f"{path}: no format has files that end so; expected one of "
            f"{', '.join(suffixes)}"
        )
    return suffixes[max(found, key=len)]


def write_detection(detection, form, path, source=None):
    """Writes a detection in one of the formats, whole or not at all.

    Arguments
    ---------
    detection : Detection
        Events and scores of a file.
    form : str or None
        A key of FORMATS; None: as `form_of` the path.
    path : str or pathlib.Path
        Where to; conventionally with the format's suffix.
    source : str or pathlib.Path or None
        The file that was listened to, which the page plays.

    Raises
    ------
    ValueError
        If the format is unknown; names those there are.

    Example
    -------
    >>> FORMATS["raven"].suffix
    '.selections.txt'
    """
    form = form or form_of(path)
    if form in PICTURES:
        return write_picture(detection, path)
    if form not in FORMATS:
        raise ValueError(
            f"unknown format {form!r}, expected one of {', '.join(FORMATS)}"
        )
    return write_text(path, FORMATS[form].render(detection, source, path))
