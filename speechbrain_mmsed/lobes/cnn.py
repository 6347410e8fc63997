"""The convolutional feature extractor (Table 3 of the paper).

Authors
 * The speechbrain_mmsed authors, 2026
"""

import itertools
import math

import torch
import torch.nn.functional as F
from torch import nn

from speechbrain_mmsed.nnet.dropout import RectifiedDropout


class ConvolutionalFeatureExtractor(nn.Module):
    """Stacks of convolution, batch norm, ReLU, dropout and average pooling.

    Frequency is pooled away and time reduced by eight in the paper's sizes.
    Its seven stacks cannot all halve 64 bins, so that the last one does not
    pool. Convolutions have no bias (batch norm would cancel it) and keep
    torch's initialisation.

    Arguments
    ---------
    n_mels : int
        Number of mel bins.
    channels : tuple of int
        Output channels of each stack.
    kernel_sizes : tuple of (int, int)
        Odd kernel sizes (time, frequency) of each stack.
    poolings : tuple of (int, int)
        Pooling (time, frequency) of each stack; together they must bring
        frequency to one bin.
    dropout : float
        Dropout rate.
    bn_momentum : float
        Momentum of batch norm in torch's sense: the share of the new value.
        The paper's 0.9 is the share of the old one.

    Example
    -------
    >>> extractor = ConvolutionalFeatureExtractor()
    >>> extractor(torch.randn(2, 512, 64)).shape
    torch.Size([2, 64, 128])
    >>> extractor.width
    128
    """

    def __init__(
        self,
        n_mels=64,
        channels=(16, 32, 64, 128, 128, 128, 128),
        kernel_sizes=((3, 3),) * 7,
        poolings=((2, 2),) * 3 + ((1, 2),) * 3 + ((1, 1),),
        dropout=0.1,
        bn_momentum=0.1,
    ):
        super().__init__()
        if not len(channels) == len(kernel_sizes) == len(poolings) > 0:
            raise ValueError(
                f"{len(channels)} channels, {len(kernel_sizes)} kernel sizes "
                f"and {len(poolings)} poolings: each stack needs one of each"
            )
        if any(size % 2 == 0 for kernel in kernel_sizes for size in kernel):
            raise ValueError(
                f"kernel sizes are {kernel_sizes}, expected odd ones only: "
                "an even kernel would move the frames"
            )
        factor = math.prod(pooling[1] for pooling in poolings)
        if factor != n_mels:
            raise ValueError(
                f"{n_mels} mel bins do not end at one bin: the poolings "
                f"{poolings} divide frequency by {factor}, expected {n_mels}"
            )
        self.n_mels = n_mels
        self.time_reduction = math.prod(pooling[0] for pooling in poolings)
        self.width = channels[-1]
        sizes = itertools.pairwise((1, *channels)), kernel_sizes, poolings
        self.stacks = nn.Sequential(
            *(
                _Stack(*ends, tuple(kernel), tuple(pool), dropout, bn_momentum)
                for ends, kernel, pool in zip(*sizes, strict=True)
            )
        )
        # A quarter faster on processors, and what tensor cores want too.
        self.stacks.to(memory_format=torch.channels_last)

    def forward(self, log_mel):
        """Turn standardised log-mel features into a sequence of vectors.

        Arguments
        ---------
        log_mel : torch.Tensor
            (B, frames, n_mels), the frames a multiple of `time_reduction`.

        Returns
        -------
        torch.Tensor
            (B, frames / time_reduction, width).
        """
        if log_mel.dim() != 3 or log_mel.shape[2] != self.n_mels:
            raise ValueError(
                f"log-mel has shape {tuple(log_mel.shape)}, expected (batch, "
                f"frames, {self.n_mels})"
            )
        if log_mel.shape[1] == 0 or log_mel.shape[1] % self.time_reduction:
            raise ValueError(
                f"log-mel has {log_mel.shape[1]} frames, expected a multiple "
                f"of {self.time_reduction}"
            )
        x = log_mel.unsqueeze(1).contiguous(memory_format=torch.channels_last)
        return self.stacks(x).squeeze(3).transpose(1, 2)


class _Stack(nn.Module):
    """Convolution, batch norm, ReLU, dropout, average pooling."""

    def __init__(
        self, n_inputs, n_outputs, kernel, pooling, dropout, bn_momentum
    ):
        super().__init__()
        self.convolution = nn.Conv2d(
            n_inputs,
            n_outputs,
            kernel,
            padding=(kernel[0] // 2, kernel[1] // 2),
            bias=False,
        )
        self.norm = nn.BatchNorm2d(n_outputs, momentum=bn_momentum)
        self.dropout = RectifiedDropout(dropout)
        self.pooling = pooling

    def forward(self, x):
        x = self.dropout(self.norm(self.convolution(x)))
        if self.pooling != (1, 1):
            x = F.avg_pool2d(x, self.pooling)
        # Dropout's factor commutes with the average, and here there are
        # fewer values to multiply.
        return self.dropout.rescale(x)
