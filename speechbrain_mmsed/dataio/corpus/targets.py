"""Targets of the network, made of annotations.

Section 3.1.5 of the paper: strong clips have frame-level labels, weak clips
have clip-level labels.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import numpy as np


def events_to_frames(events, labels, n_frames, frame_hop, duration):
    """Frame-level targets: an event covers every frame that it touches.

    Frame k is [k h, (k + 1) h), cut at the clip's end; an event is
    [onset, offset).

    Arguments
    ---------
    events : list
        (onset, offset, label), in seconds.
    labels : list of str
        Class labels, C.
    n_frames : int
        T.
    frame_hop : float
        h, in seconds.
    duration : float
        Of the clip, in seconds.

    Returns
    -------
    numpy.ndarray
        (T, C) float32 of 0 and 1.

    Example
    -------
    >>> frames = events_to_frames([(0.1, 0.3, "Dog")], ["Cat", "Dog"],
    ...     n_frames=4, frame_hop=0.25, duration=1.0)
    >>> frames.shape, frames[:, 1].tolist()
    ((4, 2), [1.0, 1.0, 0.0, 0.0])
    """
    columns = {label: c for c, label in enumerate(labels)}
    starts = np.arange(n_frames) * frame_hop
    ends = np.minimum((np.arange(n_frames) + 1) * frame_hop, duration)
    frames = np.zeros((n_frames, len(labels)), dtype=np.float32)
    for onset, offset, label in events:
        touched = (onset < ends) & (min(offset, duration) > starts)
        frames[touched, columns[label]] = 1.0
    return frames


def tags_to_vector(tags, labels):
    """Clip-level target.

    Arguments
    ---------
    tags : list of str
        Labels of the clip.
    labels : list of str
        Class labels, C.

    Returns
    -------
    numpy.ndarray
        (C,) float32 of 0 and 1.

    Example
    -------
    >>> tags_to_vector(["Dog"], ["Cat", "Dog"]).tolist()
    [0.0, 1.0]
    """
    vector = np.zeros(len(labels), dtype=np.float32)
    for tag in tags:
        vector[labels.index(tag)] = 1.0
    return vector
