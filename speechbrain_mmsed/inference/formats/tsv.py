"""A table of events, tab-separated: DESED's columns and a score.

The first four columns are those of DESED's annotations, so that the tables
can be given to any evaluation of this field. A file without events has a row
with its name and nothing else, as there.

Authors
 * The speechbrain_mmsed authors, 2026
"""

from speechbrain_mmsed.inference.formats.values import (
    in_order,
    seconds_text,
    shown_name,
)

SUFFIX = ".tsv"
HEADER = "filename\tonset\toffset\tevent_label\tscore\n"


def render(detection, source=None, path=None):
    """The table of one file.

    Arguments
    ---------
    detection : Detection
        Its events.
    source, path : object
        Not needed.

    Returns
    -------
    str
    """
    events = in_order(detection.events)
    return HEADER + rows_of(detection.scores.filename, events)


def rows_of(filename, events):
    """The rows of one file, without the header.

    Arguments
    ---------
    filename : str
        What stands in the first column.
    events : list of tuple
        (onset, offset, label, score) by onset; seconds, score 0 to 1.

    Returns
    -------
    str
        Lines.

    Example
    -------
    >>> rows_of("a.mp4", [(0.626, 1.252, "Dog", 0.9)])
    'a.mp4\\t0.626\\t1.252\\tDog\\t0.9000\\n'
    """
    name = shown_name(filename)
    lines = [
        f"{name}\t{seconds_text(onset)}\t{seconds_text(offset)}\t{label}\t"
        f"{score:.4f}\n"
        for onset, offset, label, score in events
    ]
    return "".join(lines) or f"{name}\t\t\t\t\n"
