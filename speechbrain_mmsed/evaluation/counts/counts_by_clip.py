"""Counts behind an F1, kept by clip, by the official libraries.

Counts add over clips, so each clip is matched once, however often it is drawn
for an interval (`Counts.figures`).

By intersection, as in the DCASE challenges since 2021: a detection is good
where events of its class cover at least half of it, an event is found where
good detections cover at least half of it. Counted by psds_eval's own steps;
its `compute_macro_f_score` gives the macro average alone.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import numpy as np
import pandas as pd

from speechbrain_mmsed.evaluation.counts.counts import Counts
from speechbrain_mmsed.evaluation.metrics.f1 import (
    COLLAR_SECONDS,
    COLLAR_SHARE,
    SEGMENT_SECONDS,
    evaluated_clips,
    event_metrics,
    segment_metrics,
)
from speechbrain_mmsed.evaluation.metrics.psds import quiet
from speechbrain_mmsed.evaluation.metrics.truth import (
    check_predictions,
    overlapping,
)
from speechbrain_mmsed.postprocessing.decode import EVENT_COLUMNS
from speechbrain_mmsed.versions import version_of

TOLERANCE = 0.5


def clip_counts(tags, truth):
    """Labels found in each clip (N, C), as `clip_f1` counts them."""
    check_predictions(tags, truth)
    reference = truth.tags(list(truth.durations)).astype(np.int64)
    predicted = np.minimum(_tally(tags, "event_label", truth), 1)
    return Counts(
        list(truth.durations),
        list(truth.labels),
        reference & predicted,
        predicted,
        reference,
        "F1 of clip labels: a label of a clip is found where it is predicted",
        "speechbrain_mmsed",
    )


def segment_counts(events, truth):
    """Active segments of each clip (N, C), as `segment_f1` counts them."""
    definition = f"F1 of segments of {SEGMENT_SECONDS:g} s"
    return _by_sed_eval(segment_metrics, events, truth, definition)


def event_counts(events, truth):
    """Events of each clip (N, C), as `event_f1` counts them."""
    definition = (
        f"F1 of events: onset within {COLLAR_SECONDS:g} s, offset within the "
        f"larger of {COLLAR_SECONDS:g} s and {COLLAR_SHARE:.0%} of the event"
    )
    return _by_sed_eval(event_metrics, events, truth, definition)


def _by_sed_eval(metrics, events, truth, definition):
    """What a sed_eval metric adds to its counts at every clip."""
    metrics = metrics(truth.labels)
    sums = np.zeros((len(truth.durations) + 1, 3, len(truth.labels)))
    for number, _ in enumerate(evaluated_clips(metrics, events, truth), 1):
        sums[number] = [
            [metrics.class_wise[label][name] for label in truth.labels]
            for name in ("Ntp", "Nsys", "Nref")
        ]
    tp, nsys, nref = np.diff(sums, axis=0).astype(np.int64).swapaxes(0, 1)
    return Counts(
        list(truth.durations),
        list(truth.labels),
        tp,
        nsys,
        nref,
        definition,
        f"sed_eval {version_of('sed_eval')}",
    )


def intersection_counts(events, truth, tolerance=TOLERANCE):
    """Events of each clip (N, C) found by intersection; failed detections.

    `tolerance` is the share of a detection that events must cover, and of an
    event that good detections must cover (DTC = GTC). nsys is tp + fp: good
    detections that share an event do not count twice. Events and detections
    of no length are left out.

    Example
    -------
    >>> from speechbrain_mmsed.evaluation.metrics.truth import GroundTruth
    >>> rows = [["a.wav", 0.0, 4.0, "Dog"], ["a.wav", 5.0, 7.0, "Dog"]]
    >>> truth = GroundTruth.of_rows(rows, {"a.wav": 10.0}, ["Dog"])
    >>> halves = truth.events.assign(offset=[2.0, 6.0])
    >>> counts = intersection_counts(halves, truth)
    >>> counts.tp.item(), counts.nsys.item()
    (2, 2)
    """
    missing = sorted(set(EVENT_COLUMNS) - set(events))
    if missing:
        raise ValueError(f"predicted events have no column {missing}")
    check_predictions(events, truth)
    events = events[EVENT_COLUMNS].reset_index(drop=True)
    events = events[events["offset"] > events["onset"]]
    # psds_eval names no clip.
    if (bad := overlapping(events)).any():
        clips = sorted(events["filename"][bad].unique())
        raise ValueError(
            f"{len(clips)} clips have overlapping predictions of one class: "
            f"{clips[:20]}; merge them. The first is "
            f"{events[bad].iloc[0].to_dict()}"
        )
    reference = truth.events[truth.events["offset"] > truth.events["onset"]]
    known = events["event_label"].isin(set(reference["event_label"]))
    nref = _tally(reference, "event_label", truth)
    # Whatever a class without reference detects within a clip has failed.
    within = events["onset"] < events["filename"].map(truth.durations)
    failed = _tally(events[~known & within], "event_label", truth)
    tp = np.zeros_like(nref)
    if known.any():
        found, wrong = _match(events[known], reference, truth, tolerance)
        tp = _tally(found, "event_label_gt", truth)
        failed = failed + _tally(wrong, "event_label_det", truth)
    return Counts(
        list(truth.durations),
        list(truth.labels),
        tp,
        tp + failed,
        nref,
        f"F1 of events by intersection (DTC = GTC = {tolerance:g})",
        f"psds_eval {version_of('psds_eval')}",
    )


def _match(events, reference, truth, tolerance):
    """psds_eval's tables of events found and of failed detections."""
    with quiet():
        from psds_eval import PSDSEval
        from psds_eval.psds import WORLD

        metadata = pd.DataFrame(
            truth.durations.items(), columns=["filename", "duration"]
        )
        evaluation = PSDSEval(
            tolerance, tolerance, ground_truth=reference, metadata=metadata
        )
        detections = evaluation._init_det_table(events)
        crossing = evaluation._ground_truth_intersections(
            detections, evaluation.ground_truth
        )
        found, good = evaluation._detection_and_ground_truth_criteria(crossing)
        failed = evaluation._cross_trigger_criterion(crossing, found, good)
    failed = failed[failed["event_label_gt"] == WORLD]
    return found.drop_duplicates("id_gt"), failed.drop_duplicates("id_det")


def _tally(table, column, truth):
    """(N, C) number of rows of each clip and class."""
    counts = pd.crosstab(table["filename"], table[column])
    counts = counts.reindex(
        index=list(truth.durations), columns=truth.labels, fill_value=0
    )
    return counts.to_numpy(dtype=np.int64)
