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


def best_curve(hits, rates, max_rate):
    """The steps of one class's curve: shares and rates, from rate 0.

    `hits` and `rates` (K,) are shares of events found at K operating points,
    and effective false-positive rates per hour; points beyond `max_rate` are
    left out.

    Example
    -------
    >>> hits, rates = np.array([0.5, 0.4, 1.0]), np.array([20.0, 30.0, 60.0])
    >>> [values.tolist() for values in best_curve(hits, rates, 100.0)]
    [[0.0, 0.5, 1.0], [0.0, 20.0, 60.0]]
    """
    # Sums of changes leave rounding behind; what is equal shall be equal.
    rates = np.append(0.0, np.round(rates, RATE_DECIMALS))
    hits = np.append(0.0, hits)[rates <= max_rate]
    rates = rates[rates <= max_rate]
    order = np.argsort(rates, kind="stable")
    # The best share at or below each rate.
    hits, rates = np.maximum.accumulate(hits[order]), rates[order]
    last = np.append(rates[1:] > rates[:-1], True)
    hits, rates = hits[last], rates[last]
    steps = np.append(True, hits[1:] > hits[:-1])
    return hits[steps], rates[steps]


def class_areas(hits, rates, max_rate):
    """Areas, as floats, under the PSD-ROC of the classes, from (P, C)."""
    pairs = zip(hits.T, rates.T, strict=True)
    return [area(*best_curve(*pair, max_rate), max_rate) for pair in pairs]


def curves_of_points(labels, hits, rates, scenario):
    """PSD-ROC of each class and of all as lists of floats, for pictures.

    classes: label -> [shares, rates]; overall: [shares, rates].
    """
    curves = [
        best_curve(hits[:, c], rates[:, c], scenario.max_rate)
        for c in range(len(labels))
    ]
    overall = effective_curve(curves, scenario.instability_cost)
    plain = [[v.tolist() for v in curve] for curve in [*curves, overall]]
    return {
        "classes": dict(zip(labels, plain[:-1], strict=True)),
        "overall": plain[-1],
    }


def effective_curve(curves, instability_cost):
    """Mean of (shares, rates) over classes, less their deviation."""
    rates = np.unique(np.concatenate([rates for _, rates in curves]))
    shares = np.stack(
        [
            hits[np.searchsorted(steps, rates, side="right") - 1]
            for hits, steps in curves
        ]
    )
    effective = shares.mean(axis=0) - instability_cost * shares.std(axis=0)
    return np.maximum(effective, 0.0), rates


def area(shares, rates, max_rate):
    """Area under a curve of rising rates, divided by its width."""
    widths = np.diff(np.append(rates, max_rate))
    return float((widths * shares).sum() / max_rate)
