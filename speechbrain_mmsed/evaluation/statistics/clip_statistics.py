"""Every figure of a system as counts by clip, ready to be resampled.

Authors
 * The speechbrain_mmsed authors, 2026
"""

from speechbrain_mmsed.evaluation.counts.counts_by_clip import (
    clip_counts,
    event_counts,
    intersection_counts,
    segment_counts,
)
from speechbrain_mmsed.evaluation.counts.psds_counting import (
    MOST_SCORES,
    count_tuned,
    psds_by_clip,
)
from speechbrain_mmsed.evaluation.statistics.bootstrap import (
    N_RESAMPLES,
    bootstrap,
)
from speechbrain_mmsed.postprocessing.box_parameters import (
    has_boxes,
    processed,
)
from speechbrain_mmsed.postprocessing.decode import decode, decode_tags

# PSDS costs a hundred times as much to resample as F1.
PSDS_RESAMPLES = 500
THRESHOLD_FREE_RESAMPLES = 200
PSDS = ("psds1", "psds2")
EVENT_COUNTS = {
    "sbf1": segment_counts,
    "ebf1": event_counts,
    "ibf1": intersection_counts,
}
KINDS = ("cbf1", *EVENT_COUNTS, *PSDS)
THRESHOLD_FREE = tuple(f"threshold_free_{name}" for name in PSDS)


def clip_statistics(scores, truth, parameters, kinds=KINDS):
    """Counts by clip of a scored system, for each of `kinds`.

    `parameters` are those of `tune`. The intersection-based F1 takes those of
    "ibf1" if given, else those of ebf1; PSDS over all thresholds has the
    windows of PSDS, and is left out for boxes, whose PSDS is over all, and for
    more than `MOST_SCORES` scores. Kinds are those of `KINDS` and
    `THRESHOLD_FREE`; all counts have `result()` and `figures(weights)`.
    """
    unknown = sorted(set(kinds) - {*KINDS, *THRESHOLD_FREE})
    if unknown:
        raise ValueError(
            f"kinds {unknown}: expected some of {[*KINDS, *THRESHOLD_FREE]}"
        )
    statistics = {}
    for kind in kinds:
        if kind == "cbf1":
            tags = decode_tags(scores, parameters[kind].thresholds)
            statistics[kind] = clip_counts(tags, truth)
        elif kind in EVENT_COUNTS:
            tuned = parameters.get(kind, parameters["ebf1"])
            some = processed(scores, tuned)
            events = decode(some, tuned.thresholds, tuned.windows)
            statistics[kind] = EVENT_COUNTS[kind](events, truth)
        elif kind in PSDS:
            some = scores, truth, parameters[kind], kind
            statistics[kind] = count_tuned(*some, whole=False)
        else:
            scenario = kind.removeprefix("threshold_free_")
            tuned, many = parameters[scenario], scores.frame.size > MOST_SCORES
            if not has_boxes(tuned) and not many:
                some = scores, truth, tuned.windows, scenario
                statistics[kind] = psds_by_clip(*some)
    return statistics


def event_statistics(events, truth):
    """Counts by clip of a system whose events are known, but not its scores.

    Those of cbf1, sbf1, ebf1 and ibf1; a clip's labels are its events'.
    """
    counters = {"cbf1": clip_counts, **EVENT_COUNTS}
    return {kind: count(events, truth) for kind, count in counters.items()}


def intervals(statistics, n_resamples=None, seed=0):
    """What `bootstrap` returns for each of the `clip_statistics`.

    `n_resamples` None: 2000 for F1, 500 for PSDS and 200 for PSDS over all
    thresholds, whose jackknife is left out.
    """
    found = {}
    for kind, counts in statistics.items():
        number = n_resamples or usual_resamples(kind)
        jackknife = kind not in THRESHOLD_FREE
        found[kind] = bootstrap(counts, number, seed=seed, jackknife=jackknife)
    return found


def usual_resamples(kind):
    """Number of resamples of a kind that take a second or two at most."""
    if kind in PSDS:
        return PSDS_RESAMPLES
    return THRESHOLD_FREE_RESAMPLES if kind in THRESHOLD_FREE else N_RESAMPLES
