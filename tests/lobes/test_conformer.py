"""Conformer: alignment with the memory, order of sub-blocks, batch norm."""

import pytest
import torch
from torch.testing import assert_close

from speechbrain_mmsed.lobes.conformer import (
    ConformerDecoder,
    ConformerEncoder,
)
from speechbrain_mmsed.nnet.sub_blocks import ConvolutionModule, MaskedBatchNorm

SIZES = {"d_model": 8, "n_heads": 3, "d_head": 4, "d_ffn": 16, "n_layers": 1}


@torch.no_grad()
def test_block_is_written_out_as_in_figure_2():
    torch.manual_seed(0)
    encoder = ConformerEncoder(**SIZES).eval()
    block = encoder.blocks[0]
    x = expected = torch.randn(2, 6, 8)
    expected = expected + block.first_ffn(block.first_norm(expected)) / 2
    normed = block.self_norm(expected)
    expected = expected + block.self_attention(normed, normed)
    expected = expected + block.convolution(block.convolution_norm(expected))
    expected = expected + block.second_ffn(block.second_norm(expected)) / 2
    assert_close(encoder(x), encoder.norm(expected))
    assert isinstance(block.first_ffn.layers[1], torch.nn.SiLU)


@torch.no_grad()
def test_decoder_frame_looks_at_its_own_memory_frame():
    """Position k + 1 and memory frame k are at distance 0."""
    decoder = ConformerDecoder(**SIZES, n_memories=2)
    for attention in decoder.blocks[0].cross_attention.attentions:
        assert attention.query_offset == -1
    assert decoder.blocks[0].self_attention.query_offset == 0
    attention = decoder.blocks[0].cross_attention.attentions[1].eval()
    # Leave only the position's term, and of that the sum of the encoding's
    # cosines, which is largest at distance 0; values pass unchanged.
    for parameter in attention.parameters():
        parameter.zero_()
    attention.position_bias[0] = 200.0
    attention.position.weight[:4, 4:] = torch.eye(4)
    attention.in_weight[24:28, :4] = torch.eye(4)
    attention.out.weight[:4, :4] = torch.eye(4)
    memory = torch.randn(1, 6, 8)
    seen = attention(torch.randn(1, 7, 8), memory)
    assert_close(seen[0, 1:, :4], memory[0, :, :4], rtol=1e-3, atol=1e-3)


def test_convolution_sees_three_frames_on_each_side():
    module = ConvolutionModule(8, kernel_size=7).eval()
    x = torch.randn(1, 20, 8, requires_grad=True)
    module(x)[0, 10].sum().backward()
    touched = x.grad[0].abs().sum(dim=1).nonzero().flatten().tolist()
    assert touched == list(range(7, 14))


def test_momentum_is_passed_on_and_even_kernels_are_refused():
    encoder = ConformerEncoder(**SIZES, bn_momentum=0.3)
    assert encoder.blocks[0].convolution.norm.momentum == 0.3
    with pytest.raises(ValueError, match="kernel_size is 6"):
        ConformerEncoder(**SIZES, kernel_size=6)


@pytest.mark.parametrize("used", [[1, 1, 1, 1], [0, 1, 1, 0], [0, 0, 1, 0]])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_masked_batch_norm_is_batch_norm_of_the_clips_that_count(used, dtype):
    torch.manual_seed(0)
    used = torch.tensor(used).bool()
    ours, twin = MaskedBatchNorm(8), torch.nn.BatchNorm1d(8)
    for norm in (ours, twin):
        norm.to(dtype)
        with torch.no_grad():
            norm.weight.copy_(torch.linspace(0.5, 2, 8))
            norm.bias.copy_(torch.linspace(-1, 1, 8))
    for _ in range(2):
        x = 3 * torch.randn(4, 8, 6, dtype=dtype) + 1
        theirs = x[used].clone().requires_grad_()
        x.requires_grad_()
        found, expected = ours(x, used)[used], twin(theirs)
        assert_close(found, expected, rtol=1e-5, atol=1e-5)
        found.pow(3).sum().backward()
        expected.pow(3).sum().backward()
        assert_close(x.grad[used], theirs.grad, rtol=1e-3, atol=1e-3)
        assert not bool(x.grad[~used].any())
    for name, value in ours.state_dict().items():
        assert_close(value, twin.state_dict()[name], rtol=1e-5, atol=1e-5)
    twin.load_state_dict(ours.state_dict())
    assert torch.equal(ours.eval()(x, used), twin.eval()(x))


def test_masked_batch_norm_without_clips_leaves_its_statistics():
    norm = MaskedBatchNorm(8)
    before = {n: b.clone() for n, b in norm.named_buffers()}
    x = torch.randn(2, 8, 6, requires_grad=True)
    norm(x, torch.zeros(2).bool()).sum().backward()
    assert bool(torch.isfinite(x.grad).all())
    for name, value in norm.named_buffers():
        assert torch.equal(value, before[name]), name
