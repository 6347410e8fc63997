"""Five metrics of a set of scored clips, whole and split by video.

The parameters of post-processing are tuned once per class and metric on the
whole validation set and reused wherever the same system is measured. A
figure that is not defined is None with a reason, never NaN.

Clips of the evaluation set have video or lack it (Table 7). On those that
have it, a system is measured twice: with the video, and with the video
ignored (weight 1 on the primary stream), so that the gain from video is seen
on the same clips. A system of sound alone ignores every video, so its
figures on these clips are "ignored" and "available" is empty.

Authors
 * The speechbrain_mmsed authors, 2026
"""

from dataclasses import dataclass

from speechbrain_mmsed.evaluation.counts.psds_counts import count
from speechbrain_mmsed.evaluation.counts.psds_figures import psds_of_counts
from speechbrain_mmsed.evaluation.metrics.f1 import summarise
from speechbrain_mmsed.evaluation.metrics.psds import psds
from speechbrain_mmsed.evaluation.metrics.run import (
    F1_AVERAGES,
    PSDS_METRICS,
    f1_figure,
    f1_result,
    undefined,
)
from speechbrain_mmsed.evaluation.metrics.truth import check_same_clips
from speechbrain_mmsed.evaluation.tuning import tune_all, tune_scenarios

SPLITS = ("all", "video_available", "video_ignored", "video_unavailable")
AUDIO_ONLY = "a system of sound alone uses no video; see video_ignored"


def tune(scores, truth):
    """ClassParameters of cbf1, sbf1, ebf1, psds1 and psds2 from validation."""
    check_same_clips(scores, truth)
    f1 = tune_all(scores, truth)
    parameters = {
        "cbf1": f1["clip"][0],
        "sbf1": f1["segment"][0],
        "ebf1": f1["event"][0],
    }
    windows = tune_scenarios(scores, truth, PSDS_METRICS)
    return {**parameters, **dict(zip(PSDS_METRICS, windows, strict=True))}


def measure(scores, truth, parameters, official=False):
    """Measured: all that the five figures of a set of clips need.

    `parameters` are those of `tune`. `official`: PSDS comes from psds_eval,
    which takes seconds for each figure; otherwise from the fast counts, equal
    but for rounding.
    """
    check_same_clips(scores, truth)
    f1 = {
        metric: f1_result(metric, scores, truth, parameters[metric])
        for metric in F1_AVERAGES
    }
    counts, results = {}, {}
    for metric in PSDS_METRICS:
        windows = parameters[metric].windows
        counts[metric] = count(scores, truth, windows[None], [metric])[0]
        if official:
            results[metric] = psds(scores, truth, windows, metric)
    return Measured(f1, counts, results)


@dataclass
class Measured:
    """What the figures of one set of clips are made of.

    Every figure of a group of classes follows from the counts of the whole
    set, because no count of a class depends on other classes' predictions.
    `f1` holds what `f1.summarise` returns, `counts` PsdsCounts, `official`
    psds_eval's own results or nothing, each by metric.
    """

    f1: dict
    counts: dict
    official: dict

    def figures(self, labels=None):
        """As `metrics.run.five_metrics`, of all classes or the list `labels`.

        Curves come from psds_eval only.
        """
        figures = {}
        for metric, result in self.f1.items():
            if labels is not None:
                result = summarise(
                    {label: result["class_wise"][label] for label in labels}
                )
            figures[metric] = f1_figure(metric, result)
        for metric, counts in self.counts.items():
            if labels is not None:
                result = psds_of_counts(counts.restrict(labels), metric)
            elif metric in self.official:
                result = self.official[metric]
            else:
                result = psds_of_counts(counts, metric)
            figures[metric] = {**result, "average": "psds"}
        return figures

    def largest_difference(self):
        """How far psds_eval's figures are from the counts', or None."""
        differences = [
            abs(result["value"] - psds_of_counts(self.counts[m], m)["value"])
            for m, result in self.official.items()
            if result["value"] is not None
        ]
        return max(differences, default=None)


@dataclass
class SplitResult:
    """Figures of one split; `reason` says why `measured` is None."""

    labels: list
    n_clips: int
    n_events: int
    measured: object
    reason: str | None

    def figures(self, labels=None):
        """The five figures of all classes, or of the list `labels`."""
        if self.measured is None:
            return undefined(labels or self.labels, self.reason)
        return self.measured.figures(labels)


def evaluate_splits(
    scores, scores_ignored, truth, parameters, official=("all",), reasons=None
):
    """A SplitResult for each of `SPLITS`: whole and by availability of video.

    Arguments
    ---------
    scores : ClipScores
        Scores of N clips at the chosen weight of the primary stream.
    scores_ignored : ClipScores or None
        The same clips at weight 1; None for a system of sound alone.
    truth : GroundTruth
        Reference events and durations of the clips.
    parameters : dict
        As `tune` returns, from the whole validation set.
    official : sequence of str
        Splits whose PSDS is computed by psds_eval; see `measure`.
    reasons : dict or None
        Splits to leave empty, each with the reason; the default leaves
        video_available empty for a system of sound alone.
    """
    check_same_clips(scores, truth)
    audio_only = scores_ignored is None
    if not audio_only:
        _check_pair(scores, scores_ignored)
    if reasons is None:
        reasons = {"video_available": AUDIO_ONLY} if audio_only else {}
    ignored = scores if audio_only else scores_ignored
    has_video = scores.has_video
    parts = {
        "all": scores,
        "video_available": scores.subset(has_video),
        "video_ignored": ignored.subset(has_video),
        "video_unavailable": scores.subset(~has_video),
    }
    return {
        split: _evaluate_split(
            parts[split], truth, parameters, split in official, reasons, split
        )
        for split in SPLITS
    }


def _evaluate_split(scores, truth, parameters, official, reasons, split):
    """Figures of one split, or the reason why there are none."""
    truth = truth.subset(scores.filenames)
    reason = reasons.get(split)
    if reason is None and not scores.filenames:
        which = {"all": "", "video_unavailable": " without video"}
        reason = f"there are no clips{which.get(split, ' with video')}"
    measured = None
    if reason is None:
        measured = measure(scores, truth, parameters, official)
    return SplitResult(
        scores.labels,
        len(scores.filenames),
        len(truth.events),
        measured,
        reason,
    )


def _check_pair(scores, ignored):
    """The two sets of scores must be of the same clips."""
    same = (
        scores.filenames == ignored.filenames
        and (scores.has_video == ignored.has_video).all()
    )
    if not same:
        differing = sorted(set(scores.filenames) ^ set(ignored.filenames))
        raise ValueError(
            "scores with video and with video ignored are of different "
            f"clips, in another order or with other video: {differing[:20]}; "
            "score both in the same run"
        )
