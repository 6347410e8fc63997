"""How names, times, events and scores are written in every format.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import os

import numpy as np

# Rows of a page or a picture that one can look at.
MOST_CLASSES, FEWEST = 60, 5


def shown_name(name):
    """A file's name as one line of valid text.

    Names on disk may hold tabs, line breaks and bytes that are no UTF-8, which
    would break a table. Control characters become escapes, undecodable bytes
    U+FFFD.

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

    Example
    -------
    >>> seconds_text(4 * 0.1565), seconds_text(10.0)
    ('0.626', '10.0')
    """
    text = f"{float(seconds):.6f}".rstrip("0")
    return text + "0" if text.endswith(".") else text


def in_order(events):
    """Rows (onset, offset, label, score) of a table of events, sorted."""
    columns = ["onset", "offset", "event_label", "score"]
    rows = events[columns].itertuples(index=False, name=None)
    return sorted(
        (float(onset), float(offset), str(label), float(score))
        for onset, offset, label, score in rows
    )


def shown_classes(detection):
    """Labels that have a row in pictures and pages, and what to say of it.

    All of up to MOST_CLASSES. Of more, those with an event or among the tags,
    and the most probable where these are fewer than FEWEST. Returns labels in
    the detector's order, and a note that is empty if all are shown.
    """
    labels = list(detection.scores.labels)
    if len(labels) <= MOST_CLASSES:
        return labels, ""
    found = {*detection.events["event_label"], *dict(detection.tags)}
    likely = np.argsort(-detection.scores.clip, kind="stable")[:FEWEST]
    if len(found) < FEWEST:
        found |= {labels[i] for i in likely}
    chosen = [label for label in labels if label in found]
    return chosen, (
        f"{len(chosen)} of {len(labels)} classes are shown: those ever above "
        f"their threshold, or the {FEWEST} most probable"
    )


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
    starts = np.arange(0, len(frame), pooled)
    return np.maximum.reduceat(frame, starts, axis=0), pooled
