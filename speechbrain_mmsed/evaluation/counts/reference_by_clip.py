"""Reference events as arrays by clip, for counts of PSDS.

Events of no length are left out, as psds_eval leaves them out.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import numpy as np


def lasting_events(truth, filenames):
    """Reference events longer than 0 s.

    Arguments
    ---------
    truth : GroundTruth
        Reference of the clips.
    filenames : list of str
        N clips.

    Returns
    -------
    dict
        Arrays of R events in order of clip: clip and label (indices),
        onset and offset (seconds).
    """
    clips = {name: index for index, name in enumerate(filenames)}
    labels = {name: index for index, name in enumerate(truth.labels)}
    events = truth.events[truth.events["offset"] > truth.events["onset"]]
    columns = {
        "clip": events["filename"].map(clips).to_numpy(dtype=np.int64),
        "label": events["event_label"].map(labels).to_numpy(dtype=np.int64),
        "onset": events["onset"].to_numpy(dtype=np.float64),
        "offset": events["offset"].to_numpy(dtype=np.float64),
    }
    order = np.argsort(columns["clip"], kind="stable")
    return {name: column[order] for name, column in columns.items()}


def reference_totals(events, n_clips, n_classes):
    """Number and length of the reference events of each clip.

    Arguments
    ---------
    events : dict
        As `lasting_events` returns.
    n_clips, n_classes : int
        N and C.

    Returns
    -------
    tuple of numpy.ndarray
        (N, C) number of events, (N, C) their seconds.

    Example
    -------
    >>> events = {
    ...     "clip": np.array([1, 1]),
    ...     "label": np.array([0, 0]),
    ...     "onset": np.array([0.0, 2.0]),
    ...     "offset": np.array([1.0, 5.0]),
    ... }
    >>> [total.tolist() for total in reference_totals(events, 2, 1)]
    [[[0.0], [2.0]], [[0.0], [4.0]]]
    """
    at = (events["clip"], events["label"])
    number = np.zeros((n_clips, n_classes))
    seconds = np.zeros((n_clips, n_classes))
    np.add.at(number, at, 1.0)
    np.add.at(seconds, at, events["offset"] - events["onset"])
    return number, seconds
