"""How names and times stand in text files.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import os


def shown_name(name):
    """A file's name as one line of valid text.

    Names on disk may hold tabs, line breaks and bytes that are no UTF-8; a
    table that took them as they are would be broken.

    Arguments
    ---------
    name : str or os.PathLike
        A name as the operating system gives it.

    Returns
    -------
    str
        Control characters as escapes, undecodable bytes as U+FFFD.

    Example
    -------
    >>> shown_name("a\\tb.wav")
    'a\\\\tb.wav'
    """
    raw = os.fspath(name).encode("utf-8", "surrogateescape")
    text = raw.decode("utf-8", "replace")
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode()
        for c in text
    )


def seconds_text(seconds):
    """A time with at most six decimals, as short as it can be.

    Arguments
    ---------
    seconds : float
        A time, >= 0.

    Returns
    -------
    str

    Example
    -------
    >>> seconds_text(4 * 0.1565), seconds_text(10.0)
    ('0.626', '10.0')
    """
    text = f"{float(seconds):.6f}".rstrip("0")
    return text + "0" if text.endswith(".") else text


def in_order(events):
    """Rows of a table of events by onset, then offset, then label.

    Arguments
    ---------
    events : pandas.DataFrame
        Columns onset, offset (seconds), event_label, score.

    Returns
    -------
    list of tuple
        (onset, offset, label, score).
    """
    columns = ["onset", "offset", "event_label", "score"]
    rows = events[columns].itertuples(index=False, name=None)
    return sorted(
        (float(onset), float(offset), str(label), float(score))
        for onset, offset, label, score in rows
    )
