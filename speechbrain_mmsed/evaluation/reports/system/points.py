"""Figures of operating points: PSDS, and F1 of a chosen one.

Authors
 * The speechbrain_mmsed authors, 2026
"""

from dataclasses import dataclass

from speechbrain_mmsed.evaluation.evaluate import Measured, SplitResult
from speechbrain_mmsed.evaluation.metrics.f1 import (
    clip_f1,
    event_f1,
    segment_f1,
)
from speechbrain_mmsed.evaluation.metrics.psds import psds_of_operating_points
from speechbrain_mmsed.evaluation.metrics.run import PSDS_METRICS, undefined

NO_POINT = (
    "no operating point was chosen; F1 needs one table of events "
    "(--operating-point)"
)


@dataclass
class MeasuredPoints:
    """Figures of operating points, in the form of `Measured`.

    Arguments
    ---------
    values : dict
        As `Measured.figures` returns.
    """

    values: dict

    def figures(self, labels=None):
        """The five figures; all classes only.

        Arguments
        ---------
        labels : None
            Groups of classes need counts, which there are not.

        Returns
        -------
        dict
        """
        if labels is not None:
            raise ValueError("operating points have no figures of groups")
        return self.values

    def largest_difference(self):
        """Nothing is counted twice here.

        Returns
        -------
        None
        """
        return None


def measure_points(points, chosen, truth):
    """Figures of one set of clips.

    Arguments
    ---------
    points : list of pandas.DataFrame
        Events of every operating point, columns filename, onset, offset,
        event_label.
    chosen : pandas.DataFrame or None
        Events that F1 is counted for; clip labels are those that occur.
    truth : GroundTruth
        Reference.

    Returns
    -------
    MeasuredPoints
    """
    official = {
        metric: psds_of_operating_points(points, truth, metric)
        for metric in PSDS_METRICS
    }
    if chosen is None:
        values = undefined(truth.labels, NO_POINT)
        for metric, result in official.items():
            values[metric] = {**result, "average": "psds"}
        return MeasuredPoints(values)
    f1 = {
        "cbf1": clip_f1(chosen, truth),
        "sbf1": segment_f1(chosen, truth),
        "ebf1": event_f1(chosen, truth),
    }
    # The counts of `Measured` serve groups of classes, which are not asked.
    counts = dict.fromkeys(PSDS_METRICS)
    return MeasuredPoints(Measured(f1, counts, official).figures())


def split_points(points, chosen, truth, has_video, reasons):
    """Figures of all clips, and of those with and without video.

    Arguments
    ---------
    points, chosen, truth
        As for `measure_points`.
    has_video : dict or None
        File name -> bool.
    reasons : dict
        Splits to leave empty, each with the reason.

    Returns
    -------
    dict
        For each split a SplitResult; "all" alone where has_video is None.
    """
    clips = {"all": list(truth.durations)}
    if has_video is not None:
        with_video = [name for name, has in has_video.items() if has]
        clips["video_available"] = clips["video_ignored"] = with_video
        clips["video_unavailable"] = [
            name for name, has in has_video.items() if not has
        ]
    results = {}
    for split, names in clips.items():
        part = truth.subset(names)
        reason = reasons.get(split)
        if reason is None and not names:
            reason = "there are no such clips"
        measured = None
        if reason is None:
            measured = measure_points(
                [table[table["filename"].isin(names)] for table in points],
                None
                if chosen is None
                else chosen[chosen["filename"].isin(names)],
                part,
            )
        results[split] = SplitResult(
            truth.labels, len(names), len(part.events), measured, reason
        )
    return results
