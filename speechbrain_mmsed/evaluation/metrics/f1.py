"""Reported F1 figures: clips, 1 s segments and events (section 3.1.4).

Segments and events are counted by sed_eval; what it leaves to its callers
is decided here. A class that is never predicted has F1 0. A class without
reference leaves the macro average and is listed. Where nothing is to be
found at all the figure is None with a reason, never NaN. Clips without
predictions are evaluated, and predictions for other clips are an error.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import numpy as np

from speechbrain_mmsed.evaluation.metrics.checks import check_predictions
from speechbrain_mmsed.evaluation.metrics.sed_eval_metrics import (
    evaluated_clips,
    event_metrics,
    segment_metrics,
)


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
    >>> import pandas as pd
    >>> from speechbrain_mmsed.evaluation.metrics.truth import GroundTruth
    >>> events = pd.DataFrame(
    ...     [["a.wav", 0.0, 1.5, "Dog"]],
    ...     columns=["filename", "onset", "offset", "event_label"],
    ... )
    >>> truth = GroundTruth(events, {"a.wav": 10.0}, ["Dog", "Cat"])
    >>> figures = clip_f1(events, truth)
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

    Arguments
    ---------
    events : pandas.DataFrame
        Columns filename, onset, offset (seconds), event_label.
    truth : GroundTruth
        Reference.

    Returns
    -------
    dict
        As `summarise`.
    """
    return _count_files(segment_metrics(truth.labels), events, truth)


def event_f1(events, truth):
    """F1 of events; the paper's EBF1 is its macro average.

    Onsets may be 200 ms off, offsets the larger of 200 ms and 20 % of the
    reference's length, as in the DCASE challenges (the paper's wording, "up
    to a maximum of 200 ms", would be the smaller of the two).

    Arguments
    ---------
    events : pandas.DataFrame
        Columns filename, onset, offset (seconds), event_label.
    truth : GroundTruth
        Reference.

    Returns
    -------
    dict
        As `summarise`.
    """
    return _count_files(event_metrics(truth.labels), events, truth)


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
    class_wise = {label: _complete(count) for label, count in counts.items()}
    averaged = [label for label in counts if class_wise[label]["nref"]]
    total = _complete(
        {
            name: sum(count[name] for count in class_wise.values())
            for name in ("tp", "nref", "nsys")
        }
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


def _count_files(metrics, events, truth):
    """Run a sed_eval metric over all clips and summarise its counts."""
    for _ in evaluated_clips(metrics, events, truth):
        pass
    return summarise(
        {
            label: {
                "tp": int(metrics.class_wise[label]["Ntp"]),
                "nref": int(metrics.class_wise[label]["Nref"]),
                "nsys": int(metrics.class_wise[label]["Nsys"]),
            }
            for label in truth.labels
        }
    )


def _complete(count):
    """Add fp, fn and F1 to the counts of a class."""
    tp, nref, nsys = count["tp"], count["nref"], count["nsys"]
    return {
        "f1": 2 * tp / (nref + nsys) if nref else None,
        "tp": tp,
        "fp": nsys - tp,
        "fn": nref - tp,
        "nref": nref,
        "nsys": nsys,
    }
