"""The network as a whole: sizes, number formats, saving, wrong input."""

import pytest
import torch
from torch.testing import assert_close

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
from speechbrain_mmsed.nnet.gate import FusionGate

KINDS = ["transformer", "conformer"]
WEIGHTS = torch.tensor([0.5, 0.3, 0.2])


@pytest.mark.parametrize(
    ("encoder", "decoder", "millions"),
    [
        (TransformerEncoder, TransformerDecoder, (3.13, 4.79, 6.65)),
        (ConformerEncoder, ConformerDecoder, (4.67, 7.17, 9.86)),
    ],
)
def test_parameter_counts_of_the_paper_sizes(encoder, decoder, millions):
    names = ["openl3", "coherent"]
    for n_others, expected in enumerate(millions):
        with torch.device("meta"):
            network = MultiEncoder(
                ConvolutionalFeatureExtractor(),
                encoder,
                decoder,
                names[:n_others],
                {"openl3": 512, "coherent": 2048},
            )
        found = sum(p.numel() for p in network.parameters()) / 1e6
        assert abs(found / expected - 1) < 0.01


@pytest.mark.parametrize("kind", KINDS)
def test_token_gives_the_clip_and_frames_keep_their_order(build, batch, kind):
    network = build(kind).eval()
    clip, frame = network(*batch, WEIGHTS)
    assert clip.shape == (5, 3) and frame.shape == (5, 8, 3)
    encoded = network.encode(*batch)
    features = encoded.features.clone()
    token = network.class_token
    decoded = network.decoder(
        torch.cat([token.expand(5, 1, -1), features], 1),
        encoded.memories,
        torch.where(batch[2], WEIGHTS, 0.0)
        / torch.where(batch[2], WEIGHTS, 0.0).sum(1, keepdim=True),
    )
    assert_close(clip, network.classifier(decoded[:, 0]))
    assert_close(frame, network.classifier(decoded[:, 1:]))


@pytest.mark.parametrize("kind", KINDS)
def test_every_parameter_gets_a_gradient(build, batch, kind):
    network = build(kind)
    clip, frame = network(*batch, WEIGHTS)
    (clip.square().sum() + frame.square().sum()).backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        if not name.endswith(("depthwise.bias", "in_bias")):
            assert parameter.grad.abs().sum() > 0, name


@pytest.mark.parametrize("kind", KINDS)
def test_bf16_autocast_stays_near_float32(build, batch, kind):
    network = build(kind, dropout=0.0)
    network.eval()
    expected = network(*batch, WEIGHTS)[1]
    with torch.autocast("cpu", torch.bfloat16):
        found = network(*batch, WEIGHTS)[1]
    assert_close(found.float(), expected, rtol=0.1, atol=0.1)
    network.train()
    with torch.autocast("cpu", torch.bfloat16):
        network(*batch, WEIGHTS)[1].float().sum().backward()
    for name, parameter in network.named_parameters():
        assert bool(torch.isfinite(parameter.grad).all()), name


@pytest.mark.parametrize("kind", KINDS)
def test_blocks_add_up_in_float32_under_autocast(build, batch, kind):
    network, found = build(kind), []
    for stack in (*network.encoders, network.decoder):
        for block in stack.blocks:
            block.register_forward_hook(
                lambda _, inputs, out: found.extend((inputs[0], out))
            )
    with torch.autocast("cpu", torch.bfloat16):
        network(*batch, WEIGHTS)
    assert len(found) == 16
    assert {x.dtype for x in found} == {torch.float32}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("training", [True, False])
def test_a_network_is_one_graph(build, batch, kind, training):
    """Also with a gate, for fixed weights, and with a film in no clip.

    Otherwise to compile it whole is an error.
    """
    log_mel, streams, available = batch
    lone = available & torch.tensor([True, False, False])
    for gate, weights in ((None, WEIGHTS), (FusionGate, None)):
        network = build(kind, n_layers=1, gate=gate).train(training)
        torch._dynamo.reset()
        compiled = torch.compile(network, backend="eager", fullgraph=True)
        with torch.no_grad():
            for clips in (batch, (log_mel, streams, lone)):
                torch.manual_seed(0)
                found = compiled(*clips, weights)
                assert all(bool(torch.isfinite(x).all()) for x in found)


@pytest.mark.parametrize("kind", KINDS)
def test_state_survives_saving(build, batch, kind, tmp_path):
    network = build(kind, seed=0)
    network(*batch, WEIGHTS)
    torch.save(network.state_dict(), tmp_path / "network.ckpt")
    other = build(kind, seed=1)
    other.load_state_dict(torch.load(tmp_path / "network.ckpt"))
    network.eval()
    other.eval()
    for found, expected in zip(
        other(*batch, WEIGHTS), network(*batch, WEIGHTS), strict=True
    ):
        assert torch.equal(found, expected)


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("kind", KINDS)
def test_compiled_equals_eager(build, batch, kind):
    network = build(kind, n_layers=1).eval()
    compiled = torch.compile(network)
    with torch.no_grad():
        for found, expected in zip(
            compiled(*batch, WEIGHTS), network(*batch, WEIGHTS), strict=True
        ):
            assert_close(found, expected, rtol=1e-5, atol=1e-5)


def test_primary_stream_alone_needs_no_weights(build, batch):
    network = build("transformer", streams=[]).eval()
    expected = network(
        batch[0], [], torch.ones(5, 1, dtype=torch.bool), torch.ones(1)
    )
    for found, same in zip(network(batch[0]), expected, strict=True):
        assert torch.equal(found, same)


def test_wrong_inputs_are_named(build, batch):
    network = build("transformer")
    log_mel, streams, available = batch
    with pytest.raises(ValueError, match="stream second .*expected .5, 8, 7"):
        network(log_mel, [streams[0], streams[0]], available, WEIGHTS)
    with pytest.raises(ValueError, match="stream first .*4, 8, 5"):
        network(log_mel, [streams[0][:4], streams[1]], available, WEIGHTS)
    with pytest.raises(ValueError, match="1 streams given, expected 2"):
        network(log_mel, streams[:1], available, WEIGHTS)
    with pytest.raises(ValueError, match=r"available .*expected \(5, 3\)"):
        network(log_mel, streams, available[:, :2], WEIGHTS)
    with pytest.raises(ValueError, match=r"expected \(3,\) or \(5, 3\)"):
        network(log_mel, streams, available, WEIGHTS[:2])
    with pytest.raises(ValueError, match="fusion_weights is missing"):
        network(log_mel, streams, available)


def test_wrong_configurations_are_refused(build):
    with pytest.raises(ValueError, match="expected different names"):
        build("transformer", streams=["first", "third"])
    with pytest.raises(ValueError, match="expected different names"):
        build("transformer", streams=["first", "first"])
    with pytest.raises(ValueError, match="128 values, expected d_model = 64"):
        MultiEncoder(
            ConvolutionalFeatureExtractor(),
            TransformerEncoder,
            TransformerDecoder,
            [],
            {},
            d_model=64,
        )
