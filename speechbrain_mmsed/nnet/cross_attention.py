"""Cross-attention to several memories at once (Section 2.2, Figure 4).

One attention module per memory; the results are summed with weights that
belong to each clip. Every memory is attended by every clip, so that shapes are
the same in each step; a weight of 0 adds exactly 0, and `silence` keeps what a
missing stream holds from reaching outputs and gradients.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import torch
from torch import nn


class FusedCrossAttention(nn.Module):
    """Weighted sum of one cross-attention per memory.

    Arguments
    ---------
    attentions : list of torch.nn.Module
        One attention per memory, called with query (B, L, d) and memory
        (B, M, d).

    Example
    -------
    >>> from speechbrain_mmsed.nnet.attention import MultiheadAttention
    >>> cross = FusedCrossAttention([MultiheadAttention(8) for _ in "ab"])
    >>> memories = [torch.randn(3, 4, 8) for _ in "ab"]
    >>> weights = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.5, 0.5]])
    >>> cross(torch.randn(3, 5, 8), memories, weights).shape
    torch.Size([3, 5, 8])
    """

    def __init__(self, attentions):
        super().__init__()
        self.attentions = nn.ModuleList(attentions)

    def forward(self, query, memories, weights):
        """Attend to each memory and sum.

        Arguments
        ---------
        query : torch.Tensor
            (B, L, d).
        memories : list of torch.Tensor
            (B, M, d) encoded frames, one per attention; finite.
        weights : torch.Tensor
            (B, S), each row summing to 1.

        Returns
        -------
        torch.Tensor
            (B, L, d), float32 or wider: weights keep their precision under
            autocast.
        """
        if weights.shape != (query.shape[0], len(self.attentions)):
            raise ValueError(
                f"fusion weights have shape {tuple(weights.shape)}, expected "
                f"({query.shape[0]}, {len(self.attentions)}): clips by "
                "memories"
            )
        weights = weights.to(torch.promote_types(query.dtype, torch.float32))
        fused = None
        pairs = zip(self.attentions, memories, strict=True)
        for (attention, memory), weight in zip(pairs, weights.T, strict=True):
            part, weight = attention(query, memory), weight[:, None, None]
            part = part.to(weights.dtype)
            if fused is None:
                fused = part * weight
            else:
                fused = torch.addcmul(fused, part, weight)
        return fused


def silence(x, used):
    """Sequences (B, T, D) with zeros for the clips that do not use them.

    `used` is (B,) bool. Whatever else is there, NaN too, has no effect on what
    is computed from it, forward or backward.

    Example
    -------
    >>> silence(torch.full((2, 1, 1), torch.nan), torch.tensor([False, False]))
    tensor([[[0.]],
    <BLANKLINE>
            [[0.]]])
    """
    return torch.where(used[:, None, None], x, x.new_zeros(()))
