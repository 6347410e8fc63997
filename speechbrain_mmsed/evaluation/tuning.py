"""Post-processing and inference weight, tuned on fast counts.

What is chosen, and how ties are broken, is that of `metrics.scored`; the
counts of the whole grid come from one pass over the scores.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import itertools

import numpy as np
from tqdm import tqdm

from speechbrain_mmsed.evaluation.counts.counts import count_clips, count_grid
from speechbrain_mmsed.evaluation.counts.psds_counting import count
from speechbrain_mmsed.evaluation.metrics.scored import (
    THRESHOLDS,
    WINDOWS,
    best_parameters,
    best_weight,
    best_windows,
)
from speechbrain_mmsed.evaluation.metrics.truth import GroundTruth
from speechbrain_mmsed.nnet.fusion import short_form
from speechbrain_mmsed.postprocessing.scores import score_file


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


def choose_weight(folder, truth):
    """`metrics.scored.best_weight` of a folder of validation scores."""
    return best_weight(folder, truth, tune_event)


class WeightSearch:
    """Looks for a fusion weight of each stream, coarse to fine.

    By the event-based F1 on validation, as `choose_weight`: all multiples of
    a quarter first, then neighbours of the best ones, at an eighth and at a
    sixteenth; the encoders need not run again.

    Arguments
    ---------
    truth_folder : str
        As of `evaluate_run`.
    labels : list of str
        C class labels.
    """

    UNITS = 16
    STEPS = (4, 2, 1)

    def __init__(self, truth_folder, labels):
        self.truth_folder, self.labels = truth_folder, list(labels)

    def __call__(self, score, n_streams):
        """Weights -> ClipScores of all that was tried, the best one last.

        `score` makes ClipScores of weights, as `fusion_weights` takes them.
        """
        truth = GroundTruth.load_subset(
            self.truth_folder, "validation", self.labels
        )
        found, f1 = {}, {}
        coarse, *finer = self.STEPS
        grid = itertools.product(
            range(0, self.UNITS + 1, coarse), repeat=n_streams
        )
        todo = [p for p in grid if sum(p) == self.UNITS]
        with tqdm(desc="fusion weights", unit="weights", disable=None) as bar:
            for step in (*finer, None):
                for point in todo:
                    weight = short_form([part / self.UNITS for part in point])
                    # The sound alone is no candidate, nor is no sound.
                    if 0 < point[0] < self.UNITS and point not in f1:
                        found[weight] = score(weight)
                        tuned, by_class = tune_event(found[weight], truth)
                        mean = by_class[tuned.tuned].sum() / len(by_class)
                        f1[point] = mean, score_file(weight), weight
                        bar.update()
                best = max(f1, key=f1.get)
                if step is not None:
                    todo = _neighbours(best, step)
        best = f1[best][2]
        found[best] = found.pop(best)
        return found


def _neighbours(point, step):
    """Points where one stream gives another so many units."""
    for giver, taker in itertools.permutations(range(len(point)), 2):
        moved = list(point)
        moved[giver] -= step
        moved[taker] += step
        if moved[giver] >= 0:
            yield tuple(moved)
