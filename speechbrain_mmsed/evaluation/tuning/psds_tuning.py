"""Choice of the median windows for the polyphonic detection scores.

Section 3.1.3 tunes a window per class and metric on the validation set.
PSDS needs no thresholds, and because of the cost of instability it is not
separable by class; so each class gets the window with the largest area under
its own PSD-ROC, on which the windows of other classes have no influence.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import numpy as np

from speechbrain_mmsed.evaluation.counts.psds_counts import count
from speechbrain_mmsed.evaluation.counts.psds_figures import areas_of_counts
from speechbrain_mmsed.postprocessing.parameters import ClassParameters

WINDOWS = np.arange(1, 32, 2)
# Areas that differ by less are the same but for rounding.
SAME_AREA = 1e-12


def tune_windows(scores, truth, scenario, windows=WINDOWS):
    """The best median window of each class in one scenario.

    Arguments
    ---------
    scores : ClipScores
        Scores of the N validation clips.
    truth : GroundTruth
        Their reference events and durations.
    scenario : str or Scenario
        "psds1" or "psds2", or parameters.
    windows : numpy.ndarray
        (W,) odd windows in rising order.

    Returns
    -------
    ClassParameters
        Without thresholds. Ties go to the smaller window; a class without
        events longer than 0 s gets window 1 and is marked untuned.

    Example
    -------
    >>> import pandas as pd
    >>> from speechbrain_mmsed.evaluation.metrics.truth import GroundTruth
    >>> from speechbrain_mmsed.postprocessing.scores import ClipScores
    >>> frame = np.full((1, 64, 1), 0.9, dtype=np.float32)
    >>> frame[0, 20] = 0.0  # a gap that a window of 3 closes
    >>> scores = ClipScores(
    ...     ["a"], [10.0], ["Dog"], [[0.9]], frame, [True], 0.1565
    ... )
    >>> events = pd.DataFrame(
    ...     [["a", 0.0, 10.0, "Dog"]],
    ...     columns=["filename", "onset", "offset", "event_label"],
    ... )
    >>> truth = GroundTruth(events, {"a": 10.0}, ["Dog"])
    >>> from speechbrain_mmsed.evaluation.metrics.psds_scenarios import Scenario
    >>> strict = Scenario(0.99, 1.0, 0.3, 1.0, 0.0)
    >>> tune_windows(scores, truth, strict).windows.tolist()
    [3]
    """
    return tune_scenarios(scores, truth, [scenario], windows)[0]


def tune_scenarios(scores, truth, scenarios, windows=WINDOWS):
    """The best windows in several scenarios, in one pass over the scores.

    Arguments
    ---------
    scores : ClipScores
        Scores of the N validation clips.
    truth : GroundTruth
        Their reference events and durations.
    scenarios : list
        Names of scenarios, or parameters.
    windows : numpy.ndarray
        (W,) odd windows in rising order.

    Returns
    -------
    list of ClassParameters
        One per scenario, see `tune_windows`.
    """
    windows = np.asarray(windows)
    each = np.repeat(windows[:, None], len(truth.labels), axis=1)
    tuned = []
    counts = count(scores, truth, each, scenarios)
    for scenario, grid in zip(scenarios, counts, strict=True):
        areas = areas_of_counts(grid, scenario)
        best = np.argmax(areas >= areas.max(axis=0) - SAME_AREA, axis=0)
        present = grid.n_reference > 0
        chosen = np.where(present, windows[best], 1)
        tuned.append(ClassParameters(truth.labels, None, chosen, present))
    return tuned
