"""Five metrics of a set of scored clips, tuned on validation (section 3.1).

The parameters of post-processing are tuned once per class and metric on the
whole validation set and reused wherever the same system is measured: on the
evaluation set, on its parts with and without video, and with video ignored
(Table 7). A figure that is not defined is None with a reason, never NaN.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import importlib.metadata
from dataclasses import dataclass

from speechbrain_mmsed.evaluation.counts.psds_counts import count
from speechbrain_mmsed.evaluation.counts.psds_figures import psds_of_counts
from speechbrain_mmsed.evaluation.metrics.checks import check_same_clips
from speechbrain_mmsed.evaluation.metrics.f1 import (
    clip_f1,
    event_f1,
    segment_f1,
    summarise,
)
from speechbrain_mmsed.evaluation.metrics.psds import psds
from speechbrain_mmsed.evaluation.tuning.psds_tuning import tune_scenarios
from speechbrain_mmsed.evaluation.tuning.tuning import tune_all
from speechbrain_mmsed.postprocessing.decode import decode, decode_tags

# Which average of an F1 the paper reports.
F1_AVERAGES = {"cbf1": "micro", "sbf1": "micro", "ebf1": "macro"}
PSDS_METRICS = ("psds1", "psds2")
METRICS = (*F1_AVERAGES, *PSDS_METRICS)


def tune(scores, truth):
    """Thresholds and windows of every metric from the validation set.

    Arguments
    ---------
    scores : ClipScores
        Scores of the N validation clips.
    truth : GroundTruth
        Their reference events and durations.

    Returns
    -------
    dict
        For cbf1, sbf1, ebf1, psds1 and psds2 a ClassParameters.
    """
    check_same_clips(scores, truth)
    f1 = tune_all(scores, truth)
    parameters = {
        "cbf1": f1["clip"][0],
        "sbf1": f1["segment"][0],
        "ebf1": f1["event"][0],
    }
    windows = tune_scenarios(scores, truth, PSDS_METRICS)
    return {**parameters, **dict(zip(PSDS_METRICS, windows, strict=True))}


def five_metrics(scores, truth, parameters):
    """The five figures of a set of clips, PSDS by psds_eval itself.

    Arguments
    ---------
    scores : ClipScores
        Scores of N clips.
    truth : GroundTruth
        Their reference events and durations.
    parameters : dict
        As `tune` returns.

    Returns
    -------
    dict
        For each metric a dict as `Measured.figures` describes it.
    """
    return measure(scores, truth, parameters, official=True).figures()


@dataclass
class Measured:
    """What the figures of one set of clips are made of.

    Every figure of a group of classes follows from the counts of the whole
    set, because no count of a class depends on other classes' predictions.

    Arguments
    ---------
    f1 : dict
        For cbf1, sbf1 and ebf1 what the functions of `f1.py` return.
    counts : dict
        For psds1 and psds2 the PsdsCounts of the tuned windows.
    official : dict
        For psds1 and psds2 psds_eval's own result, or empty.
    """

    f1: dict
    counts: dict
    official: dict

    def figures(self, labels=None):
        """The five figures of all classes, or of some.

        Arguments
        ---------
        labels : list of str or None
            Classes to restrict every metric to; all if None.

        Returns
        -------
        dict
            For each metric: value (fraction or None), average ("micro",
            "macro" or "psds"), class_wise (label -> fraction or None),
            averaged_classes, excluded_classes, reason (why value is None),
            computed_by; for F1 also micro, macro and class_counts.
        """
        figures = {}
        for metric, average in F1_AVERAGES.items():
            result = self.f1[metric]
            if labels is not None:
                result = summarise(
                    {label: result["class_wise"][label] for label in labels}
                )
            figures[metric] = _f1_figure(result, metric, average)
        for metric in PSDS_METRICS:
            counts = self.counts[metric]
            if labels is not None:
                result = psds_of_counts(counts.restrict(labels), metric)
            elif metric in self.official:
                result = self.official[metric]
            else:
                result = psds_of_counts(counts, metric)
            figures[metric] = {**result, "average": "psds"}
        return figures

    def largest_difference(self):
        """How far psds_eval's figures are from those of the fast counts.

        Returns
        -------
        float or None
            None where psds_eval was not asked or has no figure.
        """
        differences = [
            abs(result["value"] - psds_of_counts(self.counts[m], m)["value"])
            for m, result in self.official.items()
            if result["value"] is not None
        ]
        return max(differences, default=None)


def measure(scores, truth, parameters, official=False):
    """Count everything that the five figures of a set of clips need.

    Arguments
    ---------
    scores : ClipScores
        Scores of N clips.
    truth : GroundTruth
        Their reference events and durations.
    parameters : dict
        As `tune` returns.
    official : bool
        Whether PSDS is computed by psds_eval, which takes seconds for each
        figure; otherwise from the fast counts, equal but for rounding.

    Returns
    -------
    Measured
    """
    check_same_clips(scores, truth)
    tags = decode_tags(scores, parameters["cbf1"].thresholds)
    events = {
        metric: decode(
            scores, parameters[metric].thresholds, parameters[metric].windows
        )
        for metric in ("sbf1", "ebf1")
    }
    f1 = {
        "cbf1": clip_f1(tags, truth),
        "sbf1": segment_f1(events["sbf1"], truth),
        "ebf1": event_f1(events["ebf1"], truth),
    }
    counts, results = {}, {}
    for metric in PSDS_METRICS:
        windows = parameters[metric].windows
        counts[metric] = count(scores, truth, windows[None], [metric])[0]
        if official:
            results[metric] = psds(scores, truth, windows, metric)
    return Measured(f1, counts, results)


def undefined(labels, reason):
    """The form of five figures that have no value.

    Arguments
    ---------
    labels : list of str
        C class labels.
    reason : str
        Why.

    Returns
    -------
    dict
        As `Measured.figures`.
    """
    return {
        metric: {
            "value": None,
            "average": F1_AVERAGES.get(metric, "psds"),
            "class_wise": dict.fromkeys(labels),
            "averaged_classes": [],
            "excluded_classes": list(labels),
            "reason": reason,
            "computed_by": "",
        }
        for metric in METRICS
    }


def _f1_figure(result, metric, average):
    """A result of `f1.py` in the form of `Measured.figures`."""
    library = f"sed_eval {importlib.metadata.version('sed_eval')}"
    return {
        "value": result[average],
        "average": average,
        "micro": result["micro"],
        "macro": result["macro"],
        "class_wise": {
            label: counts["f1"]
            for label, counts in result["class_wise"].items()
        },
        "class_counts": {
            label: {name: n for name, n in counts.items() if name != "f1"}
            for label, counts in result["class_wise"].items()
        },
        "averaged_classes": result["averaged_classes"],
        "excluded_classes": result["excluded_classes"],
        "reason": result["reason"],
        "computed_by": "speechbrain_mmsed" if metric == "cbf1" else library,
    }
