"""Parameters of the polyphonic sound detection scores (Table 4).

Authors
 * The speechbrain_mmsed authors, 2026
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Scenario:
    """Parameters of one polyphonic sound detection score (Table 4).

    Arguments
    ---------
    detection_tolerance : float
        Share of a detection that events of its class must cover.
    ground_truth_intersection : float
        Share of an event that such detections must cover.
    cross_trigger_tolerance : float
        Share of a failed detection that events of another class must cover
        to count as a cross-trigger.
    instability_cost : float
        Weight of the deviation over classes (alpha_ST).
    cross_trigger_cost : float
        Weight of cross-triggers in the effective false-positive rate
        (alpha_CT).
    max_rate : float
        Largest effective false-positive rate, per hour.
    """

    detection_tolerance: float
    ground_truth_intersection: float
    cross_trigger_tolerance: float
    instability_cost: float
    cross_trigger_cost: float
    max_rate: float = 100.0

    def text(self):
        """The definition in a line.

        Returns
        -------
        str

        Example
        -------
        >>> SCENARIOS["psds1"].text()
        'DTC 0.7, GTC 0.7, alpha_CT 0, alpha_ST 1, at most 100 false \
positives per hour'
        """
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
    """The parameters of a scenario given by name or given directly.

    Arguments
    ---------
    scenario : str or Scenario
        A key of `SCENARIOS` or parameters of one's own.

    Returns
    -------
    Scenario
    """
    if isinstance(scenario, Scenario):
        return scenario
    if scenario not in SCENARIOS:
        raise ValueError(
            f"PSDS scenario {scenario!r}: expected one of {sorted(SCENARIOS)}"
        )
    return SCENARIOS[scenario]


def empty_result(labels, present, scenario):
    """The form of a result, with the reason where no value can be given.

    Arguments
    ---------
    labels : list of str
        C class labels.
    present : list of str
        Those that have reference events longer than 0 s.
    scenario : Scenario
        The parameters.

    Returns
    -------
    dict
        See `psds_of_operating_points`; value is None.
    """
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
