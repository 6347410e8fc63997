"""Transformer stacks against torch's pre-layer-norm layers."""

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from speechbrain_mmsed.lobes.transformer import (
    TransformerDecoder,
    TransformerEncoder,
)
from speechbrain_mmsed.nnet.sub_blocks import FeedForward

SIZES = {"d_model": 12, "n_heads": 3, "d_head": 4, "d_ffn": 16}
THEIRS = {
    "d_model": 12,
    "nhead": 3,
    "dim_feedforward": 16,
    "dropout": 0.0,
    "batch_first": True,
    "norm_first": True,
}


def scramble(module):
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
    return module.eval()


def copy_attention(theirs, ours):
    theirs.in_proj_weight.copy_(ours.in_weight)
    theirs.in_proj_bias.copy_(ours.in_bias)
    theirs.out_proj.load_state_dict(ours.out.state_dict())


def copy_block(theirs, ours):
    copy_attention(theirs.self_attn, ours.self_attention)
    theirs.norm1.load_state_dict(ours.self_norm.state_dict())
    theirs.linear1.load_state_dict(ours.ffn.layers[0].state_dict())
    theirs.linear2.load_state_dict(ours.ffn.layers[3].state_dict())


@torch.no_grad()
def test_encoder_equals_torch_layers():
    encoder = scramble(TransformerEncoder(**SIZES, n_layers=2))
    x = torch.randn(2, 6, 12)
    expected = x + encoder.positions.table[:6]
    for block in encoder.blocks:
        layer = nn.TransformerEncoderLayer(**THEIRS)
        copy_block(layer, block)
        layer.norm2.load_state_dict(block.ffn_norm.state_dict())
        # train mode without dropout: torch's fast path is another order.
        expected = layer.train()(expected)
    assert_close(encoder(x), encoder.norm(expected))


@torch.no_grad()
def test_decoder_of_one_memory_equals_torch_layers():
    decoder = scramble(TransformerDecoder(**SIZES, n_layers=2))
    x, memory = torch.randn(2, 7, 12), torch.randn(2, 6, 12)
    expected = x + decoder.positions.table[:7]
    for block in decoder.blocks:
        layer = nn.TransformerDecoderLayer(**THEIRS)
        copy_block(layer, block)
        copy_attention(
            layer.multihead_attn, block.cross_attention.attentions[0]
        )
        layer.norm2.load_state_dict(block.cross_norm.state_dict())
        layer.norm3.load_state_dict(block.ffn_norm.state_dict())
        expected = layer(expected, memory)
    found = decoder(x, [memory], torch.ones(2, 1))
    assert_close(found, decoder.norm(expected))


def zeros_in_training(module, x):
    torch.manual_seed(0)
    return (module.train()(x) == 0).float().mean().item()


def test_feed_forward_drops_after_the_second_layer_or_after_both():
    x = torch.randn(200, 8)
    assert 0.4 < zeros_in_training(FeedForward(8, 64, 0.5), x) < 0.6
    inner = []
    for both in (False, True):
        module = FeedForward(8, 64, 0.5, dropout_after_both=both)
        module.layers[3].register_forward_pre_hook(
            lambda _, inputs: inner.append((inputs[0] == 0).float().mean())
        )
        module(x)
    assert abs(inner[0] - 0.5) < 0.1, "ReLU alone"
    assert abs(inner[1] - 0.75) < 0.1, "ReLU and dropout"


def test_too_long_sequences_are_refused():
    with pytest.raises(ValueError, match="at most 64 frames"):
        TransformerEncoder(**SIZES)(torch.randn(1, 65, 12))
