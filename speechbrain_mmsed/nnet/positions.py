"""Where frames are: learnable absolute positions, and relative distances.

The transformer uses the former (Section 2.1.1), the conformer the latter
(Section 2.1.2; Transformer-XL, Dai et al. 2019).

Authors
 * The speechbrain_mmsed authors, 2026
"""

import functools
import math

import torch
from torch import nn


class LearnablePositions(nn.Module):
    """Add a learnable vector per absolute position.

    The table starts normal with deviation 0.02, small beside the features.

    Arguments
    ---------
    n_positions : int
        Longest sequence.
    d_model : int
        Width.

    Example
    -------
    >>> LearnablePositions(64, 128)(torch.randn(2, 64, 128)).shape
    torch.Size([2, 64, 128])
    """

    def __init__(self, n_positions, d_model):
        super().__init__()
        self.table = nn.Parameter(torch.empty(n_positions, d_model))
        nn.init.normal_(self.table, std=0.02)

    def forward(self, x):
        """Add positions to (B, L, d_model), L at most `n_positions`."""
        n_positions, width = self.table.shape
        if x.dim() != 3 or x.shape[1] > n_positions or x.shape[2] != width:
            raise ValueError(
                f"sequence has shape {tuple(x.shape)}, expected (batch, at "
                f"most {n_positions} frames, {width}); n_positions sets the "
                "longest one"
            )
        return x + self.table[: x.shape[1]]


def sinusoids(distances, width):
    """Sines, then cosines (R, width), of R signed distances in frames.

    Wavelengths run geometrically from 2 pi to 10000 times that.

    Example
    -------
    >>> sinusoids(torch.arange(3, -4, -1), 8).shape
    torch.Size([7, 8])
    """
    exponents = torch.arange(0, width, 2, device=distances.device) / width
    angles = distances[:, None] * torch.exp(-math.log(10000.0) * exponents)
    return torch.cat([angles.sin(), angles.cos()], dim=-1)


def distance_table(n_queries, n_keys, query_offset, width, device):
    """Sinusoids (n_queries + n_keys - 1, width) of all distances.

    Largest distance first, so that along a row of scores (one query) the
    index grows with the key. The last ones are kept.

    Example
    -------
    >>> distance_table(65, 64, -1, 8, torch.device("cpu")).shape
    torch.Size([128, 8])
    """
    # A compiler keeps what does not change.
    compiling = torch.compiler.is_compiling()
    make = _distances.__wrapped__ if compiling else _distances
    # A detector may ask first, whose tensors could not be trained with.
    with torch.inference_mode(False):
        return make(n_queries, n_keys, query_offset, width, device)


@functools.lru_cache(maxsize=32)
def _distances(n_queries, n_keys, query_offset, width, device):
    """What `distance_table` returns."""
    distances = torch.arange(n_queries - 1, -n_keys, -1, device=device)
    return sinusoids(distances + query_offset, width)


def relative_shift(scores, n_keys):
    """Pick for each query and key the score of their distance.

    In row i, the wanted scores are the `n_keys` ones that start at column
    L - 1 - i. Read as one line, each row's window therefore starts
    `columns - 1` after that of the row before: a view, for any two lengths.

    Arguments
    ---------
    scores : torch.Tensor
        (..., L, L + n_keys - 1), contiguous, columns by falling distance.
    n_keys : int
        Number of keys.

    Returns
    -------
    torch.Tensor
        (..., L, n_keys), row i and column j for the distance i - j.

    Example
    -------
    >>> distances = torch.arange(1, -3, -1.0).expand(2, 4)
    >>> relative_shift(distances, 3)
    tensor([[ 0., -1., -2.],
            [ 1.,  0., -1.]])
    """
    n_queries, columns = scores.shape[-2:]
    if n_queries == 1:
        # A single window, longer than the step from one to the next.
        return scores
    line = scores.flatten(-2)
    line = line[..., n_queries - 1 : n_queries * columns - 1]
    return line.unflatten(-1, (n_queries, columns - 1))[..., :n_keys]
