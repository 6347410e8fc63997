"""Sub-blocks of transformer and conformer besides attention (Section 2.1).

Authors
 * The speechbrain_mmsed authors, 2026
"""

import torch
from torch import nn


class FeedForward(nn.Module):
    """Two linear layers, with dropout after the second.

    Weights start Xavier-uniform, biases at zero.

    Arguments
    ---------
    d_model, d_ffn : int
        Width of input and output, and units of the inner layer.
    dropout : float
        Dropout rate.
    activation : callable
        Builds the activation module after the first layer.
    dropout_after_both : bool
        Whether the first layer has dropout too.

    Example
    -------
    >>> FeedForward(128, 512)(torch.randn(2, 64, 128)).shape
    torch.Size([2, 64, 128])
    """

    def __init__(
        self,
        d_model,
        d_ffn,
        dropout=0.1,
        activation=nn.ReLU,
        dropout_after_both=False,
    ):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(d_model, d_ffn),
            activation(),
            nn.Dropout(dropout) if dropout_after_both else nn.Identity(),
            nn.Linear(d_ffn, d_model),
            nn.Dropout(dropout),
        )
        for layer in (self.layers[0], self.layers[3]):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, x):
        """Map each frame of (..., d_model) by itself."""
        return self.layers(x)


class ConvolutionModule(nn.Module):
    """Convolution over time with batch norm.

    Pointwise convolution, gated linear unit, depthwise convolution, batch
    norm, Swish, pointwise convolution, dropout. Weights keep torch's
    initialisation.

    Arguments
    ---------
    d_model : int
        Width.
    kernel_size : int
        Odd length of the depthwise kernel, in frames.
    dropout : float
        Dropout rate.
    bn_momentum : float
        Momentum of batch norm in torch's sense (the paper's 0.9 is 1 - 0.1).

    Example
    -------
    >>> ConvolutionModule(128)(torch.randn(2, 64, 128)).shape
    torch.Size([2, 64, 128])
    """

    def __init__(self, d_model, kernel_size=7, dropout=0.1, bn_momentum=0.1):
        super().__init__()
        if kernel_size % 2 == 0:
            raise ValueError(
                f"kernel_size is {kernel_size}, expected an odd number: an "
                "even kernel would move the frames"
            )
        # A convolution of kernel 1 is a linear layer, without transposing.
        self.gate = nn.Sequential(nn.Linear(d_model, 2 * d_model), nn.GLU())
        self.depthwise = nn.Conv1d(
            d_model,
            d_model,
            kernel_size,
            padding=kernel_size // 2,
            groups=d_model,
        )
        self.norm = MaskedBatchNorm(d_model, momentum=bn_momentum)
        self.out = nn.Sequential(
            nn.SiLU(), nn.Linear(d_model, d_model), nn.Dropout(dropout)
        )

    def forward(self, x, used=None):
        """Mix neighbouring frames of (B, T, d_model); `used` as of its norm."""
        x = self.gate(x).transpose(1, 2)
        x = self.norm(self.depthwise(x), used)
        return self.out(x.transpose(1, 2))


class MaskedBatchNorm(nn.BatchNorm1d):
    """Batch norm whose statistics come from some clips of the batch only.

    A clip without a stream must not move the mean of that stream. Arguments
    and buffers are those of `torch.nn.BatchNorm1d` with a momentum.

    Example
    -------
    >>> norm = MaskedBatchNorm(1)
    >>> x = torch.tensor([[[1.0]], [[3.0]], [[1000.0]]])
    >>> norm(x, torch.tensor([True, True, False]))[:2, 0, 0].round().tolist()
    [-1.0, 1.0]
    """

    def forward(self, x, used=None):
        """Normalise (B, C, T), finite.

        `used` (B,) bool: the clips that count, by default all of them; with
        none of them running statistics stay as they are.
        """
        if used is None or not self.training:
            return super().forward(x)
        kept = used[:, None, None]
        wide = x.to(torch.promote_types(x.dtype, torch.float32))
        zero, count = wide.new_zeros(()), used.sum() * x.shape[2]
        divisor = count.clamp(min=1)
        mean = torch.where(kept, wide, zero).sum((0, 2)) / divisor
        centred = wide - mean[:, None]
        squares = torch.where(kept, centred.square(), zero).sum((0, 2))
        with torch.no_grad():
            share = (count > 0).to(self.running_mean.dtype) * self.momentum
            unbiased = squares / (count - 1).clamp(min=1)
            self.running_mean.lerp_(mean.to(self.running_mean.dtype), share)
            self.running_var.lerp_(unbiased.to(self.running_var.dtype), share)
            self.num_batches_tracked.add_(count > 0)
        scale = self.weight * torch.rsqrt(squares / divisor + self.eps)
        return (centred * scale[:, None] + self.bias[:, None]).to(x.dtype)
