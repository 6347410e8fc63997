"""Polyphonic sound detection scores by psds_eval, the official library.

Section 3.1.4: two scenarios (Table 4), 50 operating points with thresholds
0.01, 0.03 ... 0.99. Three cases in which psds_eval gives wrong figures without
a word are caught here: detections in a clip whose duration is unknown, classes
without reference events, and a reference with a single class.

Its `add_operating_point` pairs all detections of a clip with each other, and
its `psds` draws a curve for every pair of classes. As no count of a class
depends on the detections of others, its own steps work here on batches of
(point, class) of bounded size; the figures are the same.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import contextlib
import importlib.metadata
import warnings

import numpy as np
import pandas as pd

from speechbrain_mmsed.evaluation.metrics.psd_roc import (
    THRESHOLDS,
    class_areas,
    curves_of_points,
    empty_result,
    scenario_of,
)
from speechbrain_mmsed.evaluation.metrics.truth import (
    check_predictions,
    check_same_clips,
)
from speechbrain_mmsed.postprocessing.decode import EVENT_COLUMNS, decode

# Pairs of a detection and an event of its clip, and cells of (point, class)
# x class, in one batch.
PAIRS_AT_ONCE = 100_000
CELLS_AT_ONCE = 1_000_000
FILLNA = pd.DataFrame.fillna


def psds(scores, truth, windows, scenario):
    """One polyphonic sound detection score of scored clips.

    `windows` (C,) are odd median windows in frames; `scenario` is "psds1",
    "psds2" or a Scenario. Returns what `psds_of_operating_points` does.
    """
    points = operating_points(scores, truth, windows)
    return psds_of_operating_points(points, truth, scenario)


def operating_points(scores, truth, windows):
    """Tables of events at each of the 50 thresholds, for `psds`."""
    check_same_clips(scores, truth)
    return [
        decode(scores, np.full(len(scores.labels), threshold), windows)
        for threshold in THRESHOLDS
    ]


def psds_of_operating_points(tables, truth, scenario):
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

    Returns
    -------
    dict
        value (float 0 to 1, None where undefined), class_wise (label ->
        area under the class's own PSD-ROC, or None), averaged_classes,
        excluded_classes (no reference event longer than 0 s), reason (why
        value is None), computed_by (library and version), curves (as
        `curves_of_points`, absent where there is no value).

    Example
    -------
    >>> from speechbrain_mmsed.evaluation.metrics.truth import GroundTruth
    >>> rows = [["a.wav", 0.0, 2.0, "Dog"], ["a.wav", 1.0, 4.0, "Cat"]]
    >>> truth = GroundTruth.of_rows(rows, {"a.wav": 10.0}, ["Dog", "Cat"])
    >>> result = psds_of_operating_points([truth.events], truth, "psds1")
    >>> round(result["value"], 6), result["averaged_classes"]
    (1.0, ['Dog', 'Cat'])
    """
    scenario = scenario_of(scenario)
    labels, hits, rates = _rates(tables, truth, scenario)
    present = [label for label in truth.labels if label in labels]
    result = empty_result(truth.labels, present, scenario)
    # PSDS2 changed between psds_eval 0.3 and 0.5.
    version = importlib.metadata.version("psds_eval")
    result["computed_by"] = f"psds_eval {version}"
    if result["reason"] is not None:
        return result
    areas = class_areas(hits, rates, scenario.max_rate)
    result["class_wise"].update(zip(labels, areas, strict=True))
    # psds_eval returns 0 for one class, because it multiplies the mean of no
    # cross-triggers by 0. With one class there is no deviation either, so
    # the score is that class's own area.
    result["value"] = float(
        areas[0] if len(labels) == 1 else _score(hits, rates, scenario)
    )
    result["curves"] = curves_of_points(labels, hits, rates, scenario)
    return result


def areas_of_operating_points(tables, truth, scenario):
    """Areas (C,) of the classes; -1 for those without reference events."""
    scenario = scenario_of(scenario)
    labels, hits, rates = _rates(tables, truth, scenario)
    areas = class_areas(hits, rates, scenario.max_rate)
    found = dict(zip(labels, areas, strict=True))
    return np.array([found.get(label, -1.0) for label in truth.labels])


@contextlib.contextmanager
def quiet():
    """Let psds_eval 0.5.3 run under any pandas and numpy, without warnings."""
    from psds_eval import psds as library

    # numpy 2.4 makes no integer of an array, pandas 3 fills by `ffill` alone.
    library.int = lambda value: np.asarray(value).item()
    with warnings.catch_warnings():
        for kind in (FutureWarning, DeprecationWarning, RuntimeWarning):
            warnings.simplefilter("ignore", kind)
        warnings.filterwarnings("ignore", "A similar operating point")
        pd.DataFrame.fillna = _fillna
        try:
            yield
        finally:
            pd.DataFrame.fillna = FILLNA


def _fillna(frame, value=None, method=None):
    """DataFrame.fillna as psds_eval calls it."""
    return FILLNA(frame, value) if method is None else frame.ffill()


def _check_table(table, truth):
    """Refuse what psds_eval would swallow."""
    missing = [name for name in EVENT_COLUMNS if name not in table]
    if missing:
        raise ValueError(
            f"operating point: columns {list(table)}, {missing} are missing; "
            "a table without events needs all four columns"
        )
    check_predictions(table[["filename", "event_label"]], truth)


def _rates(tables, truth, scenario):
    """Sorted labels with reference; shares found and rates, both (P, C)."""
    for table in tables:
        _check_table(table, truth)
    # psds_eval drops events of no length.
    events = truth.events[truth.events["offset"] > truth.events["onset"]]
    labels = sorted(set(events["event_label"]))
    hits, rates = np.zeros((2, len(tables) * len(labels)))
    if labels:
        with quiet():
            evaluation = _evaluation(events, truth, scenario)
            batches = _batches(
                _by_point_and_class(tables, truth, labels),
                np.bincount(evaluation.ground_truth["filename"]),
                hits.size,
                len(labels),
            )
            for keys, batch in batches:
                hits[keys], rates[keys] = _rates_of_batch(
                    evaluation, batch, keys, labels, scenario
                )
    shape = (len(tables), len(labels))
    return labels, hits.reshape(shape), rates.reshape(shape)


def _evaluation(events, truth, scenario):
    """A PSDSEval object whose clips are numbered."""
    from psds_eval import PSDSEval

    clips = {name: number for number, name in enumerate(truth.durations)}
    metadata = pd.DataFrame(
        {"filename": clips.values(), "duration": truth.durations.values()}
    )
    return PSDSEval(
        scenario.detection_tolerance,
        scenario.ground_truth_intersection,
        scenario.cross_trigger_tolerance,
        duration_unit="hour",
        ground_truth=events.assign(filename=events["filename"].map(clips)),
        metadata=metadata,
    )


def _by_point_and_class(tables, truth, labels):
    """All detections in order of key = point * C + class."""
    clips = {name: number for number, name in enumerate(truth.durations)}
    classes = {label: number for number, label in enumerate(labels)}
    point = np.repeat(np.arange(len(tables)), [len(t) for t in tables])
    found = pd.concat([t[EVENT_COLUMNS] for t in tables], ignore_index=True)
    found["key"] = point * len(labels) + found["event_label"].map(classes)
    found["filename"] = found["filename"].map(clips)
    # Classes without reference take part in no rate.
    found = found[found["key"].notna()]
    found = found.astype({"key": np.int64, "filename": np.int64})
    return found.sort_values("key", kind="stable")


def _batches(detections, events_of_clip, n_keys, n_classes):
    """Ranges of keys and their detections; ranges without any are left out."""
    row = np.searchsorted(detections["key"], np.arange(n_keys + 1))
    pairs = np.cumsum(events_of_clip[detections["filename"]])
    pairs = np.append(0, pairs)[row]
    start = 0
    while start < n_keys:
        stop = np.searchsorted(pairs, pairs[start] + PAIRS_AT_ONCE, "right") - 1
        stop = min(stop, start + CELLS_AT_ONCE // n_classes, n_keys)
        stop = max(stop, start + 1)
        if row[stop] > row[start]:
            yield slice(start, stop), detections.iloc[row[start] : row[stop]]
        start = stop


def _rates_of_batch(evaluation, detections, keys, labels, scenario):
    """Shares of events found and effective rates of K keys, both (K,)."""
    from psds_eval.psds import WORLD

    truth = evaluation.ground_truth
    n_keys, n_clips = keys.stop - keys.start, len(evaluation.metadata)
    # Clips of one's own keep points and classes apart from each other.
    own = detections["key"] * n_clips + detections["filename"]
    detections = evaluation._init_det_table(
        detections[EVENT_COLUMNS].assign(filename=own)
    )
    key = detections["filename"] // n_clips
    detections["key"] = key - keys.start
    detections["filename"] -= key * n_clips
    # The steps of PSDSEval._evaluate_detections, which counts by class.
    crossing = evaluation._ground_truth_intersections(detections, truth)
    crossing["id_gt"] += crossing["key"] * (truth["id"].max() + 1)
    found, within = evaluation._detection_and_ground_truth_criteria(crossing)
    failed = evaluation._cross_trigger_criterion(crossing, found, within)
    failed = failed.drop_duplicates(["id_det", "event_label_gt"])
    found = found.drop_duplicates("id_gt")

    def count(rows):
        return np.bincount(rows["key"].astype(np.int64), minlength=n_keys)

    class_of_key = np.arange(keys.start, keys.stop) % len(labels)
    seconds, total = evaluation._get_dataset_duration()
    n_events = evaluation._get_dataset_counts()[labels].to_numpy()
    world = failed["event_label_gt"] == WORLD
    rates = count(failed[world]) * evaluation.nseconds / total
    if scenario.cross_trigger_cost > 0 and len(labels) > 1:
        others = dict(iter(failed[~world].groupby("event_label_gt")))
        crossed = np.zeros((len(labels), n_keys))
        for c, label in enumerate(labels):
            if label in others:
                counts = count(others[label]) * evaluation.nseconds
                crossed[c] = counts / seconds[label]
        # psds_eval marks a class's cross-triggers with itself so.
        crossed[class_of_key, np.arange(n_keys)] = np.nan
        rates = rates + scenario.cross_trigger_cost * np.nanmean(crossed, 0)
    return count(found) / n_events[class_of_key], rates


def _score(hits, rates, scenario):
    """PSDSEval.psds, without its curves over rates that PSDS leaves out."""
    from psds_eval import PSDSEval
    from psds_eval.psds import PSDROC

    hits, rates = (np.pad(a, ((0, 1), (0, 0))) for a in (hits, rates))
    points = np.unique(rates)
    with quiet():
        pairs = zip(rates.T, hits.T, strict=True)
        curves = np.array([PSDSEval.step_curve(points, *c) for c in pairs])
        roc = PSDROC(curves, points, curves.mean(axis=0), curves.std(axis=0))
        roc = PSDSEval._effective_tp_ratio(roc, scenario.instability_cost)
        area = PSDSEval._auc(roc.xp, roc.yp, scenario.max_rate, True)
    return area / scenario.max_rate
