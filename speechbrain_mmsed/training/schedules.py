"""What changes in the course of training: learning rate and consistency.

Each schedule is a function of the number of optimiser steps done, so a
resumed run needs no state of its own.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import math


class LearningRateDecay:
    """Multiplicative decay of the learning rate (section 3.1.5).

    Arguments
    ---------
    initial : float
        Learning rate of the first step.
    decay_steps : int
        Steps after which the rate has been multiplied by `factor`.
    factor : float
        The paper's 0.1.
    staircase : bool
        True keeps the rate constant within `decay_steps` (as the public
        code of reference [24] does); False decays at every step.

    Example
    -------
    >>> schedule = LearningRateDecay(0.001, decay_steps=10)
    >>> [round(schedule(step), 6) for step in (0, 9, 10, 20)]
    [0.001, 0.001, 0.0001, 1e-05]
    """

    def __init__(
        self, initial=1e-3, decay_steps=10000, factor=0.1, staircase=True
    ):
        if initial <= 0 or decay_steps < 1 or not 0 < factor <= 1:
            raise ValueError(
                f"Learning rate {initial} must be > 0, decay_steps "
                f"{decay_steps} >= 1 and factor {factor} in (0, 1]."
            )
        self.initial = initial
        self.decay_steps = decay_steps
        self.factor = factor
        self.staircase = staircase

    def __call__(self, step):
        """The learning rate of a step after `step` optimiser steps."""
        exponent = step / self.decay_steps
        if self.staircase:
            exponent = math.floor(exponent)
        return self.initial * self.factor**exponent


class ConsistencyWeight:
    """Weight of the consistency costs, with an optional ramp-up.

    Arguments
    ---------
    weight : float
        Final weight; the paper's 2.
    rampup_steps : int
        T of weight * exp(-5 (1 - t / T)^2); 0, the paper, has no ramp.

    Example
    -------
    >>> ConsistencyWeight(2.0)(0)
    2.0
    >>> round(ConsistencyWeight(2.0, rampup_steps=10)(0), 4)
    0.0135
    """

    def __init__(self, weight=2.0, rampup_steps=0):
        if weight < 0 or rampup_steps < 0:
            raise ValueError(
                f"Consistency weight {weight} and rampup_steps "
                f"{rampup_steps} must not be negative."
            )
        self.weight = weight
        self.rampup_steps = rampup_steps

    def __call__(self, step):
        """The weight of a step after `step` optimiser steps."""
        if step >= self.rampup_steps:
            return self.weight
        rest = 1.0 - step / self.rampup_steps
        return self.weight * math.exp(-5.0 * rest**2)
