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

import pathlib
from dataclasses import dataclass, field, replace

import pandas as pd
from tqdm import tqdm

from speechbrain_mmsed.evaluation.counts.psds_counting import (
    MOST_SCORES,
    count_tuned,
)
from speechbrain_mmsed.evaluation.metrics.f1 import (
    clip_f1,
    event_f1,
    segment_f1,
    summarise,
)
from speechbrain_mmsed.evaluation.metrics.psds import (
    psds,
    psds_of_operating_points,
)
from speechbrain_mmsed.evaluation.metrics.run import (
    F1_AVERAGES,
    METRICS,
    PSDS_METRICS,
    f1_figure,
    f1_result,
)
from speechbrain_mmsed.evaluation.metrics.truth import (
    GroundTruth,
    check_same_clips,
)
from speechbrain_mmsed.evaluation.tuning import tune
from speechbrain_mmsed.postprocessing.box_parameters import (
    boxes_of,
    has_boxes,
    processed,
)
from speechbrain_mmsed.postprocessing.scores import ClipScores

SPLITS = ("all", "video_available", "video_ignored", "video_unavailable")
AUDIO_ONLY = "a system of sound alone uses no video; see video_ignored"
NO_POINT = (
    "no operating point was chosen; F1 needs one table of events "
    "(--operating-point)"
)


@dataclass
class Measured:
    """What the figures of one set of clips are made of.

    Every figure of a group of classes follows from the counts of the whole
    set, because no count of a class depends on other classes' predictions.
    `truth` is of these clips, `f1` holds what `f1.summarise` returns, `counts`
    PsdsCounts, `official` psds_eval's own results, each by metric; `reason`
    says why a metric is in none of them.
    """

    truth: GroundTruth
    f1: dict = field(default_factory=dict)
    counts: dict = field(default_factory=dict)
    official: dict = field(default_factory=dict)
    reason: str | None = None

    def figures(self, labels=None):
        """As `metrics.run.five_metrics`, of all classes or the list `labels`.

        Curves come from psds_eval only.
        """
        whole, labels = labels is None, labels or self.truth.labels
        figures = _undefined(labels, self.reason)
        for metric, result in self.f1.items():
            of_class = {label: result["class_wise"][label] for label in labels}
            figures[metric] = f1_figure(metric, summarise(of_class))
        for metric in PSDS_METRICS:
            if whole and metric in self.official:
                figures[metric] |= self.official[metric]
            elif metric in self.counts:
                counts = self.counts[metric].restrict(labels)
                figures[metric] |= counts.figure()
        return figures

    def psds_differences(self):
        """How far psds_eval's figures are from those of the counts."""
        return [
            abs(result["value"] - self.counts[m].result()["value"])
            for m, result in self.official.items()
            if m in self.counts and result["value"] is not None
        ]


def measure(scores, truth, parameters, official=False):
    """Measured of a set of clips.

    `parameters` are those of `tune`. `official`: PSDS comes from psds_eval,
    which takes seconds for each figure; otherwise, and for boxes, from the
    fast counts, equal but for rounding.
    """
    check_same_clips(scores, truth)
    f1, counts, results = {}, {}, {}
    for metric, tuned in parameters.items():
        if metric in F1_AVERAGES:
            some = processed(scores, tuned)
            f1[metric] = f1_result(metric, some, truth, tuned)
            continue
        counts[metric] = count_tuned(scores, truth, tuned, metric)
        if official and not has_boxes(tuned):
            results[metric] = psds(scores, truth, tuned.windows, metric)
    return Measured(truth, f1, counts, results)


def measure_events(points, chosen, truth):
    """Measured of events: of each operating point for PSDS, one for F1.

    Those of other clips are left out; without a chosen one there is no F1.
    Of all classes alone, as nothing is counted.
    """

    def of_clips(events):
        return events[events["filename"].isin(list(truth.durations))]

    points, f1 = [of_clips(events) for events in points], {}
    official = {
        metric: psds_of_operating_points(points, truth, metric)
        for metric in PSDS_METRICS
    }
    if chosen is not None:
        functions = {"cbf1": clip_f1, "sbf1": segment_f1, "ebf1": event_f1}
        chosen = of_clips(chosen)
        f1 = {
            metric: f1_of(chosen, truth) for metric, f1_of in functions.items()
        }
    return Measured(truth, f1, {}, official, NO_POINT)


@dataclass
class EvaluatedSystem:
    """A system's scores or events, what was chosen for it, and its figures.

    `scores` (of evaluation), `ignored` (these without video, None for a system
    without films), those `without` another stream, by its name, and
    `validation` are ClipScores; without them there are the events of operating
    `points`, and `events` of the one for F1 (file `chosen`). `has_video` is by
    file name, None where it is not known; `parameters` (of `tune`) by metric,
    `validation_ebf1` by candidate weight. `reasons` say of splits why they are
    left empty, `splits` has Measured; `notes` are for the reader.
    """

    scores: ClipScores | None = None
    ignored: ClipScores | None = None
    without: dict = field(default_factory=dict)
    validation: ClipScores | None = None
    points: list = field(default_factory=list)
    events: pd.DataFrame | None = None
    chosen: pathlib.Path | None = None
    has_video: dict | None = None
    # As of `fusion_weights`, or GATED; then the means of what a gate gave.
    weight: float | tuple | str | None = None
    gate_weights: dict = field(default_factory=dict)
    validation_ebf1: dict = field(default_factory=dict)
    parameters: dict = field(default_factory=dict)
    parameters_from: str = "not tuned"
    reasons: dict = field(default_factory=dict)
    splits: dict = field(default_factory=dict)
    notes: list = field(default_factory=list)


def evaluate_by(postprocessing, name, system, truth, official=("all",)):
    """Name -> the system with each post-processing, tuned and measured.

    Arguments
    ---------
    postprocessing : str
        "median", "boxes" (then the name is that of `boxes_of`) or "both".
    name, system : str, EvaluatedSystem
        Without its `validation` the median filter's parameters stay.
    truth : dict
        GroundTruth of "evaluation" and, to tune on, "validation".
    official : sequence of str
        As of `evaluate_splits`.
    """
    systems = {}
    if postprocessing != "boxes":
        if system.validation is not None:
            system.parameters = tune(system.validation, truth["validation"])
        systems[name] = system
    if postprocessing != "median":
        tuned = tune(system.validation, truth["validation"], boxes=True)
        # What says how the weight came about stays with the median filter.
        boxes = replace(system, gate_weights={}, validation_ebf1={})
        systems[boxes_of(name)] = replace(boxes, parameters=tuned)
    for each in tqdm(systems.values(), f"evaluating {name}", disable=None):
        each.splits = evaluate_splits(each, truth["evaluation"], official)
    return systems


def evaluate_splits(system, truth, official=("all",)):
    """Measured for each of `SPLITS`: whole and by availability of video.

    And for "<stream>_ignored", all clips without another stream.

    Arguments
    ---------
    system : EvaluatedSystem
        Where its `has_video` is None there is the split "all" alone.
    truth : GroundTruth
        Reference events and durations of the clips.
    official : sequence of str
        Splits whose PSDS is computed by psds_eval, if there are no more
        scores than `MOST_SCORES`; see `measure`.
    """
    scores, reasons, has_video = system.scores, system.reasons, system.has_video
    if scores is not None:
        check_same_clips(scores, truth)
        ignored = scores if system.ignored is None else system.ignored
        _check_pair(scores, ignored)
        if ignored is scores:
            reasons = reasons or {"video_available": AUDIO_ONLY}
    clips = {"all": list(has_video or truth.durations)}
    if has_video is not None:
        seen = [name for name, has in has_video.items() if has]
        unseen = [name for name, has in has_video.items() if not has]
        clips |= dict(zip(SPLITS[1:], [seen, seen, unseen], strict=True))
    sources = {"video_ignored": ignored} if scores is not None else {}
    for name, some in system.without.items():
        sources[f"{name}_ignored"] = some
        clips[f"{name}_ignored"] = clips["all"]
    splits = {}
    for split, names in clips.items():
        part, reason = truth.subset(names), reasons.get(split)
        if reason is None and not names:
            which = {"all": "", "video_unavailable": " without video"}
            reason = f"there are no clips{which.get(split, ' with video')}"
        if reason is not None:
            splits[split] = Measured(part, reason=reason)
        elif scores is None:
            splits[split] = measure_events(system.points, system.events, part)
        else:
            source = sources.get(split, scores)
            some = source.subset(
                [n in part.durations for n in source.filenames]
            )
            few = some.frame.size <= MOST_SCORES
            splits[split] = measure(
                some, part, system.parameters, split in official and few
            )
    return splits


def _check_pair(scores, ignored):
    """The two sets of scores must be of the same clips."""
    pair = scores.video(), ignored.video()
    if list(pair[0].items()) != list(pair[1].items()):
        raise ValueError(
            "scores with video and with video ignored are of different clips, "
            "in another order or with other video: "
            f"{sorted(pair[0].keys() ^ pair[1].keys())[:20]}; score both in "
            "the same run"
        )


def _undefined(labels, reason):
    """Five figures, as `five_metrics`, that have no value for a reason."""
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
