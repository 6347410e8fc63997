"""Polyphonic sound detection scores over all thresholds.

psds_eval's figure depends on the 50 thresholds that are given to it: where
a class's scores crowd between two of them, its curve has no point. With every
distinct score as a threshold nothing is left to choose, and the figure is
the limit of ever finer lists. Beside the paper's figures, not instead.

The semantics are those of sed_scores_eval 0.0.4, with which tests compare
this; see `threshold_free_counts.py` for where it differs from psds_eval.
Classes without reference events leave the averages, as in `psds.py`
(sed_scores_eval refuses them).

Authors
 * The speechbrain_mmsed authors, 2026
"""

from speechbrain_mmsed.evaluation.counts.threshold_free_by_clip import (
    ThresholdFreeCounts,
)


def threshold_free_psds(scores, truth, windows, scenario):
    """One polyphonic sound detection score over all thresholds.

    Arguments
    ---------
    scores : ClipScores
        Scores of N clips, those of the ground truth.
    truth : GroundTruth
        Reference events and durations.
    windows : numpy.ndarray
        (C,) odd median windows in frames, applied before.
    scenario : str or Scenario
        "psds1" or "psds2", or parameters.

    Returns
    -------
    dict
        As `psds` returns: value (0 to 1, or None), class_wise,
        averaged_classes, excluded_classes, reason, computed_by; also
        definition, n_classes (in the average) and windows (label ->
        frames). For the curves see `ThresholdFreeCounts.roc`.

    Example
    -------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from speechbrain_mmsed.evaluation.metrics.truth import GroundTruth
    >>> from speechbrain_mmsed.postprocessing.scores import ClipScores
    >>> frame = np.zeros((1, 64, 1))
    >>> frame[0, :10] = 0.013
    >>> scores = ClipScores(
    ...     ["a"], [10.0], ["Dog"], [[0.013]], frame, [True], 0.1565
    ... )
    >>> events = pd.DataFrame(
    ...     [["a", 0.0, 1.5, "Dog"]],
    ...     columns=["filename", "onset", "offset", "event_label"],
    ... )
    >>> truth = GroundTruth(events, {"a": 10.0}, ["Dog"])
    >>> threshold_free_psds(scores, truth, [1], "psds1")["value"]
    1.0
    """
    return ThresholdFreeCounts(scores, truth, windows, scenario).result()
