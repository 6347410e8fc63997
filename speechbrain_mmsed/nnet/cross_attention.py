"""Cross-attention to several memories at once (Section 2.2, Figure 4).

One attention module per memory; the results are summed with weights that
belong to each clip. Each memory but the first is attended only by the clips
that have it with a weight above 0: a stream that is missing, or whose weight
is 0, is not computed for that clip at all, and whatever is in its features can
reach neither outputs, gradients nor running statistics.

Authors
 * The speechbrain_mmsed authors, 2026
"""

from dataclasses import dataclass

import torch
from torch import nn


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


@dataclass
class WeightedMemory:
    """What one memory contributes to a batch.

    Arguments
    ---------
    features : torch.Tensor
        (B_s, M, d) encoded frames of the clips that use this memory.
    rows : torch.Tensor or None
        (B_s,) int64 clips of the batch; None if all of them.
    weights : torch.Tensor
        (B_s, 1, 1) fusion weights, above 0.
    """

    features: torch.Tensor
    rows: torch.Tensor | None
    weights: torch.Tensor


class FusedCrossAttention(nn.Module):
    """Weighted sum of one cross-attention per memory.

    Arguments
    ---------
    attentions : list of torch.nn.Module
        One attention per memory, called with query (B_s, L, d) and memory
        (B_s, M, d).

    Example
    -------
    >>> from speechbrain_mmsed.nnet.attention import MultiheadAttention
    >>> cross = FusedCrossAttention([MultiheadAttention(8) for _ in "ab"])
    >>> memories = [
    ...     Memory(torch.randn(3, 4, 8)),
    ...     Memory(torch.randn(1, 4, 8), rows=torch.tensor([2])),
    ... ]
    >>> weights = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.5, 0.5]])
    >>> cross(torch.randn(3, 5, 8), weigh_memories(memories, weights)).shape
    torch.Size([3, 5, 8])
    """

    def __init__(self, attentions):
        super().__init__()
        self.attentions = nn.ModuleList(attentions)

    def forward(self, query, memories):
        """Attend to each memory and sum.

        Arguments
        ---------
        query : torch.Tensor
            (B, L, d).
        memories : list of WeightedMemory or None
            One per attention, from `weigh_memories`; None where no clip of
            the batch uses it. The first one has all clips.

        Returns
        -------
        torch.Tensor
            (B, L, d), float32 or wider: weights keep their precision under
            autocast.
        """
        fused = None
        for attention, memory in zip(self.attentions, memories, strict=True):
            if memory is None:
                if self.training:
                    fused = fused + zero_touch(attention, fused)
                continue
            rows = memory.rows
            part = attention(
                query if rows is None else query[rows], memory.features
            )
            part = part.to(memory.weights.dtype) * memory.weights
            if fused is None:
                fused = part
            elif rows is None:
                fused = fused + part
            else:
                fused = fused.index_add(0, rows, part)
        return fused


def weigh_memories(memories, fusion_weights):
    """Keep of each memory the clips that give it weight.

    Arguments
    ---------
    memories : list of Memory or None
        One per stream; the first has all clips of the batch, the others may
        have some, or be None.
    fusion_weights : torch.Tensor
        (B, S), each row summing to 1, column 0 above 0.

    Returns
    -------
    list of WeightedMemory or None
        One per stream, None where no clip gives it weight. Weight for a
        stream that a clip does not have is a ValueError.
    """
    if fusion_weights.dim() != 2 or fusion_weights.shape[1] != len(memories):
        raise ValueError(
            f"fusion weights have shape {tuple(fusion_weights.shape)}, "
            f"expected (clips, {len(memories)}): one column per memory"
        )
    primary = memories[0]
    n_clips = fusion_weights.shape[0]
    if (
        primary is None
        or primary.rows is not None
        or primary.features.shape[0] != n_clips
    ):
        raise ValueError(
            f"the first memory must have all {n_clips} clips of the batch"
        )
    dtype = torch.promote_types(primary.features.dtype, torch.float32)
    weights = fusion_weights.to(dtype)
    weighted = [
        WeightedMemory(primary.features, None, weights[:, 0, None, None])
    ]
    for stream, memory in enumerate(memories[1:], start=1):
        weighted.append(_select(memory, weights[:, stream], stream))
    return weighted


def _select(memory, weights, stream):
    """Rows of one memory whose clips give it weight, or None."""
    wanted = weights > 0
    n_wanted = int(wanted.sum())
    if n_wanted == 0:
        return None
    n_clips = wanted.shape[0]
    features = None if memory is None else memory.features
    rows = None if memory is None else memory.rows
    kept = wanted if rows is None else wanted[rows]
    has_them = memory is not None and int(kept.sum()) == n_wanted
    if not has_them or features.shape[0] != kept.shape[0]:
        raise ValueError(
            f"{n_wanted} of {n_clips} clips give weight to memory {stream}, "
            "but not all of them were encoded with that stream: encode again "
            "with these fusion weights, or set the weight to 0"
        )
    if n_wanted < kept.shape[0]:
        features = features[kept]
    if n_wanted == n_clips:
        return WeightedMemory(features, None, weights[:, None, None])
    rows = wanted.nonzero().squeeze(1)
    return WeightedMemory(features, rows, weights[rows, None, None])


def zero_touch(module, like):
    """A zero that depends on all parameters of a skipped module.

    Distributed training needs a gradient from each parameter in each step.
    The sum over an empty part is 0 without looking at any value, so a NaN
    among them stays harmless. `like` gives type and device.

    Example
    -------
    >>> layer = torch.nn.Linear(2, 2)
    >>> zero_touch(layer, torch.ones(1)).backward()
    >>> layer.bias.grad
    tensor([0., 0.])
    """
    zero = like.new_zeros(())
    for parameter in module.parameters():
        if parameter.requires_grad:
            zero = zero + parameter.flatten()[:0].sum().to(zero.dtype)
    return zero
