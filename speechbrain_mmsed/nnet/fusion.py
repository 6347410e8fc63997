"""Weighted fusion of several memories (Section 2.2 of the paper).

Where fusion weights come from (fixed or random), how they are scaled back
over the streams that a clip has, and the cross-attention that uses them. A
stream that is missing, or whose weight is 0, is not computed for that clip
at all: whatever is in its features can reach neither outputs, gradients
nor running statistics.

Authors
 * The speechbrain_mmsed authors, 2026
"""

from dataclasses import dataclass

import torch


@dataclass
class Memory:
    """Output of one encoder, for those clips of the batch that have one.

    Arguments
    ---------
    features : torch.Tensor
        (B_s, M, d) encoded frames.
    rows : torch.Tensor or None
        (B_s,) int64, rising: the clip of the batch that each row belongs to;
        None if the memory has all clips of the batch.
    """

    features: torch.Tensor
    rows: torch.Tensor | None = None


class FixedFusion:
    """The same weights for each batch.

    Arguments
    ---------
    primary_weight : float
        Weight of the primary stream, in (0, 1]; the other streams share the
        remainder equally.

    Example
    -------
    >>> FixedFusion(0.5).draw(3)
    tensor([0.5000, 0.2500, 0.2500])
    """

    def __init__(self, primary_weight):
        _check_primary(primary_weight)
        self.primary_weight = float(primary_weight)

    def draw(self, n_streams, generator=None):
        """Weights (S,) float32 of one batch, summing to 1."""
        return split_remainder(self.primary_weight, n_streams)


class RandomFusion:
    """A new weight of the primary stream for each batch, uniformly drawn.

    Arguments
    ---------
    low, high : float
        Smallest weight, above 0, and largest, at most 1.

    Example
    -------
    >>> RandomFusion().draw(2, torch.Generator().manual_seed(1)).sum()
    tensor(1.)
    """

    def __init__(self, low=0.25, high=1.0):
        _check_primary(low)
        _check_primary(high)
        if low > high:
            raise ValueError(f"low ({low}) is above high ({high})")
        self.low = float(low)
        self.high = float(high)

    def draw(self, n_streams, generator=None):
        """Weights (S,) float32 of one batch, summing to 1.

        `generator` is a CPU generator; torch's default one if None.
        """
        share = torch.rand((), generator=generator).item()
        weight = self.low + (self.high - self.low) * share
        return split_remainder(weight, n_streams)


def split_remainder(primary_weight, n_streams):
    """Weights of a primary stream and of others that share the rest.

    Arguments
    ---------
    primary_weight : float
        Weight of the primary stream, in (0, 1].
    n_streams : int
        Number of streams S, the primary one included.

    Returns
    -------
    torch.Tensor
        (S,) float32; with S = 1 the weight is 1 whatever was asked.

    Example
    -------
    >>> split_remainder(0.75, 2)
    tensor([0.7500, 0.2500])
    """
    _check_primary(primary_weight)
    if n_streams < 1:
        raise ValueError(f"n_streams is {n_streams}, expected 1 or more")
    if n_streams == 1:
        return torch.ones(1)
    others = n_streams - 1
    return torch.tensor(
        [primary_weight] + [(1.0 - primary_weight) / others] * others
    )


def fusion_from_setting(setting):
    """Build the source of fusion weights that a yaml value names.

    Arguments
    ---------
    setting : float or str
        "random", or the weight of the primary stream ("0.5" and 0.5 alike).

    Returns
    -------
    FixedFusion or RandomFusion
        The object whose `draw` gives a batch's weights.

    Example
    -------
    >>> fusion_from_setting("0.5").draw(2)
    tensor([0.5000, 0.5000])
    """
    if setting == "random":
        return RandomFusion()
    try:
        weight = float(setting)
    except (TypeError, ValueError):
        raise ValueError(
            f"fusion is {setting!r}, expected 'random' or the weight of the "
            "primary stream, a number above 0 and at most 1"
        ) from None
    return FixedFusion(weight)


def renormalise(weights, available):
    """Set the weights of missing streams to 0, scale the others back to 1.

    Arguments
    ---------
    weights : torch.Tensor
        (S,) or (B, S), not negative; the primary stream's (column 0) above 0.
    available : torch.Tensor
        (B, S) bool; column 0 is true for each clip.

    Returns
    -------
    torch.Tensor
        (B, S), at least float32; each row sums to 1. A clip that has only the
        primary stream gets exactly 1.0 there.

    Example
    -------
    >>> available = torch.tensor([[True, True], [True, False]])
    >>> renormalise(torch.tensor([0.75, 0.25]), available)
    tensor([[0.7500, 0.2500],
            [1.0000, 0.0000]])
    """
    if available.dim() != 2 or available.dtype != torch.bool:
        raise ValueError(
            f"available has shape {tuple(available.shape)} and type "
            f"{available.dtype}, expected (clips, streams) and torch.bool"
        )
    if tuple(weights.shape) not in (available.shape, available.shape[1:]):
        raise ValueError(
            f"fusion weights have shape {tuple(weights.shape)}, expected "
            f"{tuple(available.shape[1:])} or {tuple(available.shape)}"
        )
    weights = weights.to(
        available.device, torch.promote_types(weights.dtype, torch.float32)
    )
    if not bool((torch.isfinite(weights) & (weights >= 0)).all()):
        raise ValueError(
            f"fusion weights must be finite and not negative: {weights}"
        )
    if not bool((weights[..., 0] > 0).all()):
        raise ValueError(
            "the fusion weight of the primary stream (column 0) must be "
            f"above 0: {weights[..., 0]}"
        )
    if not bool(available[:, 0].all()):
        raise ValueError(
            "the primary stream (column 0) must be available for each clip"
        )
    kept = torch.where(available, weights, torch.zeros_like(weights))
    return kept / kept.sum(dim=1, keepdim=True)


def _check_primary(weight):
    """Refuses a weight outside (0, 1]."""
    if not 0.0 < weight <= 1.0:
        raise ValueError(
            f"the weight of the primary stream is {weight}, expected a number "
            "above 0 and at most 1"
        )
