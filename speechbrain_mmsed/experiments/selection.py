"""One pair of training and inference weight for each system.

Section 3.2.2: the pair with the best event-based F1 on the validation set, in
the mean over the runs of the system.

Authors
 * The speechbrain_mmsed authors, 2026
"""

from dataclasses import dataclass, field

import numpy as np

from speechbrain_mmsed.experiments.plan import PlanError


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
        Configurations that lack some of their runs, where there is
        something to choose.
    """

    configuration: object
    weight: float
    runs: list
    tried: dict = field(default_factory=dict)
    n_missing: int = 0


def choose(system, runs, jobs=()):
    """The best pair of a system among its finished runs.

    Pairs are compared on the seeds that all configurations have, so that a
    search that is not over compares like with like; on all of each where no
    seed is shared.

    Arguments
    ---------
    system : System
        A row of a table.
    runs : list of Run
        Finished runs of the experiment.
    jobs : list of Job
        All runs of the experiment, done or not.

    Returns
    -------
    Choice or None
        None where the system has no finished run. Of equal pairs the one
        with the larger inference weight, then the larger training weight.

    Raises
    ------
    PlanError
        If a run was not scored at a weight of the plan.
    """
    tried, by_configuration, n_missing = {}, {}, 0
    for configuration in system.configurations():
        own = [run for run in runs if run.job.configuration == configuration]
        planned = sum(job.configuration == configuration for job in jobs)
        n_missing += len(own) < max(planned, 1)
        if own:
            by_configuration[configuration] = own
    seeds = [{run.job.seed for run in own} for own in by_configuration.values()]
    shared = set.intersection(*seeds) if seeds else set()
    for configuration, own in by_configuration.items():
        compared = [run for run in own if run.job.seed in shared] or own
        for weight in system.inference or (1.0,):
            found = [_validation_f1(run, weight) for run in compared]
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
        n_missing if _has_choice(system) else 0,
    )


def _has_choice(system):
    return len(system.training) > 1 or len(system.inference) > 1


def _validation_f1(run, weight):
    """Of a run at a weight; below all others where it is not defined."""
    known = run.validation_f1
    # Reports name weights with four decimals.
    weight = round(float(weight), 4)
    if weight not in known:
        raise PlanError(
            f"{run.job.folder}: its report has no validation F1 at the weight "
            f"{weight:g} of the plan, only at {sorted(known)}; take the weight "
            "out of the plan, or remove that run to train it again"
        )
    return -1.0 if known[weight] is None else known[weight]
