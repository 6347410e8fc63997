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
class _PointsResult(SplitResult):
    """Figures of operating points: all classes only, nothing is counted."""

    values: dict | None = None

    def figures(self, labels=None):
        """The five figures."""
        return self.values or super().figures(labels)


def split_points(points, chosen, truth, has_video, reasons):
    """SplitResult of all clips, and by video where `has_video` is given.

    Of the events of every operating point, and of the one for F1 or None;
    `reasons` says which splits are left empty, and why.
    """
    clips = {"all": list(truth.durations)}
    if has_video is not None:
        seen = [name for name, has in has_video.items() if has]
        unseen = [name for name, has in has_video.items() if not has]
        clips |= {"video_available": seen, "video_ignored": seen}
        clips["video_unavailable"] = unseen
    results = {}
    for split, names in clips.items():
        part = truth.subset(names)
        reason, values = reasons.get(split), None
        if reason is None and not names:
            reason = "there are no such clips"
        if reason is None:
            values = _measure(points, chosen, part)
        results[split] = _PointsResult(
            truth.labels, len(names), len(part.events), None, reason, values
        )
    return results


def _measure(points, chosen, truth):
    """Figures of the clips of a reference, as `Measured.figures` has them."""

    def of_clips(events):
        return events[events["filename"].isin(list(truth.durations))]

    points = [of_clips(events) for events in points]
    official = {
        metric: psds_of_operating_points(points, truth, metric)
        for metric in PSDS_METRICS
    }
    if chosen is None:
        psds = {m: {**f, "average": "psds"} for m, f in official.items()}
        return undefined(truth.labels, NO_POINT) | psds
    chosen = of_clips(chosen)
    f1 = {
        "cbf1": clip_f1(chosen, truth),
        "sbf1": segment_f1(chosen, truth),
        "ebf1": event_f1(chosen, truth),
    }
    # The counts of `Measured` serve groups of classes, which are not asked.
    return Measured(f1, dict.fromkeys(PSDS_METRICS), official).figures()
