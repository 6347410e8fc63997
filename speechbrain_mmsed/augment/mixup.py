"""Mixup over all streams and labels of a clip at once (section 3.1.5).

One ratio and one permutation serve the log-mel features, every further stream
and both kinds of labels, so that a mixed clip stays one clip. Pairs are of one
group (subset and streams they have): what is available never changes.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import dataclasses

import numpy as np
import torch

from speechbrain_mmsed.seeding import derive_generator, derive_seed


@dataclasses.dataclass
class MixupPlan:
    """What one batch is mixed with.

    Arguments
    ---------
    ratio : float
        Share of the clip itself, in [0, 1].
    partner : torch.Tensor
        (B,) index of the clip that gives the rest.

    Example
    -------
    >>> plan = MixupPlan(0.75, torch.tensor([1, 0]))
    >>> plan.apply(torch.tensor([[0.0], [4.0]])).flatten().tolist()
    [1.0, 3.0]
    """

    ratio: float
    partner: torch.Tensor

    def apply(self, tensor):
        """ratio * tensor + (1 - ratio) * tensor[partner], tensor (B, ...)."""
        return torch.lerp(tensor[self.partner], tensor, self.ratio)


class Mixup:
    """Draws a plan for a batch, or none.

    Arguments
    ---------
    rate : float
        Probability that a batch is mixed; the paper's 33 %.
    alpha : float
        Both parameters of the beta distribution of the ratio; 0.2.

    Example
    -------
    >>> mixup = Mixup(rate=1.0)
    >>> plan = mixup.draw(torch.tensor([0, 0, 1]), seed=(1, 2, 3))
    >>> plan.partner[2].item()
    2
    """

    def __init__(self, rate=0.33, alpha=0.2):
        if not 0.0 <= rate <= 1.0 or alpha <= 0.0:
            raise ValueError(
                f"Mixup rate {rate} must be in [0, 1] and alpha {alpha} > 0."
            )
        self.rate = rate
        self.alpha = alpha

    def draw(self, groups, seed):
        """A MixupPlan, or None where the batch stays as it is.

        `groups` (B,), on the CPU: only equal ones are paired. `seed`:
        what the draw depends on, (seed, epoch, step).
        """
        generator = derive_generator(*seed, "mixup")
        if torch.rand((), generator=generator).item() >= self.rate:
            return None
        partner = torch.arange(len(groups))
        for group in groups.unique():
            rows = (groups == group).nonzero().flatten()
            order = torch.randperm(len(rows), generator=generator)
            partner[rows] = rows[order]
        return MixupPlan(self._ratio(seed), partner)

    def _ratio(self, seed):
        """One draw from Beta(alpha, alpha); torch's takes no generator."""
        rng = np.random.default_rng(derive_seed(*seed, "mixup ratio"))
        return float(rng.beta(self.alpha, self.alpha))


def mixup_groups(subset, available):
    """Numbers (B,) of the groups within which clips may be mixed.

    Equal only for clips of one subset, (B,), with the same streams, (B, S).

    Example
    -------
    >>> have = torch.tensor([[True, True], [True, False], [True, True]])
    >>> mixup_groups(torch.tensor([0, 0, 0]), have).tolist()
    [3, 1, 3]
    """
    bits = 2 ** torch.arange(available.shape[1])
    pattern = (available.long() * bits).sum(1)
    return subset.long() * 2 ** available.shape[1] + pattern
