"""Networks that start from the weights of an earlier detector."""

import copy
import functools
from types import SimpleNamespace

import pytest
import torch
from speechbrain.utils.checkpoints import Checkpointer

from speechbrain_mmsed.lobes.cnn import ConvolutionalFeatureExtractor
from speechbrain_mmsed.lobes.frontend import LogMelFrontend
from speechbrain_mmsed.lobes.multi_encoder import (
    MultiEncoder,
    build_decoder,
    build_encoder,
)
from speechbrain_mmsed.training.fine_tuning import (
    StartFrom,
    start_from_setting,
)
from speechbrain_mmsed.training.hparams import HparamsError

SIZES = {"d_model": 8, "n_layers": 1, "n_heads": 1, "d_head": 4, "d_ffn": 8}
LABELS = ["Cat", "Dog", "Speech"]
YAML = """
labels: [Cat, Dog, Speech]
streams: [film, yamnet]
frontend: &id1 !new:speechbrain_mmsed.lobes.frontend.LogMelFrontend
  sample_rate: 16000
  n_mels: 4
modules:
  frontend: *id1
"""


def network(streams=("film", "yamnet"), n_classes=3, width=5):
    build = functools.partial
    sizes = {"architecture": "transformer", "n_positions": 4, **SIZES}
    return MultiEncoder(
        ConvolutionalFeatureExtractor(
            n_mels=4,
            channels=(4, 8),
            kernel_sizes=((3, 3),) * 2,
            poolings=((2, 2), (1, 2)),
        ),
        build(build_encoder, **sizes),
        build(build_decoder, **sizes),
        streams,
        {"film": width, "yamnet": 6, "other": 7},
        n_classes,
        d_model=8,
    )


@pytest.fixture
def detector(tmp_path):
    """The folder of a run with a detector, and its network."""
    folder = tmp_path / "run/detector"
    folder.mkdir(parents=True)
    frontend, trained = LogMelFrontend(n_mels=4), network()
    frontend.mean += 3.0
    (folder / "hyperparams.yaml").write_text(YAML)
    torch.save(frontend.state_dict(), folder / "frontend.ckpt")
    torch.save(trained.state_dict(), folder / "network.ckpt")
    return tmp_path / "run", trained


@pytest.fixture
def brain_of(tmp_path):
    """What a Brain has, of a student."""

    def make(student, saved="save"):
        frontend = LogMelFrontend(n_mels=4)
        recoverables = {"network": student}
        return SimpleNamespace(
            student=student,
            teacher=copy.deepcopy(student),
            checkpointer=Checkpointer(tmp_path / saved, recoverables),
            opt_class=functools.partial(torch.optim.RAdam, lr=0.1),
            frontend=frontend,
            unwrapped={"frontend": frontend}.get,
        )

    return make


def rows(start):
    return {row["part"]: row for row in start.table}


def test_the_same_network_has_all_weights_and_statistics(detector, brain_of):
    folder, trained = detector
    for source in (folder, folder / "detector"):
        brain = brain_of(network(), source.name)
        start = StartFrom(source, 1.0, LABELS, ["film", "yamnet"])
        start.check(LogMelFrontend(n_mels=4, n_frames=64, clip_seconds=2.0))
        start.begin(brain)
        for made in (brain.student, brain.teacher):
            for name, value in made.state_dict().items():
                assert torch.equal(value, trained.state_dict()[name]), name
        assert brain.frontend.mean.tolist() == [3.0] * 4
        assert not any(row["new"] for row in start.table)
        total = sum(p.numel() for p in trained.parameters())
        assert sum(row["taken"] for row in start.record()["parts"]) == total
        assert brain.opt_class.func is torch.optim.RAdam


def test_other_classes_and_streams(detector, brain_of):
    folder, trained = detector
    labels, streams = ["Dog", "Rain", "Cat", "Wind"], ["yamnet", "other"]
    student = network(streams, 4)
    before, theirs = copy.deepcopy(student.state_dict()), trained.state_dict()
    brain = brain_of(student)
    start = StartFrom(folder, 0.25, labels, streams)
    start.begin(brain)
    now = student.state_dict()
    for row, place in ((0, 1), (2, 0)):
        for name in ("classifier.weight", "classifier.bias"):
            assert torch.equal(now[name][row], theirs[name][place])
            assert torch.equal(now[name][row + 1], before[name][row + 1])
    attention = "decoder.blocks.0.cross_attention.attentions.{}.out.weight"
    for here, there in (
        ("encoders.1.blocks.0.ffn.layers.0.weight",) * 2,
        ("projections.0.weight", "projections.1.weight"),
        (attention.format(1), attention.format(2)),
        (attention.format(0), attention.format(0)),
    ):
        there = there.replace("encoders.1", "encoders.2")
        assert torch.equal(now[here], theirs[there]), here
    for new in ("projections.1.weight", attention.format(2)):
        assert torch.equal(now[new], before[new]), new
    table = rows(start)
    assert table["encoder of yamnet"]["new"] == 0
    assert table["encoder of other"]["taken"] == 0
    assert table["encoder of other"]["why"] == "the detector has none"
    assert table["classifier"]["why"].endswith("taken over: Dog, Cat")

    made = brain.opt_class(student.parameters())
    groups = {g["lr_factor"]: g["params"] for g in made.param_groups}
    slow = {id(p) for p in groups[0.25]}
    assert id(student.encoders[1].norm.weight) in slow
    assert id(student.classifier.weight) not in slow
    assert sum(map(len, groups.values())) == len(list(student.parameters()))

    # A run that resumes has its own weights, and the same groups.
    brain.checkpointer.save_checkpoint()
    torch.nn.init.zeros_(student.class_token)
    again = brain_of(student)
    resumed = StartFrom(folder, 0.25, labels, streams)
    (folder / "detector/network.ckpt").unlink()
    resumed.begin(again)
    assert not student.class_token.any()
    assert resumed.record() == start.record()
    sizes = [len(g["params"]) for g in made.param_groups]
    made = again.opt_class(student.parameters())
    assert [len(g["params"]) for g in made.param_groups] == sizes


def test_another_width_is_new_and_says_why(detector, brain_of):
    start = StartFrom(detector[0], 1.0, LABELS, ["film", "yamnet"])
    start.begin(brain_of(network(width=9)))
    why = rows(start)["projection of film"]["why"]
    assert why == "shape (8, 9) here, (8, 5) there"


def test_what_cannot_be_started_from(detector, tmp_path):
    folder, _ = detector
    assert start_from_setting(None, 1.0, LABELS, []) is None
    frontend = LogMelFrontend(n_mels=4)
    with pytest.raises(HparamsError, match="nowhere.* is not there; expected"):
        StartFrom(tmp_path / "nowhere", 1.0, LABELS, []).check(frontend)
    with pytest.raises(HparamsError, match="start_from_lr_factor is -1"):
        StartFrom(folder, -1, LABELS, [])
    other = LogMelFrontend(n_mels=4, sample_rate=8000)
    with pytest.raises(HparamsError, match="sample_rate is 8000 here and 16"):
        StartFrom(folder, 1.0, LABELS, []).check(other)
    path = folder / "detector/network.ckpt"
    path.write_bytes(path.read_bytes()[:900])
    with pytest.raises(HparamsError, match=r"network.ckpt cannot be read"):
        StartFrom(folder, 1.0, LABELS, []).check(frontend)
