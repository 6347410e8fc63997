"""Post-processing and inference weight, tuned on fast counts.

What is chosen, and how ties are broken, is that of `metrics.scored`; the
counts of the whole grid come from one pass over the scores.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import functools

import numpy as np

from speechbrain_mmsed.evaluation.counts.counts import count_clips, count_grid
from speechbrain_mmsed.evaluation.counts.psds_counting import (
    count,
    count_boxes,
)
from speechbrain_mmsed.evaluation.metrics.run import METRICS, PSDS_METRICS
from speechbrain_mmsed.evaluation.metrics.scored import (
    THRESHOLDS,
    WINDOWS,
    best_parameters,
    best_weight,
    best_windows,
)
from speechbrain_mmsed.evaluation.metrics.truth import (
    GroundTruth,
    check_same_clips,
)
from speechbrain_mmsed.postprocessing.box_tuning import tune_boxes

F1_KINDS = {"sbf1": "segment", "ebf1": "event"}


def tune(scores, truth, boxes=False):
    """ClassParameters of cbf1, sbf1, ebf1, psds1 and psds2 from validation.

    With `boxes` BoxParameters, but for cbf1.
    """
    check_same_clips(scores, truth)
    if boxes:
        return tune_all_boxes(scores, truth, METRICS[1:])
    f1 = tune_all(scores, truth)
    tuned = [f1[kind][0] for kind in ("clip", "segment", "event")]
    tuned += tune_scenarios(scores, truth, PSDS_METRICS)
    return dict(zip(METRICS, tuned, strict=True))


def tune_all(scores, truth, thresholds=THRESHOLDS, windows=WINDOWS):
    """For "clip", "segment" and "event" what `best_parameters` returns.

    Arguments
    ---------
    scores, truth : ClipScores, GroundTruth
        Of the validation set.
    thresholds, windows : sequence
        Thresholds, and odd median windows in frames, to try; clips have no
        windows.

    Example
    -------
    >>> from speechbrain_mmsed.evaluation.metrics.truth import GroundTruth
    >>> from speechbrain_mmsed.postprocessing.scores import ClipScores
    >>> frame, seconds = np.zeros((2, 64, 1)), {"a": 10.0, "b": 10.0}
    >>> scores = ClipScores(
    ...     [*seconds], [10, 10], ["Dog"], [[0.35], [0.05]], frame, [1, 1], 0.16
    ... )
    >>> rows = [["a", 0.0, 1.5, "Dog"]]
    >>> truth = GroundTruth.of_rows(rows, seconds, ["Dog"])
    >>> parameters, f1 = tune_all(scores, truth)["clip"]
    >>> parameters.thresholds.tolist(), f1.shape
    ([0.3], (1,))
    """
    grid = count_grid(scores, truth, thresholds, windows)
    grid = {"clip": count_clips(scores, truth, thresholds), **grid}
    tuned = {metric: best_parameters(counts) for metric, counts in grid.items()}
    tuned["clip"][0].windows = None
    return tuned


def tune_event(scores, truth, thresholds=THRESHOLDS, windows=WINDOWS):
    """What `best_parameters` returns for events; arguments as of `tune_all`."""
    grid = count_grid(scores, truth, thresholds, windows, ("event",))
    return best_parameters(grid["event"])


def tune_scenarios(scores, truth, scenarios, windows=WINDOWS):
    """ClassParameters with the best windows for PSDS, one per scenario.

    `scenarios` are names or Scenarios, `windows` odd and rising; the scores
    are passed over once.

    Example
    -------
    >>> from speechbrain_mmsed.evaluation.metrics.truth import GroundTruth
    >>> from speechbrain_mmsed.evaluation.metrics.psd_roc import Scenario
    >>> from speechbrain_mmsed.postprocessing.scores import ClipScores
    >>> frame = np.full((1, 64, 1), 0.9, dtype=np.float32)
    >>> frame[0, 20] = 0.0  # a gap that a window of 3 closes
    >>> scores = ClipScores(
    ...     ["a"], [10.0], ["Dog"], [[0.9]], frame, [True], 0.1565
    ... )
    >>> rows = [["a", 0.0, 10.0, "Dog"]]
    >>> truth = GroundTruth.of_rows(rows, {"a": 10.0}, ["Dog"])
    >>> strict = Scenario(0.99, 1.0, 0.3, 1.0, 0.0)
    >>> tune_scenarios(scores, truth, [strict])[0].windows.tolist()
    [3]
    """
    each = np.repeat(np.asarray(windows)[:, None], len(truth.labels), axis=1)
    return [
        best_windows(truth.labels, windows, np.array([c.areas() for c in row]))
        for row in count(scores, truth, each, scenarios)
    ]


def tune_all_boxes(scores, truth, metrics, **settings):
    """BoxParameters of `metrics`, and the tuned ClassParameters of cbf1.

    A clip's label follows from the clip's own score, which boxes do not
    touch; `settings` as of `tune_boxes`.
    """
    labels, _ = best_parameters(count_clips(scores, truth, THRESHOLDS))
    labels.windows = None
    score = functools.partial(_score_boxes, truth)
    tuned = tune_boxes(scores, metrics, score, **settings)
    return {"cbf1": labels, **{m: found for m, (found, _) in tuned.items()}}


def _score_boxes(truth, boxes, metrics):
    """Best F1 or area of each class, as `tune_boxes` asks for them."""
    found = {}
    kinds = {m: F1_KINDS[m] for m in metrics if m in F1_KINDS}
    if kinds:
        grid = count_grid(boxes, truth, THRESHOLDS, [1], kinds.values())
        for metric, kind in kinds.items():
            best, f1 = best_parameters(grid[kind])
            found[metric] = np.where(best.tuned, f1, -1.0), best.thresholds
    psds = [metric for metric in metrics if metric not in kinds]
    counts = count_boxes(boxes, truth, psds) if psds else []
    areas = {m: (c.areas(), None) for m, c in zip(psds, counts, strict=True)}
    return found | areas


def choose_weight(folder, truth):
    """`metrics.scored.best_weight` of a folder of validation scores."""
    return best_weight(folder, truth, tune_event)


def validation_f1(scores, truth_folder, labels):
    """Event-based F1 of scores of the validation set, as `choose_weight`.

    A fraction; classes without events count 0. `truth_folder` as of
    `evaluate_run`, `labels` the C class labels.
    """
    truth = GroundTruth.load_subset(truth_folder, "validation", labels)
    tuned, by_class = tune_event(scores, truth)
    return by_class[tuned.tuned].sum() / len(by_class)
