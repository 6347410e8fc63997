"""Weighted fusion of several memories (Section 2.2 of the paper).

Weights that are fixed or drawn, and how they are scaled back over the streams
that a clip has.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import math
from collections.abc import Sequence

import torch


class FixedFusion:
    """The same weights for each batch.

    Arguments
    ---------
    weight : float or sequence of float
        As for `fusion_weights`.

    Example
    -------
    >>> FixedFusion(0.5).draw(3)
    tensor([0.5000, 0.2500, 0.2500])
    """

    def __init__(self, weight):
        self.weight = checked_weight(weight)

    def draw(self, n_streams, generator=None):
        """Weights (S,) float32 of one batch, summing to 1."""
        return fusion_weights(self.weight, n_streams)


class RandomFusion:
    """A new weight of the primary stream for each batch, uniformly drawn.

    Arguments
    ---------
    low, high : float
        Smallest weight, above 0, and largest, at most 1.
    equal : bool
        Whether the other streams share the remainder equally, as in the
        paper; otherwise each division among them is equally likely.

    Example
    -------
    >>> RandomFusion(equal=False).draw(3, torch.Generator().manual_seed(1))
    tensor([0.8182, 0.0205, 0.1613])
    """

    def __init__(self, low=0.25, high=1.0, equal=True):
        _check_primary(low)
        _check_primary(high)
        if low > high:
            raise ValueError(f"low ({low}) is above high ({high})")
        self.low = float(low)
        self.high = float(high)
        self.equal = equal

    def draw(self, n_streams, generator=None):
        """Weights (S,) float32 of one batch, summing to 1.

        `generator` is a CPU generator; torch's default one if None.
        """
        share = torch.rand((), generator=generator).item()
        weights = fusion_weights(
            self.low + (self.high - self.low) * share, n_streams
        )
        if self.equal or n_streams < 3:
            return weights
        # Exponential draws, scaled to sum to 1, are uniform on the simplex.
        parts = torch.empty(n_streams - 1).exponential_(generator=generator)
        weights[1:] = weights[1:].sum() * parts / parts.sum()
        return weights


def clip_weights(fusion, available, generator=None):
    """What a source of weights draws for the clips of a batch.

    Arguments
    ---------
    fusion : FixedFusion, RandomFusion or GatedFusion
        The source, whose `draw` gives None where the network has a gate.
    available : torch.Tensor
        (B, S) bool, the streams that each clip has.
    generator : torch.Generator, optional
        As for `RandomFusion.draw`.

    Returns
    -------
    torch.Tensor or None
        (B, S) as of `renormalise`; None if the network has a gate for it.
    """
    weights = fusion.draw(available.shape[1], generator)
    if weights is None:
        return None
    return renormalise(weights.to(available.device), available)


def fusion_weights(weight, n_streams):
    """Weights of all streams.

    Arguments
    ---------
    weight : float or sequence of float
        Weight of the primary stream, in (0, 1], while the others share the
        remainder equally; or one for each stream.
    n_streams : int
        Number of streams S, the primary one included.

    Returns
    -------
    torch.Tensor
        (S,) float32; with S = 1 the weight is 1 whatever was asked.

    Example
    -------
    >>> fusion_weights(0.5, 3)
    tensor([0.5000, 0.2500, 0.2500])
    >>> fusion_weights((0.5, 0.375, 0.125), 3)
    tensor([0.5000, 0.3750, 0.1250])
    """
    weight = checked_weight(weight)
    if n_streams < 1:
        raise ValueError(f"n_streams is {n_streams}, expected 1 or more")
    if n_streams == 1:
        return torch.ones(1)
    if isinstance(weight, float):
        others = n_streams - 1
        weight = [weight] + [(1.0 - weight) / others] * others
    elif len(weight) != n_streams:
        raise ValueError(
            f"{len(weight)} fusion weights {weight}, expected {n_streams}: "
            "one for each stream, the sound first"
        )
    return torch.tensor(weight)


def checked_weight(weight):
    """A float or a tuple of floats, of what `fusion_weights` takes."""
    if not isinstance(weight, Sequence) or isinstance(weight, str):
        _check_primary(weight)
        return float(weight)
    weight = tuple(map(float, weight))
    _check_primary(weight[0])
    if min(weight) < 0 or not math.isclose(sum(weight), 1.0, abs_tol=1e-4):
        raise ValueError(
            f"fusion weights are {weight}, expected none below 0 and a sum of 1"
        )
    return weight


def short_form(weights):
    """One weight for each stream as a float where the others are equal.

    Example
    -------
    >>> short_form((0.5, 0.25, 0.25)), short_form((0.5, 0.375, 0.125))
    (0.5, (0.5, 0.375, 0.125))
    """
    return weights[0] if len(set(weights[1:])) == 1 else tuple(weights)


def renormalise(weights, available):
    """Set the weights of missing streams to 0, scale the others back to 1.

    Values are checked where they are on the CPU, as `clip_weights` and a
    batch that was just made have them: on a card it would have to wait.

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
    if weights.device.type == "cpu" and not torch.compiler.is_compiling():
        _check_values(weights, available)
    kept = torch.where(available, weights, torch.zeros_like(weights))
    return kept / kept.sum(dim=1, keepdim=True)


def _check_primary(weight):
    """Refuses a weight outside (0, 1]."""
    if not 0.0 < weight <= 1.0:
        raise ValueError(
            f"the weight of the primary stream is {weight}, expected a number "
            "above 0 and at most 1"
        )


def _check_values(weights, available):
    """Refuses weights and availability that no clip can have."""
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
