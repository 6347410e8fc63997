"""sed_eval's metrics, set up as this package reports them (section 3.1.4).

Authors
 * The speechbrain_mmsed authors, 2026
"""

import warnings

from speechbrain_mmsed.evaluation.metrics.checks import check_predictions

SEGMENT_SECONDS = 1.0
COLLAR_SECONDS = 0.2
COLLAR_SHARE = 0.2


def segment_metrics(labels):
    """Counts of segments of 1 s.

    Arguments
    ---------
    labels : list of str
        C class labels.

    Returns
    -------
    sed_eval.sound_event.SegmentBasedMetrics
    """
    return _import_sed_eval().sound_event.SegmentBasedMetrics(
        event_label_list=labels, time_resolution=SEGMENT_SECONDS
    )


def event_metrics(labels):
    """Counts of events, optimally matched.

    Arguments
    ---------
    labels : list of str
        C class labels.

    Returns
    -------
    sed_eval.sound_event.EventBasedMetrics
    """
    return _import_sed_eval().sound_event.EventBasedMetrics(
        event_label_list=labels,
        t_collar=COLLAR_SECONDS,
        percentage_of_length=COLLAR_SHARE,
        event_matching_type="optimal",
    )


def evaluated_clips(metrics, events, truth):
    """Gives all clips to a metric, one after the other.

    Arguments
    ---------
    metrics : object
        One of the two above; its counts grow.
    events : pandas.DataFrame
        Columns filename, onset, offset (seconds), event_label.
    truth : GroundTruth
        Reference.

    Yields
    ------
    str
        Name of the clip that was added last.
    """
    missing = sorted({"onset", "offset"} - set(events))
    if missing:
        raise ValueError(f"predicted events have no column {missing}")
    check_predictions(events, truth)
    reference = group_events(truth.events, truth)
    estimated = group_events(events, truth)
    for filename in truth.durations:
        metrics.evaluate(reference[filename], estimated[filename])
        yield filename


def group_events(events, truth):
    """Events of every clip as the lists of dicts that sed_eval takes.

    Arguments
    ---------
    events : pandas.DataFrame
        Columns filename, onset, offset, event_label.
    truth : GroundTruth
        Its clips are the keys.

    Returns
    -------
    dict
        For each file name a list, empty without events.
    """
    columns = ["filename", "onset", "offset", "event_label"]
    lists = {filename: [] for filename in truth.durations}
    for row in events[columns].itertuples(index=False, name=None):
        lists[row[0]].append(dict(zip(columns, row, strict=True)))
    return lists


def _import_sed_eval():
    """Import sed_eval without dcase_util's deprecation warnings."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import sed_eval
    return sed_eval
