"""Scenarios of PSDS (Table 4), and the curves behind its figures.

Definitions of Bilen et al., "A framework for the robust evaluation of sound
event detection" (ICASSP 2020), as psds_eval 0.5.3 computes them: staircases,
made monotonic, started at (0, 0) and extended to the right; deviation over
classes with divisor C.

Authors
 * The speechbrain_mmsed authors, 2026
"""

from dataclasses import dataclass

import numpy as np

RATE_DECIMALS = 9


@dataclass(frozen=True)
class Scenario:
    """Parameters of one polyphonic sound detection score (Table 4).

    Arguments
    ---------
    detection_tolerance : float
        Share of a detection that events of its class must cover (DTC).
    ground_truth_intersection : float
        Share of an event that such detections must cover (GTC).
    cross_trigger_tolerance : float
        Share of a failed detection that events of another class must cover
        to count as a cross-trigger (CTTC).
    instability_cost, cross_trigger_cost : float
        Weight of the deviation over classes (alpha_ST), and of
        cross-triggers in the effective false-positive rate (alpha_CT).
    max_rate : float
        Largest effective false-positive rate, per hour.

    Example
    -------
    >>> SCENARIOS["psds1"].text()
    'DTC 0.7, GTC 0.7, alpha_CT 0, alpha_ST 1, at most 100 false \
positives per hour'
    """

    detection_tolerance: float
    ground_truth_intersection: float
    cross_trigger_tolerance: float
    instability_cost: float
    cross_trigger_cost: float
    max_rate: float = 100.0

    def text(self):
        """The definition in a line."""
        crossing = ""
        if self.cross_trigger_cost > 0:
            crossing = f"CTTC {self.cross_trigger_tolerance:g}, "
        return (
            f"DTC {self.detection_tolerance:g}, "
            f"GTC {self.ground_truth_intersection:g}, {crossing}"
            f"alpha_CT {self.cross_trigger_cost:g}, "
            f"alpha_ST {self.instability_cost:g}, at most {self.max_rate:g} "
            "false positives per hour"
        )


# PSDS1 has no cross-trigger tolerance (N/A in Table 4): with a cost of 0 its
# value does not matter, and 0.3 is psds_eval's default.
SCENARIOS = {
    "psds1": Scenario(0.7, 0.7, 0.3, 1.0, 0.0),
    "psds2": Scenario(0.1, 0.1, 0.3, 1.0, 0.5),
}
THRESHOLDS = np.arange(1, 100, 2) / 100


def scenario_of(scenario):
    """The Scenario of a name in `SCENARIOS`, or the Scenario itself."""
    if isinstance(scenario, Scenario):
        return scenario
    if scenario not in SCENARIOS:
        raise ValueError(
            f"PSDS scenario {scenario!r}: expected one of {sorted(SCENARIOS)}"
        )
    return SCENARIOS[scenario]


def empty_result(labels, present, scenario):
    """The form of a PSDS result: its value is None, with the reason if any."""
    reason = None
    if not present:
        reason = "no class has a reference event in these clips"
    elif len(present) == 1 and scenario.cross_trigger_cost > 0:
        reason = (
            f"only {present[0]} has reference events in these clips, and "
            "cross-triggers need two classes"
        )
    return {
        "value": None,
        "class_wise": dict.fromkeys(labels),
        "averaged_classes": list(present),
        "excluded_classes": [la for la in labels if la not in present],
        "reason": reason,
        "computed_by": "",
    }


def best_curves(hits, rates, max_rate):
    """The steps of each PSD-ROC: a list of (shares, rates), from rate 0.

    `hits` and `rates` (K, N) are shares of events found at K operating points,
    and effective false-positive rates per hour, of N classes or resamples;
    points beyond `max_rate` are left out.

    Example
    -------
    >>> hits, rates = np.array([[0.5, 0.4, 1.0], [20.0, 30.0, 60.0]])[..., None]
    >>> [values.tolist() for values in best_curves(hits, rates, 100.0)[0]]
    [[0.0, 0.5, 1.0], [0.0, 20.0, 60.0]]
    """
    # Sums of changes leave rounding behind; what is equal shall be equal.
    first = np.zeros((rates.shape[1], 1))
    rates = np.concatenate([first, rates.T.round(RATE_DECIMALS)], axis=1)
    hits = np.concatenate([first, hits.T], axis=1) * (rates <= max_rate)
    # Of equal rates the best share first: the others are no steps.
    order = np.lexsort((-hits, rates))
    hits = np.take_along_axis(hits, order, axis=1)
    best = np.maximum.accumulate(hits, axis=1)
    steps = np.diff(best, axis=1, prepend=-1.0) > 0
    rates = np.take_along_axis(rates, order, axis=1)
    rows = zip(best, rates, steps, strict=True)
    return [(shares[some], at[some]) for shares, at, some in rows]


def class_areas(hits, rates, max_rate):
    """Areas, as floats, under the PSD-ROC of the classes, from (P, C)."""
    curves = best_curves(hits, rates, max_rate)
    return [float(area(*curve, max_rate)) for curve in curves]


def curves_of_points(labels, hits, rates, scenario):
    """PSD-ROC of each class and of all as lists of floats, for pictures.

    classes: label -> [shares, rates]; overall: [shares, rates].
    """
    curves = best_curves(hits, rates, scenario.max_rate)
    shares, rates = together(curves)
    overall = effective(shares, scenario.instability_cost), rates
    plain = [[v.tolist() for v in curve] for curve in [*curves, overall]]
    return {
        "classes": dict(zip(labels, plain[:-1], strict=True)),
        "overall": plain[-1],
    }


def together(curves):
    """(C, K) shares of C curves at the rates (K,) where any of them steps."""
    rates = np.unique(np.concatenate([rates for _, rates in curves]))
    shares = [
        hits[np.searchsorted(steps, rates, side="right") - 1]
        for hits, steps in curves
    ]
    return np.stack(shares), rates


def effective(shares, instability_cost):
    """(K,) mean of (C, K) shares over classes, less their deviation."""
    spread = instability_cost * shares.std(axis=0)
    return np.maximum(shares.mean(axis=0) - spread, 0.0)


def area(shares, rates, max_rate):
    """Area under shares (..., K) at rising rates (K,), divided by its width."""
    widths = np.diff(np.append(rates, max_rate))
    return (widths * shares).sum(axis=-1) / max_rate
