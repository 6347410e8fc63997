"""From the scores of a recording to its events and tags.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import numpy as np

from speechbrain_mmsed.inference.errors import DetectionError
from speechbrain_mmsed.postprocessing.decode import decode
from speechbrain_mmsed.postprocessing.parameters import ClassParameters
from speechbrain_mmsed.postprocessing.scores import ClipScores

# The metric whose thresholds decide on tags.
TAG_METRIC = "cbf1"


def read_parameters(content):
    """Parameters of post-processing out of an exported folder.

    Arguments
    ---------
    content : dict
        Metric -> labels, thresholds, windows, tuned.

    Returns
    -------
    dict
        Metric -> ClassParameters.
    """
    return {
        metric: ClassParameters.from_dict(values)
        for metric, values in content.items()
    }


def parameters_for_events(parameters, metric):
    """Thresholds and windows that make events.

    Arguments
    ---------
    parameters : dict
        Metric -> ClassParameters.
    metric : str
        Its tuned values are wanted.

    Returns
    -------
    ClassParameters

    Raises
    ------
    DetectionError
        If there is no such metric, or it has no thresholds or no windows.
    """
    usable = [
        name
        for name, values in parameters.items()
        if values.thresholds is not None and values.windows is not None
    ]
    if metric not in usable:
        raise DetectionError(
            f"metric is {metric!r}, expected one whose thresholds and "
            f"windows make events: {', '.join(usable) or 'none is there'}"
        )
    return parameters[metric]


def events_of(scores, parameters):
    """Events of one recording.

    Arguments
    ---------
    scores : FileScores
        Its scores.
    parameters : ClassParameters
        Thresholds and windows.

    Returns
    -------
    pandas.DataFrame
        filename, onset, offset, event_label, score.
    """
    frame = np.concatenate([scores.frame, scores.beyond])
    events = decode(
        ClipScores(
            filenames=[scores.filename],
            durations=[scores.duration],
            labels=scores.labels,
            clip=scores.clip[None],
            frame=frame[None],
            has_video=[False],
            frame_hop=scores.frame_hop,
        ),
        parameters.thresholds,
        parameters.windows,
    )
    columns = events["event_label"].map(scores.labels.index)
    first = (events["onset"] / scores.frame_hop).round().astype(int)
    past = np.ceil(events["offset"] / scores.frame_hop - 1e-6).astype(int)
    events["score"] = [
        float(scores.frame[begin:end, column].mean())
        for begin, end, column in zip(first, past, columns, strict=True)
    ]
    return events


def tags_of(scores, parameters):
    """Tags of one recording.

    Arguments
    ---------
    scores : FileScores
        Its scores.
    parameters : ClassParameters or None
        Thresholds for tags; 0.5 without.

    Returns
    -------
    list of (str, float)
        Highest score first.
    """
    thresholds = 0.5 if parameters is None else parameters.thresholds
    chosen = scores.clip.astype(np.float64) > thresholds
    tags = [
        (scores.labels[index], float(scores.clip[index]))
        for index in np.flatnonzero(chosen)
    ]
    return sorted(tags, key=lambda tag: -tag[1])
