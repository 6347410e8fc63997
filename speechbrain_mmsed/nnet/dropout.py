"""Dropout that is cheap on processors.

torch's draws 32 bits or more for each value, which in the first layers takes as
long as the convolutions; here 16 random bits decide, so that a rate is a
multiple of 2^-16 (0.1 becomes 0.1000061). On a card, and where a compiler makes
one loop of several functions, torch's is used.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import torch
import torch.nn.functional as F
from torch import nn

LEVELS = 2**16


def draws_bits(x, p, training):
    """Whether `dropped` is to be used for x, rather than torch's dropout."""
    eager = x.device.type == "cpu" and not torch.compiler.is_compiling()
    return eager and training and round(p * LEVELS) > 0


def rescaling(p):
    """What is kept must be multiplied with it, here or later."""
    return LEVELS / (LEVELS - round(p * LEVELS))


def dropped(x, p):
    """Booleans of the shape and layout of x, true with probability p.

    x is dense in memory.

    Example
    -------
    >>> dropped(torch.ones(2, 3), 0.1).shape
    torch.Size([2, 3])
    """
    # Four values share one draw of 64 bits.
    words = torch.empty((x.numel() + 3) // 4, dtype=torch.int64)
    bits = words.random_(-(2**63), None).view(torch.int16)[: x.numel()]
    chosen = bits < round(p * LEVELS) - LEVELS // 2
    return chosen.as_strided(x.shape, x.stride())


class RectifiedDropout(nn.Module):
    """ReLU and dropout in one pass.

    On a processor the factor `1 / (1 - p)` is left to `rescale`, which may come
    after a pooling, to fewer values.

    Arguments
    ---------
    p : float
        Rate, in [0, 1).

    Example
    -------
    >>> drop = RectifiedDropout(0.1)
    >>> drop.rescale(drop(torch.ones(1000))).shape
    torch.Size([1000])
    >>> drop.eval()(torch.tensor([-1.0, 2.0]))
    tensor([0., 2.])
    """

    def __init__(self, p):
        super().__init__()
        if not 0.0 <= p < 1.0:
            raise ValueError(f"dropout is {p}, expected 0 <= dropout < 1")
        self.p = p

    def forward(self, x):
        """Set negative values and a random share of the others to 0."""
        if not draws_bits(x, self.p, self.training):
            return F.dropout(F.relu(x), self.p, self.training)
        if not x.is_contiguous(memory_format=torch.channels_last):
            x = x.contiguous()
        return _RectifyAndDrop.apply(x, self.p)

    def rescale(self, x):
        """What `forward` gave, or averages of it, by `1 / (1 - p)` if due."""
        if draws_bits(x, self.p, self.training):
            return x * rescaling(self.p)
        return x


class _RectifyAndDrop(torch.autograd.Function):
    """Positive values that stay, of which alone the gradient needs to know."""

    @staticmethod
    def forward(ctx, x, p):
        # A NaN must stay one: it would be hidden from whoever looks for it.
        y = x.clamp(min=0).masked_fill_(dropped(x, p) & (x == x), 0.0)
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx, gradient):
        (y,) = ctx.saved_tensors
        return torch.ops.aten.threshold_backward(gradient, y, 0), None
