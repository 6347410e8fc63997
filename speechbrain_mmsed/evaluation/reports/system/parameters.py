"""Post-processing of a system that is known by its files: tuned or given.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import numpy as np

from speechbrain_mmsed.evaluation.evaluate import tune
from speechbrain_mmsed.evaluation.metrics.run import METRICS
from speechbrain_mmsed.evaluation.metrics.scored import (
    DEFAULT_THRESHOLD,
    DEFAULT_WINDOW,
)
from speechbrain_mmsed.evaluation.reports.system.definitions import untuned_text
from speechbrain_mmsed.postprocessing.parameters import ClassParameters


def choose_parameters(inputs, arguments):
    """Thresholds and windows: tuned, or as given.

    Arguments
    ---------
    inputs : Inputs
        What is evaluated.
    arguments : argparse.Namespace
        Of `mmsed evaluate`.

    Returns
    -------
    dict
        For each metric a ClassParameters; {} for operating points.
    """
    if inputs.scores is None:
        return {}
    if inputs.validation is not None:
        return tune(inputs.validation, inputs.truth["validation"])
    labels = inputs.scores.labels
    threshold, window = _fixed(arguments)
    n_classes = len(labels)
    thresholds = np.full(n_classes, threshold)
    windows = np.full(n_classes, window)
    return {
        metric: ClassParameters(
            labels,
            None if metric.startswith("psds") else thresholds,
            None if metric == "cbf1" else windows,
            np.zeros(n_classes, dtype=bool),
        )
        for metric in METRICS
    }


def _fixed(arguments):
    """Threshold and window of an untuned evaluation."""
    threshold, window = arguments.threshold, arguments.window
    return (
        DEFAULT_THRESHOLD if threshold is None else threshold,
        DEFAULT_WINDOW if window is None else window,
    )


def describe_parameters(inputs, arguments):
    """How scores become events, in a sentence.

    Arguments
    ---------
    inputs : Inputs
        What is evaluated.
    arguments : argparse.Namespace
        Of `mmsed evaluate`.

    Returns
    -------
    str
    """
    if inputs.scores is None:
        if inputs.chosen_name:
            return f"F1 of one operating point: {inputs.chosen_name}."
        return "PSDS only: no operating point was chosen for F1."
    if inputs.validation is not None:
        return (
            "Tuned: thresholds and median windows of each class and metric "
            f"on {arguments.validation_predictions}."
        )
    return untuned_text(*_fixed(arguments), inputs.scores.frame_hop)
