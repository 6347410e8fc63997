"""One pair of training and inference weight for each system.

Section 3.2.2: the pair with the best event-based F1 on the validation set, in
the mean over the runs of the system.

Authors
 * The speechbrain_mmsed authors, 2026
"""

from dataclasses import dataclass, field

import numpy as np


@dataclass
class Choice:
    """What was chosen for a system.

    Arguments
    ---------
    configuration : Configuration
        Its way to train.
    weight : float
        Its weight of the sound in scoring.
    runs : list of Run
        The finished runs of that configuration.
    tried : dict
        (training weight, inference weight) -> mean validation event-based
        F1 and number of runs.
    n_missing : int
        Configurations without any run.
    """

    configuration: object
    weight: float
    runs: list
    tried: dict = field(default_factory=dict)
    n_missing: int = 0


def choose(system, runs):
    """The best pair of a system among its finished runs.

    Arguments
    ---------
    system : System
        A row of a table.
    runs : list of Run
        Finished runs of the experiment.

    Returns
    -------
    Choice or None
        None where the system has no finished run. Of equal pairs the one
        with the larger inference weight, then the larger training weight.
    """
    tried, by_configuration, n_missing = {}, {}, 0
    for configuration in system.configurations():
        own = [run for run in runs if run.job.configuration == configuration]
        if not own:
            n_missing += 1
            continue
        by_configuration[configuration] = own
        for weight in system.inference or (1.0,):
            found = [run.validation_f1.get(float(weight)) for run in own]
            found = [-1.0 if f1 is None else f1 for f1 in found]
            tried[configuration, float(weight)] = (
                float(np.mean(found)),
                len(found),
            )
    if not tried:
        return None

    def rank(pair):
        training = pair[0].training
        number = training if isinstance(training, int | float) else 0.0
        return tried[pair][0], pair[1], number

    configuration, weight = max(tried, key=rank)
    return Choice(
        configuration,
        weight,
        by_configuration[configuration],
        {(c.training, w): result for (c, w), result in tried.items()},
        n_missing,
    )
