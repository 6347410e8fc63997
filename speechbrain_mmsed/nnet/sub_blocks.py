"""Sub-blocks of transformer and conformer besides attention (Section 2.1).

Authors
 * The speechbrain_mmsed authors, 2026
"""

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
    >>> import torch
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
    >>> import torch
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
        self.norm = nn.BatchNorm1d(d_model, momentum=bn_momentum)
        self.out = nn.Sequential(
            nn.SiLU(), nn.Linear(d_model, d_model), nn.Dropout(dropout)
        )

    def forward(self, x):
        """Mix neighbouring frames of (B, T, d_model)."""
        x = self.gate(x).transpose(1, 2)
        x = self.norm(self.depthwise(x))
        return self.out(x.transpose(1, 2))
