"""Polyphonic sound detection scores of counts at some thresholds.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import numpy as np

from speechbrain_mmsed.evaluation.metrics.psd_roc import (
    class_areas,
    empty_result,
    scenario_of,
    score,
)


def psds_of_counts(counts, scenario, row=0):
    """The score of one set of windows, as `psds` returns it.

    Equal to psds_eval's figure but for rounding; the result says that it was
    computed here.
    """
    scenario = scenario_of(scenario)
    curves = counts.curves(scenario.cross_trigger_cost)
    hits, rates = (values[:, row] for values in curves)
    areas, value = class_areas(hits, rates, scenario.max_rate), np.nan
    keep = counts.n_reference > 0
    if keep.sum() >= fewest_classes(scenario):
        costs = scenario.instability_cost, scenario.max_rate
        value = score(hits[:, keep], rates[:, keep], *costs)
    result = make_result(
        counts.labels, counts.n_reference, areas, value, scenario
    )
    result["computed_by"] = "counts of speechbrain_mmsed"
    return result


def areas_of_counts(counts, scenario):
    """Areas (W, C) of every set of windows; -1 for classes without events."""
    scenario = scenario_of(scenario)
    hits, rates = counts.curves(scenario.cross_trigger_cost)
    areas = class_areas(hits, rates, scenario.max_rate)
    return np.where(counts.n_reference > 0, areas, -1.0)


def fewest_classes(scenario):
    """Number of classes with events without which there is no score."""
    return 2 if scenario.cross_trigger_cost > 0 else 1


def make_result(labels, n_reference, areas, value, scenario):
    """The form of a result."""
    present = np.flatnonzero(n_reference)
    averaged = [labels[c] for c in present]
    result = empty_result(labels, averaged, scenario)
    if result["reason"] is None:
        known = areas[present].tolist()
        result["class_wise"].update(zip(averaged, known, strict=True))
        result["value"] = float(value)
    return result
