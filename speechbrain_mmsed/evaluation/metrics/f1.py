"""Reported F1 figures: clips, 1 s segments and events (section 3.1.4).

Segments and events are counted by sed_eval; what it leaves to its callers
is decided here. A class that is never predicted has F1 0. A class without
reference leaves the macro average and is listed. Where nothing is to be
found at all the figure is None with a reason, never NaN. Clips without
predictions are evaluated, and predictions for other clips are an error.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import functools
import importlib.util
import sys
import types
import warnings

import numpy as np

from speechbrain_mmsed.evaluation.metrics.truth import check_predictions

SEGMENT_SECONDS = 1.0
COLLAR_SECONDS = 0.2
COLLAR_SHARE = 0.2


def clip_f1(tags, truth):
    """F1 of clip labels; the paper's CBF1 is its micro average.

    Arguments
    ---------
    tags : pandas.DataFrame
        Columns filename, event_label; a pair given twice counts once.
    truth : GroundTruth
        Reference.

    Returns
    -------
    dict
        As `summarise`.

    Example
    -------
    >>> from speechbrain_mmsed.evaluation.metrics.truth import GroundTruth
    >>> rows = [["a.wav", 0.0, 1.5, "Dog"]]
    >>> truth = GroundTruth.of_rows(rows, {"a.wav": 10.0}, ["Dog", "Cat"])
    >>> figures = clip_f1(truth.events, truth)
    >>> figures["micro"], figures["excluded_classes"]
    (1.0, ['Cat'])
    """
    check_predictions(tags, truth)
    pairs = ["filename", "event_label"]
    reference = set(truth.events[pairs].itertuples(index=False, name=None))
    predicted = set(tags[pairs].itertuples(index=False, name=None))
    counts = {
        label: {
            "tp": sum(pair[1] == label for pair in reference & predicted),
            "nref": sum(pair[1] == label for pair in reference),
            "nsys": sum(pair[1] == label for pair in predicted),
        }
        for label in truth.labels
    }
    return summarise(counts)


def segment_f1(events, truth):
    """F1 over segments of 1 s; the paper's SBF1 is its micro average.

    `events` has the columns filename, onset, offset (seconds), event_label.
    Returns what `summarise` does.
    """
    return _count_clips(segment_metrics(truth.labels), events, truth)


def event_f1(events, truth):
    """F1 of events, as `segment_f1`; the paper's EBF1 is its macro average.

    Onsets may be 200 ms off, offsets the larger of 200 ms and 20 % of the
    reference's length, as in the DCASE challenges (the paper's wording, "up
    to a maximum of 200 ms", would be the smaller of the two).
    """
    return _count_clips(event_metrics(truth.labels), events, truth)


def summarise(counts):
    """Micro and macro F1 from the counts of each class.

    Arguments
    ---------
    counts : dict
        For each label a dict with tp (true positives), nref (reference
        items) and nsys (predicted items).

    Returns
    -------
    dict
        micro and macro: fractions, or None where `reason` says why.
        class_wise: for each label f1 (None without reference), tp, fp, fn,
        nref, nsys. counts: the same sums over all classes.
        averaged_classes, excluded_classes: labels in and out of the macro
        average. reason: str or None.

    Example
    -------
    >>> figures = summarise(
    ...     {
    ...         "Dog": {"tp": 2, "nref": 4, "nsys": 2},
    ...         "Cat": {"tp": 0, "nref": 1, "nsys": 0},
    ...         "Fox": {"tp": 0, "nref": 0, "nsys": 1},
    ...     }
    ... )
    >>> round(figures["micro"], 3), round(figures["macro"], 3)
    (0.5, 0.333)
    """
    names = ("tp", "nref", "nsys")
    class_wise = {
        label: _complete(*(count[name] for name in names))
        for label, count in counts.items()
    }
    averaged = [label for label in counts if class_wise[label]["nref"]]
    total = _complete(
        *(sum(n[name] for n in class_wise.values()) for name in names)
    )
    f1s = [class_wise[label]["f1"] for label in averaged]
    return {
        "micro": total.pop("f1"),
        "macro": float(np.mean(f1s)) if averaged else None,
        "class_wise": class_wise,
        "counts": total,
        "averaged_classes": averaged,
        "excluded_classes": [c for c in counts if c not in averaged],
        "reason": None if averaged else "no reference events in these clips",
    }


def segment_metrics(labels):
    """A SegmentBasedMetrics of sed_eval for a list of labels."""
    return _sound_event().SegmentBasedMetrics(
        event_label_list=labels, time_resolution=SEGMENT_SECONDS
    )


def event_metrics(labels):
    """An EventBasedMetrics of sed_eval, which matches optimally."""
    return _sound_event().EventBasedMetrics(
        event_label_list=labels,
        t_collar=COLLAR_SECONDS,
        percentage_of_length=COLLAR_SHARE,
        event_matching_type="optimal",
    )


def evaluated_clips(metrics, events, truth):
    """Gives all clips to one of the metrics above, and yields their names."""
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
    """Events of each clip as the lists of dicts that sed_eval takes."""
    columns = ["filename", "onset", "offset", "event_label"]
    lists = {filename: [] for filename in truth.durations}
    for row in events[columns].itertuples(index=False, name=None):
        lists[row[0]].append(dict(zip(columns, row, strict=True)))
    return lists


@functools.cache
def _sound_event():
    """Import sed_eval without dcase_util's warnings, with any setuptools."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        # dcase_util imports it for examples alone; new setuptools lack it.
        absent = importlib.util.find_spec("pkg_resources") is None
        if absent:
            sys.modules["pkg_resources"] = types.ModuleType("pkg_resources")
        try:
            import sed_eval
        finally:
            if absent:
                sys.modules.pop("pkg_resources")
    return sed_eval.sound_event


def _count_clips(metrics, events, truth):
    """Run a sed_eval metric over all clips and summarise its counts."""
    for _ in evaluated_clips(metrics, events, truth):
        pass
    keys = {"tp": "Ntp", "nref": "Nref", "nsys": "Nsys"}
    found = {label: metrics.class_wise[label] for label in truth.labels}
    return summarise(
        {
            label: {name: int(count[key]) for name, key in keys.items()}
            for label, count in found.items()
        }
    )


def _complete(tp, nref, nsys):
    """fp, fn and F1 beside the counts of a class."""
    return {
        "f1": 2 * tp / (nref + nsys) if nref else None,
        "tp": tp,
        "fp": nsys - tp,
        "fn": nref - tp,
        "nref": nref,
        "nsys": nsys,
    }
