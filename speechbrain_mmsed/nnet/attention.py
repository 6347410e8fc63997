"""Multi-head attention with a head size of its own, plain and relative.

Equation (1) of the paper, with heads of 128 units in a network of width 128.
Neither torch's nor SpeechBrain's attention can express that: both cut the
width into heads. The relative variant (Transformer-XL, Dai et al. 2019,
reference [27] of the paper) is correct for queries and keys of any two
lengths, which SpeechBrain's is not.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import math

import torch
import torch.nn.functional as F
from torch import nn

from speechbrain_mmsed.nnet.dropout import draws_bits, dropped, rescaling
from speechbrain_mmsed.nnet.positions import distance_table, relative_shift


class MultiheadAttention(nn.Module):
    """Scaled dot-product attention whose heads may have any size.

    Queries, keys and values are projected from `d_model` to
    `n_heads * d_head` units, and the heads' results back to `d_model`.
    Weights start Xavier-uniform (each of the three input projections as a
    matrix of its own), biases at zero.

    Arguments
    ---------
    d_model : int
        Width of the sequences.
    n_heads, d_head : int
        Heads, and units of each; not necessarily `d_model / n_heads`.
    dropout : float
        Dropout rate of the attention weights.

    Example
    -------
    >>> attention = MultiheadAttention(128, n_heads=3, d_head=128)
    >>> attention(torch.randn(2, 65, 128), torch.randn(2, 64, 128)).shape
    torch.Size([2, 65, 128])
    """

    def __init__(self, d_model, n_heads=3, d_head=128, dropout=0.1):
        super().__init__()
        self.d_model = d_model
        self.n_heads = n_heads
        self.d_head = d_head
        self.dropout = dropout
        inner = n_heads * d_head
        # Queries, keys and values in one matrix: self-attention needs one
        # multiplication instead of three.
        self.in_weight = nn.Parameter(torch.empty(3 * inner, d_model))
        self.in_bias = nn.Parameter(torch.zeros(3 * inner))
        self.out = nn.Linear(inner, d_model)
        for part in self.in_weight.chunk(3):
            nn.init.xavier_uniform_(part)
        nn.init.xavier_uniform_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(self, query, memory):
        """Let each query frame look at all frames of the memory.

        Arguments
        ---------
        query : torch.Tensor
            (B, L, d_model). Self-attention is `forward(x, x)`.
        memory : torch.Tensor
            (B, M, d_model), the source of keys and values.

        Returns
        -------
        torch.Tensor
            (B, L, d_model).
        """
        queries, keys, values = self._project(query, memory)
        return self._attend(queries, keys, values)

    def _project(self, query, memory):
        """Queries, keys, values as (B, frames, heads, d_head)."""
        for name, x in (("query", query), ("memory", memory)):
            if x.dim() != 3 or x.shape[-1] != self.d_model:
                raise ValueError(
                    f"{name} has shape {tuple(x.shape)}, expected (batch, "
                    f"frames, {self.d_model})"
                )
        if query.shape[0] != memory.shape[0]:
            raise ValueError(
                f"query has {query.shape[0]} clips, memory has "
                f"{memory.shape[0]}; both need the same clips"
            )
        inner = self.n_heads * self.d_head
        if query is memory:
            joint = F.linear(query, self.in_weight, self.in_bias)
            return tuple(map(self._heads, joint.chunk(3, dim=-1)))
        queries = F.linear(query, self.in_weight[:inner], self.in_bias[:inner])
        joint = F.linear(memory, self.in_weight[inner:], self.in_bias[inner:])
        return tuple(map(self._heads, (queries, *joint.chunk(2, dim=-1))))

    def _heads(self, x):
        """(B, frames, heads * d_head) to (B, frames, heads, d_head)."""
        return x.unflatten(-1, (self.n_heads, self.d_head))

    def _attend(self, queries, keys, values, bias=None):
        """Attention of projected heads; `bias` is added to the scores."""
        if draws_bits(queries, self.dropout, self.training):
            return self._attend_by_head(queries, keys, values, bias)
        heads = F.scaled_dot_product_attention(
            queries.transpose(1, 2),
            keys.transpose(1, 2),
            values.transpose(1, 2),
            attn_mask=bias,
            dropout_p=self.dropout if self.training else 0.0,
        )
        return self.out(heads.transpose(1, 2).flatten(2))

    def _attend_by_head(self, queries, keys, values, bias):
        """The same on a processor, where torch's is slow with dropout.

        Each head is a view that matrix products take as it is, without copies.
        """
        found, parts = [], [x.unbind(2) for x in (queries, keys, values)]
        none = [queries.new_zeros(())] * self.n_heads
        parts.append(none if bias is None else bias.unbind(1))
        for q, k, v, b in zip(*parts, strict=True):
            scores = torch.baddbmm(
                b, q, k.transpose(1, 2), alpha=1 / math.sqrt(self.d_head)
            )
            weights = scores.softmax(-1)
            lost = dropped(weights, self.dropout)
            found.append(weights.masked_fill(lost, 0.0) @ v)
        # Dropout's factor where there are fewest values to multiply.
        weight = self.out.weight * rescaling(self.dropout)
        return F.linear(torch.cat(found, -1), weight, self.out.bias)


class RelativeMultiheadAttention(MultiheadAttention):
    """Attention that also scores the distance between query and key frame.

    The score of query i and key j is
    `(q_i + u) . k_j + (q_i + v) . P s(i + query_offset - j)`, divided by
    `sqrt(d_head)`: s is the sinusoid of the distance, P a learned projection,
    u and v learned biases per head, all of them this module's own
    (Transformer-XL, Section 3.3). P, u and v start Xavier-uniform.

    Arguments
    ---------
    d_model, n_heads, d_head, dropout
        As of `MultiheadAttention`; the width is even.
    query_offset : int
        Position of the first query frame relative to the first key frame.
        A decoder with a class token in front uses -1 towards a memory: its
        position k + 1 then lies at distance 0 of memory frame k.

    Example
    -------
    >>> attention = RelativeMultiheadAttention(128, query_offset=-1)
    >>> attention(torch.randn(2, 65, 128), torch.randn(2, 64, 128)).shape
    torch.Size([2, 65, 128])
    """

    def __init__(
        self, d_model, n_heads=3, d_head=128, dropout=0.1, query_offset=0
    ):
        super().__init__(d_model, n_heads, d_head, dropout)
        if d_model % 2:
            raise ValueError(
                f"d_model is {d_model}; sinusoids of the distance need an "
                "even width"
            )
        self.query_offset = query_offset
        self.position = nn.Linear(d_model, n_heads * d_head, bias=False)
        self.content_bias = nn.Parameter(torch.empty(n_heads, d_head))
        self.position_bias = nn.Parameter(torch.empty(n_heads, d_head))
        for weight in (
            self.position.weight,
            self.content_bias,
            self.position_bias,
        ):
            nn.init.xavier_uniform_(weight)

    def forward(self, query, memory):
        """As that of `MultiheadAttention`."""
        queries, keys, values = self._project(query, memory)
        n_queries, n_keys = query.shape[1], memory.shape[1]
        lengths = n_queries, n_keys, self.query_offset, self.d_model
        table = distance_table(*lengths, query.device)
        positions = self._heads(self.position(table.to(query.dtype))[None])
        position_queries = queries + self.position_bias.to(queries.dtype)
        scores = position_queries.transpose(1, 2) @ positions.permute(
            0, 2, 3, 1
        )
        bias = relative_shift(scores, n_keys) / math.sqrt(self.d_head)
        queries = queries + self.content_bias.to(queries.dtype)
        return self._attend(queries, keys, values, bias)
