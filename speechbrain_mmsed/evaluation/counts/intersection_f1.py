"""F1 of events by intersection, as in the DCASE challenges since 2021.

A detection is good where events of its class cover at least half of it
(detection tolerance 0.5); an event is found where good detections cover at
least half of it (ground-truth intersection 0.5). Unlike the event-based F1,
exact onsets do not matter, and several detections may share an event.

Counted by psds_eval's own steps; its `compute_macro_f_score` gives the macro
average alone, without counts and for classes with reference only.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import importlib.metadata

import numpy as np
import pandas as pd

from speechbrain_mmsed.evaluation.counts.counts_by_clip import CountsByClip
from speechbrain_mmsed.evaluation.metrics.psds import quiet
from speechbrain_mmsed.evaluation.metrics.truth import check_predictions
from speechbrain_mmsed.postprocessing.decode import EVENT_COLUMNS

TOLERANCE = 0.5


def intersection_f1(events, truth, tolerance=TOLERANCE):
    """F1 of events by intersection.

    Arguments
    ---------
    events : pandas.DataFrame
        Columns filename, onset, offset (seconds), event_label.
    truth : GroundTruth
        Reference.
    tolerance : float
        Share of a detection that events must cover, and of an event that
        good detections must cover (DTC = GTC).

    Returns
    -------
    dict
        As `summarise`, with definition, n_classes and computed_by. nsys is
        tp + fp: good detections that share an event do not count twice.
        Events and detections of no length are left out.

    Example
    -------
    >>> from speechbrain_mmsed.evaluation.metrics.truth import GroundTruth
    >>> rows = [["a.wav", 0.0, 4.0, "Dog"], ["a.wav", 5.0, 7.0, "Dog"]]
    >>> truth = GroundTruth(
    ...     pd.DataFrame(rows, columns=EVENT_COLUMNS), {"a.wav": 10.0}, ["Dog"]
    ... )
    >>> rows = [["a.wav", 0.0, 1.0, "Dog"], ["a.wav", 2.0, 3.5, "Dog"]]
    >>> events = pd.DataFrame(rows, columns=EVENT_COLUMNS)
    >>> figures = intersection_f1(events, truth)
    >>> figures["counts"]["tp"], figures["counts"]["fp"]
    (1, 0)
    """
    return intersection_counts(events, truth, tolerance).result()


def intersection_counts(events, truth, tolerance=TOLERANCE):
    """Events found and failed detections of each clip.

    Arguments
    ---------
    events : pandas.DataFrame
        Columns filename, onset, offset (seconds), event_label.
    truth : GroundTruth
        Reference.
    tolerance : float
        As for `intersection_f1`.

    Returns
    -------
    CountsByClip
    """
    missing = sorted(set(EVENT_COLUMNS) - set(events))
    if missing:
        raise ValueError(f"predicted events have no column {missing}")
    check_predictions(events, truth)
    events = events[EVENT_COLUMNS].reset_index(drop=True)
    events = events[events["offset"] > events["onset"]]
    _refuse_overlaps(events)
    reference = truth.events[truth.events["offset"] > truth.events["onset"]]
    present = set(reference["event_label"])
    known = events["event_label"].isin(present)
    filenames, labels = list(truth.durations), list(truth.labels)
    nref = _tally(reference, "event_label", filenames, labels)
    # Whatever a class without reference detects within a clip has failed.
    ends = events["filename"].map(truth.durations)
    failed = _tally(
        events[~known & (events["onset"] < ends)],
        "event_label",
        filenames,
        labels,
    )
    tp = np.zeros_like(nref)
    if present and known.any():
        found, wrong = _match(events[known], reference, truth, tolerance)
        tp += _tally(found, "event_label_gt", filenames, labels)
        failed += _tally(wrong, "event_label_det", filenames, labels)
    version = importlib.metadata.version("psds_eval")
    return CountsByClip(
        filenames,
        labels,
        tp,
        tp + failed,
        nref,
        f"F1 of events by intersection (DTC = GTC = {tolerance:g})",
        f"psds_eval {version}",
    )


def _match(events, reference, truth, tolerance):
    """psds_eval's tables of events found and of failed detections."""
    with quiet():
        from psds_eval import PSDSEval
        from psds_eval.psds import WORLD

        metadata = pd.DataFrame(
            {
                "filename": list(truth.durations),
                "duration": list(truth.durations.values()),
            }
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


def _tally(table, column, filenames, labels):
    """(N, C) number of rows of each clip and class."""
    clips = {name: index for index, name in enumerate(filenames)}
    classes = {name: index for index, name in enumerate(labels)}
    counts = np.zeros((len(filenames), len(labels)), dtype=np.int64)
    index = (
        table["filename"].map(clips).to_numpy(dtype=np.int64),
        table[column].map(classes).to_numpy(dtype=np.int64),
    )
    np.add.at(counts, index, 1)
    return counts


def _refuse_overlaps(events):
    """Detections of one class must not overlap; psds_eval names no clip."""
    ordered = events.sort_values(["filename", "event_label", "onset", "offset"])
    previous = ordered.shift()
    overlaps = (
        (ordered["filename"] == previous["filename"])
        & (ordered["event_label"] == previous["event_label"])
        & (ordered["onset"] < previous["offset"])
    )
    if overlaps.any():
        clips = sorted(ordered["filename"][overlaps].unique())
        raise ValueError(
            f"{len(clips)} clips have overlapping predictions of one class: "
            f"{clips[:20]}; merge them. The first is "
            f"{ordered[overlaps].iloc[0].to_dict()}"
        )
