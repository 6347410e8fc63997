"""A TextGrid for Praat: one interval tier for each class of the model.

Tiers of intervals have no gaps: what is no event is an interval with an
empty text. All classes have a tier, also those that were not found, so that
the files of a folder have the same tiers and can be corrected by hand.

Authors
 * The speechbrain_mmsed authors, 2026
"""

from speechbrain_mmsed.inference.formats.values import in_order, shown_name

SUFFIX = ".TextGrid"


def render(detection, source=None, path=None):
    """The TextGrid in Praat's long text form.

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
    labels = list(detection.scores.labels)
    end = float(detection.scores.duration)
    rows = in_order(detection.events)
    lines = [
        'File type = "ooTextFile"',
        'Object class = "TextGrid"',
        "",
        "xmin = 0",
        f"xmax = {end:.6f}",
        "tiers? <exists>",
        f"size = {len(labels)}",
        "item []:",
    ]
    for number, label in enumerate(labels, start=1):
        spans = [(a, b) for a, b, name, _ in rows if name == label]
        intervals = without_gaps(spans, end)
        lines += [
            f"    item [{number}]:",
            '        class = "IntervalTier"',
            f"        name = {_quoted(label)}",
            "        xmin = 0",
            f"        xmax = {end:.6f}",
            f"        intervals: size = {len(intervals)}",
        ]
        for place, (begin, stop, is_event) in enumerate(intervals, start=1):
            lines += [
                f"        intervals [{place}]:",
                f"            xmin = {begin:.6f}",
                f"            xmax = {stop:.6f}",
                f"            text = {_quoted(label if is_event else '')}",
            ]
    return "\n".join(lines) + "\n"


def without_gaps(spans, end):
    """Events and what lies between them, from 0 to the end.

    Arguments
    ---------
    spans : list of tuple
        (onset, offset) in seconds, sorted, without overlaps.
    end : float
        Seconds.

    Returns
    -------
    list of tuple
        (begin, stop, whether it is an event); none is empty.

    Example
    -------
    >>> without_gaps([(1.0, 2.0)], 10.0)
    [(0.0, 1.0, False), (1.0, 2.0, True), (2.0, 10.0, False)]
    """
    intervals, at = [], 0.0
    # Compared as they are written, or an interval could be written empty.
    spans = [(round(a, 6), round(min(b, end), 6)) for a, b in spans]
    for begin, stop in spans:
        if stop <= begin:
            continue
        if begin > at:
            intervals.append((at, begin, False))
        intervals.append((begin, stop, True))
        at = stop
    if round(end, 6) > at or not intervals:
        intervals.append((at, end, False))
    return intervals


def _quoted(text):
    """A string of Praat: quotes inside are doubled."""
    return '"' + shown_name(text).replace('"', '""') + '"'
