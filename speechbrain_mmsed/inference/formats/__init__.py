"""Forms in which a detection is written, one module for each.

Every format is a function of the detection, of the file that was listened to
and of the path to write to (only the page needs the last two), and returns
the text of the file. A further one is a module with `SUFFIX` and
`render`, and a line in FORMATS.

Authors
 * The speechbrain_mmsed authors, 2026
"""

from speechbrain_mmsed.files import write_text
from speechbrain_mmsed.inference.formats import (
    audacity,
    html,
    json_text,
    textgrid,
    tsv,
    webvtt,
)

FORMATS = {
    "tsv": tsv,
    "json": json_text,
    "audacity": audacity,
    "textgrid": textgrid,
    "webvtt": webvtt,
    "html": html,
}


def write_detection(detection, form, path, source=None):
    """Writes a detection in one of the forms, whole or not at all.

    Arguments
    ---------
    detection : Detection
        Events and scores of a file.
    form : str
        A key of FORMATS.
    path : str or pathlib.Path
        Where to; conventionally with the form's SUFFIX.
    source : str or pathlib.Path or None
        The file that was listened to, which the page plays.

    Raises
    ------
    ValueError
        If the form is unknown; names those there are.

    Example
    -------
    >>> sorted(FORMATS)
    ['audacity', 'html', 'json', 'textgrid', 'tsv', 'webvtt']
    """
    if form not in FORMATS:
        raise ValueError(
            f"unknown format {form!r}, expected one of {', '.join(FORMATS)}"
        )
    write_text(path, FORMATS[form].render(detection, source, path))
