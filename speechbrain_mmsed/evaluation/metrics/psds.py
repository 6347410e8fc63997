"""Polyphonic sound detection scores by psds_eval, the official library.

Section 3.1.4: two scenarios (Table 4), 50 operating points with thresholds
0.01, 0.03 ... 0.99. Every figure here comes from psds_eval itself; the fast
counts of `psds_counts.py` serve the choice of windows and the many small
subsets of a report, and tests hold them to what this module returns.

psds_eval gives wrong figures without a word in three cases, which are caught
here: detections in a clip whose duration is unknown, classes without
reference events (their rates are never initialised), and a reference with a
single class (the mean over no cross-triggers makes every rate NaN).

Authors
 * The speechbrain_mmsed authors, 2026
"""

import contextlib
import importlib.metadata
import warnings

import numpy as np
import pandas as pd

from speechbrain_mmsed.evaluation.metrics.checks import check_same_clips
from speechbrain_mmsed.evaluation.metrics.psd_roc import curves_of_points
from speechbrain_mmsed.evaluation.metrics.psds_batch import add_operating_points
from speechbrain_mmsed.evaluation.metrics.psds_curves import class_areas
from speechbrain_mmsed.evaluation.metrics.psds_scenarios import (
    SCENARIOS,
    THRESHOLDS,
    Scenario,
    empty_result,
    scenario_of,
)
from speechbrain_mmsed.postprocessing.decode import EVENT_COLUMNS, decode

__all__ = [
    "SCENARIOS",
    "THRESHOLDS",
    "Scenario",
    "psds",
    "psds_of_operating_points",
]

# With more clips, psds_eval's overhead per operating point matters less than
# the memory of all points at once.
BATCHED_CLIPS = 200


def psds(scores, truth, windows, scenario):
    """One polyphonic sound detection score of scored clips.

    Arguments
    ---------
    scores : ClipScores
        Scores of N clips, those of the ground truth.
    truth : GroundTruth
        Reference events and durations.
    windows : numpy.ndarray
        (C,) odd median windows in frames.
    scenario : str or Scenario
        "psds1" or "psds2", or parameters.

    Returns
    -------
    dict
        See `psds_of_operating_points`.
    """
    check_same_clips(scores, truth)
    tables = [
        decode(scores, np.full(len(scores.labels), threshold), windows)
        for threshold in THRESHOLDS
    ]
    batched = len(truth.durations) <= BATCHED_CLIPS
    return psds_of_operating_points(tables, truth, scenario, batched)


def psds_of_operating_points(tables, truth, scenario, batched=False):
    """One polyphonic sound detection score of a list of event tables.

    Arguments
    ---------
    tables : list of pandas.DataFrame
        One per operating point, columns filename, onset, offset,
        event_label.
    truth : GroundTruth
        Reference events and durations.
    scenario : str or Scenario
        "psds1" or "psds2", or parameters.
    batched : bool
        Whether psds_eval matches the events of many points at once (see
        `psds_batch.py`): the same figure, sooner for small corpora.

    Returns
    -------
    dict
        value (float 0 to 1, None where undefined), class_wise (label ->
        area under the class's own PSD-ROC, or None), averaged_classes,
        excluded_classes (no reference event longer than 0 s), reason (why
        value is None), computed_by (library and version), curves (as
        `curves_of_points`, absent where there is no value).

    Raises
    ------
    ValueError
        Listing clips that have no duration, or unknown labels.

    Example
    -------
    >>> from speechbrain_mmsed.evaluation.metrics.truth import GroundTruth
    >>> events = pd.DataFrame(
    ...     [["a.wav", 0.0, 2.0, "Dog"], ["a.wav", 1.0, 4.0, "Cat"]],
    ...     columns=["filename", "onset", "offset", "event_label"],
    ... )
    >>> truth = GroundTruth(events, {"a.wav": 10.0}, ["Dog", "Cat"])
    >>> result = psds_of_operating_points([events], truth, "psds1")
    >>> round(result["value"], 6), result["averaged_classes"]
    (1.0, ['Dog', 'Cat'])
    """
    scenario = scenario_of(scenario)
    for table in tables:
        _check_table(table, truth)
    events = _lasting(truth.events)
    found = set(events["event_label"])
    present = [label for label in truth.labels if label in found]
    result = empty_result(truth.labels, present, scenario)
    result["computed_by"] = f"psds_eval {_version()}"
    if result["reason"] is not None:
        return result
    evaluation = _evaluate(tables, truth, events, present, scenario, batched)
    result.update(_value_areas_curves(evaluation, present, scenario))
    result["class_wise"] = {
        label: result["class_wise"].get(label) for label in truth.labels
    }
    return result


def _check_table(table, truth):
    """Refuse what psds_eval would swallow."""
    missing = [name for name in EVENT_COLUMNS if name not in table]
    if missing:
        raise ValueError(
            f"operating point: columns {list(table)}, {missing} are missing; "
            "a table without events needs all four columns"
        )
    clips = sorted(set(table["filename"]) - set(truth.durations))
    if clips:
        more = "" if len(clips) <= 20 else f" and {len(clips) - 20} more"
        raise ValueError(
            f"operating point: {len(clips)} clips have detections but no "
            f"duration in the ground truth: {clips[:20]}{more}; add them to "
            "the table of durations"
        )
    labels = sorted(set(table["event_label"]) - set(truth.labels))
    if labels:
        raise ValueError(
            f"operating point: labels {labels}, expected {truth.labels}"
        )


def _lasting(events):
    """Events longer than 0 s; psds_eval drops the others."""
    return events[events["offset"] > events["onset"]]


def _evaluate(tables, truth, events, present, scenario, batched):
    """A PSDSEval object that holds every operating point."""
    metadata = pd.DataFrame(
        {
            "filename": list(truth.durations),
            "duration": list(truth.durations.values()),
        }
    )
    events = events[EVENT_COLUMNS]
    with quiet():
        from psds_eval import PSDSEval

        def make(ground_truth, metadata):
            return PSDSEval(
                scenario.detection_tolerance,
                scenario.ground_truth_intersection,
                scenario.cross_trigger_tolerance,
                duration_unit="hour",
                ground_truth=ground_truth,
                metadata=metadata,
            )

        evaluation = make(events, metadata)
        distinct = []
        for table in tables:
            # Classes without reference take part in no rate.
            table = table[table["event_label"].isin(present)][EVENT_COLUMNS]
            table = table.reset_index(drop=True)
            # A repeated point changes no curve and costs as much as a new one.
            if not distinct or not table.equals(distinct[-1]):
                distinct.append(table)
        if batched:
            add_operating_points(evaluation, make, events, metadata, distinct)
        else:
            for table in distinct:
                evaluation.add_operating_point(table)
    return evaluation


def _value_areas_curves(evaluation, present, scenario):
    """The score, and the classes' own areas from psds_eval's rates."""
    points = evaluation.operating_points
    order = sorted(present)
    with quiet():
        hits = np.stack(points["tpr"].tolist())
        rates = np.stack(points["fpr"].tolist())
        if scenario.cross_trigger_cost > 0:
            cross = np.nanmean(np.stack(points["ctr"].tolist()), axis=2)
            rates = rates + scenario.cross_trigger_cost * cross
        areas = class_areas(hits, rates, scenario.max_rate)
        if len(present) == 1:
            # psds_eval returns 0 here, because it multiplies the mean of no
            # cross-triggers by 0. With one class there is no deviation
            # either, so the score is that class's own area.
            value = areas[0]
        else:
            value = evaluation.psds(
                alpha_ct=scenario.cross_trigger_cost,
                alpha_st=scenario.instability_cost,
                max_efpr=scenario.max_rate,
            ).value
    return {
        "value": float(value),
        "class_wise": dict(zip(order, map(float, areas), strict=True)),
        "curves": curves_of_points(order, hits, rates, scenario),
    }


@contextlib.contextmanager
def quiet():
    """Silence psds_eval, which warns at every point about its own code.

    pandas and numpy warn of calls that the pinned versions still support,
    and of the mean over a class's (empty) cross-triggers with itself.
    """
    with warnings.catch_warnings():
        for kind in (FutureWarning, DeprecationWarning, RuntimeWarning):
            warnings.simplefilter("ignore", kind)
        warnings.filterwarnings("ignore", "A similar operating point")
        yield


def _version():
    """Version of psds_eval; PSDS2 changed between 0.3 and 0.5."""
    return importlib.metadata.version("psds_eval")
