"""Conformer encoder, and a decoder for several memories (Section 2.1.2).

Blocks as in Figure 2: half a feed-forward step, relative self-attention,
convolution, half a feed-forward step; the decoder has a relative
cross-attention per memory after its self-attention (Figure 3). Sub-blocks are
normalised first, with a residual, and each stack ends with a layer norm.

Authors
 * The speechbrain_mmsed authors, 2026
"""

from torch import nn

from speechbrain_mmsed.nnet.attention import RelativeMultiheadAttention
from speechbrain_mmsed.nnet.cross_attention import FusedCrossAttention
from speechbrain_mmsed.nnet.sub_blocks import ConvolutionModule, FeedForward

# The class token takes position 0 of the decoder's sequence, so that its
# position k + 1 belongs to frame k of each memory.
TOKEN_OFFSET = -1


class ConformerEncoder(nn.Module):
    """Stack of conformer blocks.

    Arguments
    ---------
    d_model, n_layers, n_heads, d_head, d_ffn, dropout
        As of `TransformerEncoder`; the width is even.
    kernel_size : int
        Odd length of the depthwise convolution, in frames.
    bn_momentum : float
        Momentum of batch norm in torch's sense.
    dropout_after_both, n_memories
        As of `TransformerEncoder`.

    Example
    -------
    >>> import torch
    >>> encoder = ConformerEncoder(n_layers=1)
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
        kernel_size=7,
        bn_momentum=0.1,
        dropout_after_both=False,
        n_memories=0,
    ):
        super().__init__()
        self.blocks = nn.ModuleList(
            _Block(
                d_model,
                (n_heads, d_head, dropout),
                (d_ffn, dropout, nn.SiLU, dropout_after_both),
                (kernel_size, dropout, bn_momentum),
                n_memories,
            )
            for _ in range(n_layers)
        )
        self.norm = nn.LayerNorm(d_model)

    def forward(self, x, used=None):
        """Encode (B, T, d_model).

        `used` (B,) bool: the clips of which batch norm takes its statistics,
        by default all.
        """
        return self._run(x, used)

    def _run(self, x, *inputs):
        """All blocks, with what they take besides."""
        for block in self.blocks:
            x = block(x, *inputs)
        return self.norm(x)


class ConformerDecoder(ConformerEncoder):
    """Stack of conformer blocks with fused relative cross-attentions.

    Arguments
    ---------
    n_memories : int
        Number of encoders to attend to, the primary one included.
    **sizes
        Those of `ConformerEncoder`.

    Example
    -------
    >>> import torch
    >>> decoder = ConformerDecoder(n_layers=1, n_memories=2)
    >>> memories = [torch.randn(2, 64, 128) for _ in range(2)]
    >>> weights = torch.full((2, 2), 0.5)
    >>> decoder(torch.randn(2, 65, 128), memories, weights).shape
    torch.Size([2, 65, 128])
    """

    def __init__(self, n_memories=1, **sizes):
        super().__init__(n_memories=n_memories, **sizes)

    def forward(self, x, memories, fusion_weights):
        """Decode while attending to all memories, as `TransformerDecoder`."""
        return self._run(x, None, memories, fusion_weights)


class _Block(nn.Module):
    """Encoder block, or with `n_memories` above 0 a decoder block."""

    def __init__(self, d_model, attention, ffn, convolution, n_memories):
        super().__init__()
        self.first_norm = nn.LayerNorm(d_model)
        self.first_ffn = FeedForward(d_model, *ffn)
        self.self_norm = nn.LayerNorm(d_model)
        self.self_attention = RelativeMultiheadAttention(d_model, *attention)
        self.cross_norm = None
        self.cross_attention = None
        if n_memories:
            self.cross_norm = nn.LayerNorm(d_model)
            self.cross_attention = FusedCrossAttention(
                [
                    RelativeMultiheadAttention(
                        d_model, *attention, query_offset=TOKEN_OFFSET
                    )
                    for _ in range(n_memories)
                ]
            )
        self.convolution_norm = nn.LayerNorm(d_model)
        self.convolution = ConvolutionModule(d_model, *convolution)
        self.second_norm = nn.LayerNorm(d_model)
        self.second_ffn = FeedForward(d_model, *ffn)
        self.dropout = nn.Dropout(self.self_attention.dropout)

    def forward(self, x, used=None, memories=None, weights=None):
        x = x + 0.5 * self.first_ffn(self.first_norm(x))
        normed = self.self_norm(x)
        x = x + self.dropout(self.self_attention(normed, normed))
        if self.cross_attention is not None:
            fused = self.cross_attention(self.cross_norm(x), memories, weights)
            x = x + self.dropout(fused)
        x = x + self.convolution(self.convolution_norm(x), used)
        return x + 0.5 * self.second_ffn(self.second_norm(x))
