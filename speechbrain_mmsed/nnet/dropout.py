"""ReLU and dropout in one pass, cheap on processors.

In the first stacks of the convolutional feature extractor torch's dropout
takes as long as the convolutions: it draws one number of 32 bits or more for
each of 16 million values, and passes over them several times.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import torch
import torch.nn.functional as F
from torch import nn


class RectifiedDropout(nn.Module):
    """ReLU followed by dropout, without the factor `1 / (1 - p)`.

    The factor is left to the caller (`scale`), who may apply it after a
    pooling, to fewer values. On processors 16 random bits decide per value,
    so that the rate is a multiple of 2^-16 (0.1 becomes 0.1000061).

    Arguments
    ---------
    p : float
        Dropout rate, in [0, 1).

    Example
    -------
    >>> drop = RectifiedDropout(0.1)
    >>> (drop(torch.ones(1000)) * drop.scale).shape
    torch.Size([1000])
    >>> drop.eval()(torch.tensor([-1.0, 2.0]))
    tensor([0., 2.])
    """

    def __init__(self, p):
        super().__init__()
        if not 0.0 <= p < 1.0:
            raise ValueError(f"dropout is {p}, expected 0 <= dropout < 1")
        self.p = p
        self._level = round(p * 2**16)

    @property
    def scale(self):
        """What outputs must be multiplied with: 1 in evaluation."""
        if not self.training:
            return 1.0
        return 2**16 / (2**16 - self._level)

    def forward(self, x):
        """Set negative values and a random share of the others to 0.

        Arguments
        ---------
        x : torch.Tensor
            Any shape.

        Returns
        -------
        torch.Tensor
            Same shape; multiply it with `scale`.
        """
        if not self.training or self._level == 0:
            return F.relu(x)
        if x.device.type != "cpu":
            return F.dropout(F.relu(x), self.p) / self.scale
        if not x.is_contiguous(memory_format=torch.channels_last):
            x = x.contiguous()
        with torch.no_grad():
            # Four values share one draw of 64 bits.
            words = torch.empty((x.numel() + 3) // 4, dtype=torch.int64)
            bits = words.random_(-(2**63), None).view(torch.int16)
            kept = (bits >= self._level - 2**15).as_strided(x.shape, x.stride())
            kept = kept & (x > 0)
        # A product, not torch.where: a NaN must stay one, and it is faster.
        return x * kept

    def extra_repr(self):
        """Rate, for `print(module)`."""
        return f"p={self.p}"
