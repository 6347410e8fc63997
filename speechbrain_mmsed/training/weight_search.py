"""A fusion weight for each stream of a trained network, coarse to fine.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import itertools

from tqdm import tqdm

from speechbrain_mmsed.nnet.fusion import short_form
from speechbrain_mmsed.postprocessing.scores import score_file

UNITS = 16  # of which the weights of all streams have so many together


class WeightSearch:
    """Looks for the weights whose scores are best.

    All multiples of a quarter first, then neighbours of the best ones, at an
    eighth and at a sixteenth. Of equal ones the last by `score_file` is taken,
    as `best_weight` does.

    Arguments
    ---------
    objective : callable
        From ClipScores of the validation set to a number, larger for better.

    Example
    -------
    >>> search = WeightSearch(lambda share: -abs(share - 0.4))
    >>> tried = search(lambda weight: weight, n_streams=2)
    >>> list(tried)[-1], len(tried)
    (0.375, 7)
    """

    STEPS = (4, 2, 1)

    def __init__(self, objective):
        self.objective = objective

    def __call__(self, score, n_streams):
        """Weights -> ClipScores of all that was tried, the best one last.

        `score` makes ClipScores of weights, as `fusion_weights` takes them.
        """
        found, value = {}, {}
        coarse, *finer = self.STEPS
        parts = range(0, UNITS + 1, coarse)
        grid = itertools.product(parts, repeat=n_streams)
        todo = [point for point in grid if sum(point) == UNITS]
        with tqdm(desc="fusion weights", unit="weights", disable=None) as bar:
            for step in (*finer, None):
                for point in todo:
                    # The sound alone is no candidate, nor is no sound.
                    if 0 < point[0] < UNITS and point not in value:
                        weight = short_form([part / UNITS for part in point])
                        found[weight] = score(weight)
                        of_scores = self.objective(found[weight])
                        value[point] = of_scores, score_file(weight), weight
                        bar.update()
                best = max(value, key=value.get)
                todo = _neighbours(best, step) if step else ()
        best = value[best][2]
        found[best] = found.pop(best)
        return found


def _neighbours(point, step):
    """Points where one stream gives another so many units."""
    for giver, taker in itertools.permutations(range(len(point)), 2):
        moved = list(point)
        moved[giver] -= step
        moved[taker] += step
        if moved[giver] >= 0:
            yield tuple(moved)
