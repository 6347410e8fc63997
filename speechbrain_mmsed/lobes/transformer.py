"""Transformer encoder, and a decoder for several memories (Section 2.1.1).

Pre-layer-norm blocks with a residual around each sub-block, dropout on
attention weights and on what each sub-block adds, a final layer norm after
each stack, and learnable absolute positions.

Authors
 * The speechbrain_mmsed authors, 2026
"""

from torch import nn

from speechbrain_mmsed.nnet.attention import MultiheadAttention
from speechbrain_mmsed.nnet.cross_attention import FusedCrossAttention
from speechbrain_mmsed.nnet.positions import LearnablePositions
from speechbrain_mmsed.nnet.sub_blocks import FeedForward


class TransformerEncoder(nn.Module):
    """Stack of self-attention blocks.

    Arguments
    ---------
    d_model, n_layers : int
        Width and number of blocks.
    n_heads, d_head : int
        Attention heads, and units of each.
    d_ffn : int
        Inner units of the feed-forward sub-blocks.
    dropout : float
        Dropout rate.
    n_positions : int
        Longest sequence, in frames.
    dropout_after_both : bool
        Whether both feed-forward layers have dropout, not only the second.
    n_memories : int
        Cross-attentions of each block; 0 in an encoder.

    Example
    -------
    >>> import torch
    >>> encoder = TransformerEncoder(n_layers=1)
    >>> encoder(torch.randn(2, 64, 128)).shape
    torch.Size([2, 64, 128])
    """

    def __init__(
        self,
        d_model=128,
        n_layers=3,
        n_heads=3,
        d_head=128,
        d_ffn=512,
        dropout=0.1,
        n_positions=64,
        dropout_after_both=False,
        n_memories=0,
    ):
        super().__init__()
        self.positions = LearnablePositions(n_positions, d_model)
        self.blocks = nn.ModuleList(
            _Block(
                (d_model, n_heads, d_head, dropout),
                (d_model, d_ffn, dropout, nn.ReLU, dropout_after_both),
                n_memories,
            )
            for _ in range(n_layers)
        )
        self.norm = nn.LayerNorm(d_model)

    def forward(self, x, used=None):
        """Encode (B, T, d_model); `used` is what a conformer needs."""
        return self._run(x)

    def _run(self, x, *memories):
        """All blocks, in a decoder with memories and their weights."""
        x = self.positions(x)
        for block in self.blocks:
            x = block(x, *memories)
        return self.norm(x)


class TransformerDecoder(TransformerEncoder):
    """Stack of blocks with self-attention and fused cross-attentions.

    Arguments
    ---------
    n_memories : int
        Number of encoders to attend to, the primary one included.
    n_positions : int
        Longest sequence, the class token included.
    **sizes
        Those of `TransformerEncoder`.

    Example
    -------
    >>> import torch
    >>> decoder = TransformerDecoder(n_layers=1, n_memories=2)
    >>> memories = [torch.randn(2, 64, 128) for _ in range(2)]
    >>> weights = torch.full((2, 2), 0.5)
    >>> decoder(torch.randn(2, 65, 128), memories, weights).shape
    torch.Size([2, 65, 128])
    """

    def __init__(self, n_memories=1, n_positions=65, **sizes):
        super().__init__(
            n_memories=n_memories, n_positions=n_positions, **sizes
        )

    def forward(self, x, memories, fusion_weights):
        """Decode (B, L, d_model), class token first, attending to all memories.

        `memories` are (B, T, d_model), one per encoder; rows of
        `fusion_weights` (B, n_memories) sum to 1.
        """
        return self._run(x, memories, fusion_weights)


class _Block(nn.Module):
    """Encoder block, or with `n_memories` above 0 a decoder block."""

    def __init__(self, attention, ffn, n_memories):
        super().__init__()
        d_model, *_, dropout = attention
        self.self_norm = nn.LayerNorm(d_model)
        self.self_attention = MultiheadAttention(*attention)
        self.cross_norm = None
        self.cross_attention = None
        if n_memories:
            self.cross_norm = nn.LayerNorm(d_model)
            self.cross_attention = FusedCrossAttention(
                [MultiheadAttention(*attention) for _ in range(n_memories)]
            )
        self.ffn_norm = nn.LayerNorm(d_model)
        self.ffn = FeedForward(*ffn)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x, memories=None, weights=None):
        normed = self.self_norm(x)
        x = x + self.dropout(self.self_attention(normed, normed))
        if self.cross_attention is not None:
            fused = self.cross_attention(self.cross_norm(x), memories, weights)
            x = x + self.dropout(fused)
        return x + self.ffn(self.ffn_norm(x))
