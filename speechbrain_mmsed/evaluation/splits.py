"""Figures split by the availability of video (Table 7).

Clips of the evaluation set have video or lack it. On those that have it, a
system is measured twice: with the video, and with the video ignored (weight
1 on the primary stream), so that the gain from video is seen on the same
clips. A system of sound alone ignores every video, so its figures on these
clips are "ignored" and "available" is empty, as in the paper's table.

Authors
 * The speechbrain_mmsed authors, 2026
"""

from dataclasses import dataclass

from speechbrain_mmsed.evaluation.evaluate import measure, undefined
from speechbrain_mmsed.evaluation.metrics.checks import check_same_clips

SPLITS = ("all", "video_available", "video_ignored", "video_unavailable")
AUDIO_ONLY = "a system of sound alone uses no video; see video_ignored"


@dataclass
class SplitResult:
    """Figures of one split.

    Arguments
    ---------
    labels : list of str
        C class labels.
    n_clips : int
        Clips of the split.
    n_events : int
        Their reference events.
    measured : Measured or None
        None where the split has no figures.
    reason : str or None
        Why it has none.
    """

    labels: list
    n_clips: int
    n_events: int
    measured: object
    reason: str | None

    def figures(self, labels=None):
        """The five figures; see `Measured.figures`.

        Arguments
        ---------
        labels : list of str or None
            Classes to restrict every metric to; all if None.

        Returns
        -------
        dict
        """
        if self.measured is None:
            return undefined(labels or self.labels, self.reason)
        return self.measured.figures(labels)


def evaluate_splits(
    scores, scores_ignored, truth, parameters, official=("all",), reasons=None
):
    """Five metrics over all clips and over each availability of video.

    Arguments
    ---------
    scores : ClipScores
        Scores of N clips at the chosen weight of the primary stream.
    scores_ignored : ClipScores or None
        The same clips at weight 1; None for a system of sound alone.
    truth : GroundTruth
        Reference events and durations of the clips.
    parameters : dict
        As `evaluate.tune` returns, from the whole validation set.
    official : sequence of str
        Splits whose PSDS is computed by psds_eval; the others' by the fast
        counts, which equal it but for rounding.
    reasons : dict or None
        Splits to leave empty, each with the reason; the default leaves
        video_available empty for a system of sound alone.

    Returns
    -------
    dict
        For all, video_available, video_ignored and video_unavailable a
        SplitResult.
    """
    check_same_clips(scores, truth)
    if scores_ignored is not None:
        _check_pair(scores, scores_ignored)
    if reasons is None:
        audio_only = scores_ignored is None
        reasons = {"video_available": AUDIO_ONLY} if audio_only else {}
    ignored = scores if scores_ignored is None else scores_ignored
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
