"""Subtitles: events as cues that any player or browser shows (WebVTT).

Authors
 * The speechbrain_mmsed authors, 2026
"""

from speechbrain_mmsed.inference.formats.values import in_order, shown_name

SUFFIX = ".vtt"


def render(detection, source=None, path=None):
    """The subtitle file.

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
    cues = [
        f"{_cue_times(onset, offset)}\n{_escaped(label)}\n"
        for onset, offset, label, _ in in_order(detection.events)
    ]
    return "\n".join(["WEBVTT\n", *cues])


def timestamp(milliseconds):
    """A time as WebVTT writes it.

    Arguments
    ---------
    milliseconds : int
        A time, >= 0.

    Returns
    -------
    str

    Example
    -------
    >>> timestamp(3_723_004)
    '01:02:03.004'
    """
    seconds, milliseconds = divmod(milliseconds, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}:{seconds:02d}.{milliseconds:03d}"


def _cue_times(onset, offset):
    """Start and end; a cue must end after it starts."""
    begin = round(1000 * onset)
    end = max(round(1000 * offset), begin + 1)
    return f"{timestamp(begin)} --> {timestamp(end)}"


def _escaped(text):
    """Characters with a meaning in a cue; `-->` may not stand there."""
    text = shown_name(text).replace("&", "&amp;")
    return text.replace("<", "&lt;").replace(">", "&gt;")
