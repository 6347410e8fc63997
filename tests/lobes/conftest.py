"""Tiny networks of both kinds, and batches for them."""

import pytest
import torch

from speechbrain_mmsed.lobes.cnn import ConvolutionalFeatureExtractor
from speechbrain_mmsed.lobes.conformer import (
    ConformerDecoder,
    ConformerEncoder,
)
from speechbrain_mmsed.lobes.multi_encoder import MultiEncoder
from speechbrain_mmsed.lobes.transformer import (
    TransformerDecoder,
    TransformerEncoder,
)

KINDS = {
    "transformer": (TransformerEncoder, TransformerDecoder),
    "conformer": (ConformerEncoder, ConformerDecoder),
}
WIDTHS = {"first": 5, "second": 7}
SIZES = {"d_model": 8, "n_heads": 3, "d_head": 4, "d_ffn": 16}


@pytest.fixture
def build():
    """Builds a tiny network: 16 log-mel frames of 4 bins become 8 frames."""

    def build_network(
        kind,
        streams=("first", "second"),
        dropout=0.1,
        n_layers=2,
        seed=0,
        gate=None,
    ):
        torch.manual_seed(seed)
        encoder, decoder = KINDS[kind]
        sizes = SIZES | {"dropout": dropout, "n_layers": n_layers}
        network = MultiEncoder(
            ConvolutionalFeatureExtractor(
                n_mels=4,
                channels=(4, 8),
                kernel_sizes=((3, 3),) * 2,
                poolings=((2, 2), (1, 2)),
                dropout=dropout,
            ),
            lambda: encoder(**sizes),
            lambda n_memories: decoder(**sizes, n_memories=n_memories),
            list(streams),
            WIDTHS,
            n_classes=3,
            d_model=8,
            gate=gate,
        )
        with torch.no_grad():
            # Larger than in training, so that every term can be seen.
            for parameter in network.parameters():
                if parameter.dim() < 2:
                    parameter.add_(0.1 * torch.randn_like(parameter))
        return network

    return build_network


@pytest.fixture
def batch():
    """log_mel, streams, available of five clips, each case of missing."""
    generator = torch.Generator().manual_seed(1)
    log_mel = torch.randn(5, 16, 4, generator=generator)
    streams = [
        torch.randn(5, 8, width, generator=generator)
        for width in WIDTHS.values()
    ]
    available = torch.tensor(
        [
            [True, True, True],
            [True, False, True],
            [True, False, False],
            [True, True, False],
            [True, False, False],
        ]
    )
    return log_mel, streams, available
