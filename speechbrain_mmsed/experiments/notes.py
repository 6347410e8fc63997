"""What keeps an experiment from being the published one.

A table without its conditions is taken for a reproduction sooner or later, so
they stand in its title.

Authors
 * The speechbrain_mmsed authors, 2026
"""

from speechbrain_mmsed.experiments.paper import CLIPS, SEEDS, STEPS


def notes(choices, stands_for):
    """What differs from the paper's experiment.

    Arguments
    ---------
    choices : dict
        System -> Choice, at least one.
    stands_for : dict
        Stream -> the published stream in whose place it is.

    Returns
    -------
    list of str
        Empty where corpus, seeds, steps and streams are the paper's.
    """
    runs = [run for choice in choices.values() for run in choice.runs]
    found = []
    seeds = [len(choice.runs) for choice in choices.values()]
    if min(seeds) < SEEDS:
        found.append(f"{_range(seeds)} of {SEEDS} seeds")
    if not is_papers_corpus(choices):
        clips = " and ".join(
            f"{_range([_n_clips(run, subset) for run in runs])} {subset} clips "
            f"instead of {published}"
            for subset, published in CLIPS.items()
        )
        found.append(f"another corpus ({clips})")
    steps = [run.report["metadata"]["training_steps"] for run in runs]
    if {*steps} != {STEPS}:
        found.append(f"{_range(steps)} training steps instead of {STEPS}")
    used = {name for system in choices for name in system.streams}
    found += [
        f"{name} in the place of {published}"
        for name, published in stands_for.items()
        if name in used
    ]
    if any(choice.n_missing for choice in choices.values()):
        found.append("weights chosen before all runs of the search were done")
    if any(run.model != "student" for run in runs):
        found.append("the teacher instead of the student")
    return found


def is_papers_corpus(choices):
    """Whether the runs were measured on as many clips as the paper's.

    Arguments
    ---------
    choices : dict
        System -> Choice.

    Returns
    -------
    bool
    """
    return all(
        _n_clips(run, subset) == published
        for choice in choices.values()
        for run in choice.runs
        for subset, published in CLIPS.items()
    )


def _n_clips(run, subset):
    return run.report["counts"]["subsets"][subset]["clips"]


def _range(numbers):
    """Smallest to largest."""
    low, high = min(numbers), max(numbers)
    return str(low) if low == high else f"{low} to {high}"
