"""The feed-forward sub-block of transformer and conformer (Section 2.1).

Authors
 * The speechbrain_mmsed authors, 2026
"""

from torch import nn


class FeedForward(nn.Module):
    """Two linear layers, with dropout after the second.

    Weights start Xavier-uniform, biases at zero.

    Arguments
    ---------
    d_model : int
        Width of input and output.
    d_ffn : int
        Units of the inner layer.
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
        """Map each frame by itself.

        Arguments
        ---------
        x : torch.Tensor
            (..., d_model).

        Returns
        -------
        torch.Tensor
            (..., d_model).
        """
        return self.layers(x)
