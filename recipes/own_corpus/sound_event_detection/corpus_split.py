"""Which recordings are for training, which for validation.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import numpy as np

from speechbrain_mmsed.dataio.corpus.preparation_report import PrepareError
from speechbrain_mmsed.seeding import derive_seed

DRAWS = 100


def draw_split(recordings, labels, fraction, seed):
    """Puts a part of the recordings aside for validation.

    Recordings of a group stay together. Of 100 draws the one is taken that
    comes nearest to the fraction in each class, and leaves each class in both
    parts if that can be.

    Arguments
    ---------
    recordings : list of Recording
        Get their `split`.
    labels : list of str
        The classes.
    fraction : float
        Of the groups, above 0 and below 1.
    seed : int
        Of the draws.
    """
    groups = {}
    for recording in recordings:
        groups.setdefault(recording.group or recording.name, []).append(
            recording
        )
    members, n_groups = list(groups.values()), len(groups)
    if not 0 < fraction < 1 or n_groups < 2:
        raise PrepareError(
            f"validation_fraction is {fraction} of {n_groups} recordings (or "
            f"groups of them), expected a number between 0 and 1 and at least "
            f"2 recordings with labels: one is needed for validation."
        )
    number = min(max(1, round(fraction * n_groups)), n_groups - 1)
    holds = _held(members, labels)
    rng = np.random.default_rng(derive_seed(seed, "split"))
    draws = [rng.permutation(n_groups)[:number] for _ in range(DRAWS)]
    chosen = set(min(draws, key=lambda d: _badness(holds, d, fraction)))
    for place, group in enumerate(members):
        for recording in group:
            recording.split = "validation" if place in chosen else "train"


def _held(groups, labels):
    """(groups, C) how many recordings of each group hold each class."""
    place = {label: number for number, label in enumerate(labels)}
    holds = np.zeros((len(groups), len(labels)), np.int32)
    for row, group in zip(holds, groups, strict=True):
        for r in group:
            held = r.tags | {event[2] for event in r.events}
            row[[place[label] for label in held]] += 1
    return holds


def _badness(holds, draw, fraction):
    """How far a draw is from the fraction in each class."""
    whole = holds.sum(0)
    part = holds[draw].sum(0)
    lost = (whole > 1) & ((part == 0) | (part == whole))
    return 100 * lost.sum() + np.abs(part - fraction * whole).sum()
