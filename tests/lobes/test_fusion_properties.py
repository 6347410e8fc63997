"""What fusion of partly missing streams must guarantee (Section 2.2)."""

import pytest
import torch
from torch.testing import assert_close

from speechbrain_mmsed.nnet.gate import FusionGate

KINDS = ["transformer", "conformer"]
WEIGHTS = torch.tensor([0.5, 0.3, 0.2])


def without_stream(build, kind, network, kept, dropout=0.1):
    """The same network, never given the streams that are not kept."""
    names = [network.streams[index] for index in kept]
    smaller = build(kind, streams=names, dropout=dropout)
    memories = [0] + [index + 1 for index in kept]
    state = smaller.state_dict()
    full = network.state_dict()
    for name in state:
        source = name
        for part, order in (
            ("encoders.", memories),
            ("projections.", kept),
            ("attentions.", memories),
        ):
            if part in name:
                head, tail = name.split(part)
                index, tail = tail.split(".", 1)
                source = f"{head}{part}{order[int(index)]}.{tail}"
        state[name] = full[source]
    smaller.load_state_dict(state)
    return smaller.train(network.training)


def run(network, batch, weights=WEIGHTS, seed=7):
    torch.manual_seed(seed)
    return torch.cat([out.flatten() for out in network(*batch, weights)])


def backward(network, batch, weights=WEIGHTS):
    """Output, gradients and buffers of one training step."""
    network.train()
    out = run(network, batch, weights)
    network.zero_grad()
    out.square().sum().backward()
    grads = {n: p.grad.clone() for n, p in network.named_parameters()}
    buffers = {n: b.clone() for n, b in network.named_buffers()}
    return out.detach(), grads, buffers


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("kept", [[], [0], [1]])
@pytest.mark.parametrize("kind", KINDS)
def test_weight_zero_is_never_having_had_the_stream(
    build, batch, kind, kept, training
):
    log_mel, streams, available = batch
    # What a stream draws for dropout is drawn whether it counts or not, and
    # shifts the draws of the others.
    dropout = 0.0 if training else 0.1
    network = build(kind, dropout=dropout).train(training)
    smaller = without_stream(build, kind, network, kept, dropout)
    columns = [0] + [index + 1 for index in kept]
    weights = torch.zeros(3)
    weights[columns] = WEIGHTS[columns]
    expected = run(
        smaller,
        (log_mel, [streams[i] for i in kept], available[:, columns]),
        weights[columns],
    )
    assert torch.equal(run(network, batch, weights), expected)
    without = available.clone()
    without[:, weights == 0] = False
    assert torch.equal(run(network, (log_mel, streams, without)), expected)


@pytest.mark.parametrize("gate", [None, FusionGate])
@pytest.mark.parametrize("kind", KINDS)
def test_clips_without_streams_equal_the_primary_network(
    build, batch, kind, gate
):
    network = build(kind, gate=gate).eval()
    primary = without_stream(build, kind, network, [])
    _, frames = network(*batch, WEIGHTS if gate is None else None)
    _, expected = primary(batch[0])
    alone = ~batch[2][:, 1:].any(dim=1)
    assert torch.equal(frames[alone], expected[alone])
    assert not torch.allclose(frames[~alone], expected[~alone])


@pytest.mark.parametrize("garbage", [float("nan"), float("inf"), 1e30])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("gate", [None, FusionGate])
def test_garbage_in_missing_streams_changes_nothing(
    build, batch, kind, garbage, gate
):
    log_mel, streams, available = batch
    weights = WEIGHTS if gate is None else None
    spoilt = [x.clone() for x in streams]
    for index, x in enumerate(spoilt):
        x[~available[:, index + 1]] = garbage
    clean, spoilt = batch, (log_mel, spoilt, available)
    expected, found = (
        backward(build(kind, gate=gate), clips, weights)
        for clips in (clean, spoilt)
    )
    assert torch.equal(found[0], expected[0])
    for part in (1, 2):
        for name, value in expected[part].items():
            assert torch.equal(found[part][name], value), name
            assert bool(torch.isfinite(value).all()), name


@pytest.mark.parametrize("kind", KINDS)
def test_stream_of_weight_zero_counts_as_missing(build, batch, kind):
    log_mel, streams, available = batch
    weights = torch.where(available, WEIGHTS, torch.zeros(3))
    spoilt = [x.clone() for x in streams]
    for index, x in enumerate(spoilt):
        x[~available[:, index + 1]] = float("nan")
    network, twin = build(kind).train(), build(kind).train()
    everything = torch.ones_like(available)
    found = run(network, (log_mel, spoilt, everything), weights)
    assert torch.equal(found, run(twin, batch))
    for (name, ours), theirs in zip(
        network.named_buffers(), twin.buffers(), strict=True
    ):
        assert torch.equal(ours, theirs), name


@pytest.mark.parametrize("kind", KINDS)
def test_batch_without_streams_trains(build, batch, kind):
    log_mel, streams, available = batch
    available = available.clone()
    available[:, 1:] = False
    streams = [torch.full_like(x, float("nan")) for x in streams]
    network = build(kind)
    before = {n: b.clone() for n, b in network.named_buffers()}
    _, grads, buffers = backward(network, (log_mel, streams, available))
    for name, grad in grads.items():
        skipped = name.startswith(
            ("encoders.1", "encoders.2", "projections.")
        ) or ("attentions.1" in name or "attentions.2" in name)
        assert bool(torch.isfinite(grad).all()), name
        assert bool((grad == 0).all()) == skipped, name
    for name in before:
        if name.startswith(("encoders.1", "encoders.2")):
            assert torch.equal(before[name], buffers[name]), name


@pytest.mark.parametrize("kind", KINDS)
def test_order_and_company_change_nothing_in_evaluation(build, batch, kind):
    log_mel, streams, available = batch
    network = build(kind).eval()
    clip, frame = network(*batch, WEIGHTS)
    for order in ([4, 2, 0, 3, 1], [1], [2, 4], [3, 0, 0]):
        part = (log_mel[order], [x[order] for x in streams], available[order])
        clip_part, frame_part = network(*part, WEIGHTS)
        assert_close(clip_part, clip[order])
        assert_close(frame_part, frame[order])


@pytest.mark.parametrize("kind", KINDS)
def test_conformer_statistics_come_from_available_clips_only(
    build, batch, kind
):
    log_mel, streams, available = batch
    network, twin = build(kind, dropout=0.0), build(kind, dropout=0.0)
    run(network.train(), batch)
    twin.train()
    rows = available[:, 1]
    twin.encoders[1](twin.projections[0](streams[0][rows]))
    for (name, ours), theirs in zip(
        network.encoders[1].named_buffers(),
        twin.encoders[1].buffers(),
        strict=True,
    ):
        assert_close(ours, theirs, msg=name)


def test_weights_belong_to_clips(build, batch):
    network = build("transformer").eval()
    log_mel, streams, _ = batch
    generator = torch.Generator().manual_seed(2)
    weights = torch.rand(5, 3, generator=generator) + 0.1
    available = torch.ones(5, 3, dtype=torch.bool)
    _, frames = network(log_mel, streams, available, weights)
    for clip in range(5):
        part = slice(clip, clip + 1)
        _, alone = network(
            log_mel[part],
            [x[part] for x in streams],
            available[part],
            weights[clip],
        )
        assert_close(frames[part], alone)


@pytest.mark.parametrize("kind", KINDS)
def test_encode_once_decode_per_weight(build, batch, kind):
    network = build(kind).eval()
    encoded = network.encode(*batch)
    for primary in (0.25, 0.75, 1.0):
        rest = (1 - primary) / 2
        weights = torch.tensor([primary, rest, rest])
        for found, expected in zip(
            network.decode(encoded, weights),
            network(*batch, weights),
            strict=True,
        ):
            assert_close(found, expected)
    # What was not encoded is missing from then on.
    skipped = network.encode(*batch, torch.tensor([1.0, 0.0, 1.0]))
    log_mel, streams, available = batch
    without = available & torch.tensor([True, False, True])
    assert torch.equal(skipped.available, without)
    for found, expected in zip(
        network.decode(skipped, WEIGHTS),
        network(log_mel, streams, without, WEIGHTS),
        strict=True,
    ):
        assert torch.equal(found, expected)


@pytest.mark.parametrize("kind", KINDS)
def test_a_stream_that_is_ignored_may_hold_anything(build, batch, kind):
    """Weight 0 in the decoder only, after a stream was encoded."""
    network = build(kind).eval()
    with torch.no_grad():
        encoded = network.encode(*batch)
    weights = torch.tensor([0.7, 0.0, 0.3])
    expected = network.decode(encoded, weights)
    encoded.memories[1].fill_(torch.nan)
    for found, same in zip(
        network.decode(encoded, weights), expected, strict=True
    ):
        assert torch.equal(found, same)


def test_primary_weight_must_be_positive(build, batch):
    with pytest.raises(ValueError, match="primary stream .* above 0"):
        build("transformer")(*batch, torch.tensor([0.0, 0.5, 0.5]))


@pytest.mark.parametrize("kind", KINDS)
def test_an_untrained_gate_is_a_fixed_weight(build, batch, kind):
    gated, fixed = build(kind, gate=FusionGate), build(kind)
    with torch.no_grad():
        # `build` moves every vector.
        gated.gate.prior.copy_(FusionGate(3, 8).prior)
    state = gated.state_dict()
    fixed.load_state_dict({k: state[k] for k in fixed.state_dict()})
    expected = run(fixed.eval(), batch, torch.tensor([0.5, 0.25, 0.25]))
    assert_close(run(gated.eval(), batch, None), expected)


@pytest.mark.parametrize("rows", [[0, 1, 2, 3, 4], [2, 4]])
def test_a_gate_learns_with_the_rest(build, batch, rows):
    """Also from clips without streams, whose encoders are skipped."""
    log_mel, streams, available = batch
    part = log_mel[rows], [x[rows] for x in streams], available[rows]
    network = build("transformer", gate=FusionGate)
    torch.nn.init.normal_(network.gate.output.weight)
    _, grads, _ = backward(network, part, None)
    assert set(grads) == {name for name, _ in network.named_parameters()}
    learns = float(grads["gate.hidden.weight"].abs().max()) > 1e-4
    assert learns == bool(part[2][:, 1:].any())


def test_a_gate_weighs_in_single_precision_under_autocast(build, batch):
    network = build("transformer", gate=FusionGate)
    with torch.autocast("cpu", torch.bfloat16):
        encoded = network.encode(*batch)
        assert network.gate_weights(encoded).dtype == torch.float32
        network.decode(encoded)[0].sum().backward()
