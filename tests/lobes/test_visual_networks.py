"""Networks of torchvision and timm with weights that a user brings."""

import sys

import numpy as np
import pytest
import torch
from stream_choice import build_embedder

from speechbrain_mmsed.lobes.visual import (
    OpenL3Embedder,
    ResNet50Embedder,
    TemporallyCoherentEmbedder,
    TimmEmbedder,
    VGG16Embedder,
    WeightsError,
)
from speechbrain_mmsed.lobes.visual.weights import load_weights

torchvision = pytest.importorskip("torchvision")


@pytest.fixture(scope="module")
def resnet():
    """ResNet-50 with random weights and lively normalisation."""
    torch.manual_seed(0)
    network = torchvision.models.resnet50(weights=None)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 1.5)
    return network.eval()


@pytest.fixture(scope="module")
def frames():
    """Two pictures, read at a shorter side of 256."""
    random = np.random.default_rng(0)
    coarse = random.integers(0, 256, (2, 8, 10, 3), np.uint8)
    return torch.from_numpy(coarse.repeat(32, 1).repeat(32, 2))


def imagenet(frames, top, left):
    """Slow twin of the preprocessing, one picture at a time."""
    mean = torch.tensor([0.485, 0.456, 0.406])
    deviation = torch.tensor([0.229, 0.224, 0.225])
    return [
        ((frame[top : top + 224, left : left + 224] / 255 - mean) / deviation)
        .permute(2, 0, 1)[None]
        .float()
        for frame in frames
    ]


def embedded(embedder, frames):
    with torch.inference_mode():
        return embedder(embedder.preprocess(frames))


def trunk(network, picture):
    """Pooled features, layer by layer."""
    x = network.maxpool(network.relu(network.bn1(network.conv1(picture))))
    for stage in ("layer1", "layer2", "layer3", "layer4"):
        x = getattr(network, stage)(x)
    return x.mean((2, 3))


def test_resnet50_and_temporally_coherent(tmp_path, resnet, frames):
    state = resnet.state_dict()
    torch.save(state, tmp_path / "imagenet.pth")
    plain = ResNet50Embedder(tmp_path / "imagenet.pth")
    # The published layout: trunk and head beside an optimizer's state.
    checkpoint = {
        "epoch": 3,
        "optimizer": {"state": {}, "param_groups": [{"lr": 0.1}]},
        "model": {
            **{f"module.backbone.{k}": v for k, v in state.items()},
            "module.head.0.weight": torch.zeros(128, 2048),
        },
    }
    del checkpoint["model"]["module.backbone.fc.weight"]
    torch.save(checkpoint, tmp_path / "tce.pth.tar")
    coherent = TemporallyCoherentEmbedder(tmp_path / "tce.pth.tar")
    with torch.inference_mode():
        expected = torch.cat(
            [trunk(resnet, p) for p in imagenet(frames, 16, 48)]
        )
    for embedder in (plain, coherent):
        assert embedder.width == 2048 and embedder.frame_size == 256
        torch.testing.assert_close(
            embedded(embedder, frames), expected, atol=1e-4, rtol=1e-4
        )
    names = [e.description()["network"] for e in (plain, coherent)]
    assert "substitute" in names[0] and "TCE" in names[1]
    assert "coherent" in names[1]
    with pytest.raises(WeightsError, match="module.backbone.*resnet50"):
        TemporallyCoherentEmbedder(tmp_path / "imagenet.pth")


def test_weights_of_another_network(tmp_path, resnet):
    state = dict(resnet.state_dict())
    state["conv1.weight"] = torch.zeros(64, 3, 3, 3)
    torch.save(state, tmp_path / "a.pth")
    with pytest.raises(WeightsError, match=r"conv1.weight is \(64, 3, 3, 3\)"):
        ResNet50Embedder(tmp_path / "a.pth")
    del state["conv1.weight"]
    torch.save(state, tmp_path / "a.pth")
    with pytest.raises(WeightsError, match="lacks conv1.weight"):
        ResNet50Embedder(tmp_path / "a.pth")
    # Whatever else a checkpoint holds ends in the same message.
    torch.save({**state, "conv1.weight": "none", 7: 8}, tmp_path / "a.pth")
    with pytest.raises(WeightsError, match="unknown 7"):
        ResNet50Embedder(tmp_path / "a.pth")
    torch.save({**state, "conv1.weight": "none"}, tmp_path / "a.pth")
    with pytest.raises(WeightsError, match="conv1.weight is str"):
        ResNet50Embedder(tmp_path / "a.pth")
    state = {**resnet.state_dict(), "extra": torch.zeros(1)}
    torch.save(state, tmp_path / "a.pth")
    with pytest.raises(WeightsError, match="unknown extra"):
        ResNet50Embedder(tmp_path / "a.pth")


class Malicious:
    """Leaves a trace when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


def test_no_code_of_a_checkpoint_runs(tmp_path):
    trace = tmp_path / "trace"
    torch.save({"a": Malicious(trace)}, tmp_path / "evil.pth")
    with pytest.raises(WeightsError, match="weights only"):
        load_weights(tmp_path / "evil.pth")
    assert not trace.exists()
    (tmp_path / "text.pth").write_text("no weights")
    (tmp_path / "text.safetensors").write_text("no weights")
    for name in ("text.pth", "text.safetensors"):
        with pytest.raises(WeightsError, match=f"{name} cannot be read"):
            load_weights(tmp_path / name)
    torch.save([1, 2], tmp_path / "list.pth")
    with pytest.raises(WeightsError, match="list"):
        load_weights(tmp_path / "list.pth")


def test_vgg16_before_and_after_relu(tmp_path, frames):
    torch.manual_seed(0)
    with torch.device("meta"):
        network = torchvision.models.vgg16(weights=None)
    # Rows of the same numbers: a small file in place of half a gigabyte.
    state = {}
    for name, tensor in network.state_dict().items():
        if tensor.ndim == 1:
            state[name] = torch.randn(tensor.shape) * 0.1
            continue
        fan_in = tensor[0].numel()
        row = torch.randn(1, *tensor.shape[1:]) * (2 / fan_in) ** 0.5
        state[name] = row.expand(tensor.shape)
    torch.save(state, tmp_path / "vgg16.pth")
    before = VGG16Embedder(tmp_path / "vgg16.pth", after_relu=False)
    found = embedded(before, frames[:1])
    x = imagenet(frames, 16, 48)[0]
    with torch.inference_mode():
        for name, tensor in state.items():
            layer = name.split(".")
            if layer[0] != "features" or layer[2] != "weight":
                continue
            bias = state[f"features.{layer[1]}.bias"]
            x = torch.nn.functional.conv2d(x, tensor, bias, padding=1).relu()
            # Where the next layer but one is a pooling, not a convolution.
            if f"features.{int(layer[1]) + 2}.weight" not in state:
                x = torch.nn.functional.max_pool2d(x, 2)
        x = x.flatten(1)
        for layer in (0, 3):
            weight = state[f"classifier.{layer}.weight"]
            x = x.relu() if layer else x
            x = x @ weight.T + state[f"classifier.{layer}.bias"]
    assert found.shape == (1, 4096) and (found < 0).any()
    torch.testing.assert_close(found, x, atol=1e-3, rtol=1e-3)
    before.network.classifier.append(torch.nn.ReLU())
    rectified = embedded(before, frames[:1])
    del before, state
    after = VGG16Embedder(tmp_path / "vgg16.pth")
    torch.testing.assert_close(embedded(after, frames[:1]), rectified)


def by_pillow(frame, size, config):
    """Shorter side resized, middle square; what the tested networks want."""
    from PIL import Image

    assert config["crop_mode"] == "center"
    kind = getattr(Image.Resampling, config["interpolation"].upper())
    short = int(size / config["crop_pct"])
    height, width = frame.shape[:2]
    assert height < width
    shape = (int(short * width / height), short)
    resized = np.asarray(Image.fromarray(frame).resize(shape, kind))
    top, left = (round((side - size) / 2) for side in resized.shape[:2])
    return resized[top : top + size, left : left + size]


@pytest.mark.parametrize(
    "name", ["test_resnet", "test_efficientnet", "test_vit"]
)
def test_timm_by_name(tmp_path, name):
    timm = pytest.importorskip("timm")
    torch.manual_seed(0)
    network = timm.create_model(name, pretrained=False).eval()
    torch.save({"state_dict": network.state_dict()}, tmp_path / f"{name}.pth")
    embedder = build_embedder(f"timm:{name}", {}, str(tmp_path))
    assert embedder.frame_size is None
    frames = np.random.default_rng(0).integers(0, 256, (2, 240, 300, 3))
    frames = frames.astype(np.uint8)
    config = timm.data.resolve_data_config({}, model=network)
    size = config["input_size"][1]
    assert embedder.image_size == size
    expected = [by_pillow(frame, size, config) for frame in frames]
    reduced = [embedder.reduce(frame) for frame in frames]
    np.testing.assert_array_equal(reduced, expected)
    found = embedded(embedder, torch.from_numpy(np.stack(reduced)))
    assert found.shape == (2, embedder.width)
    mean, std = torch.tensor(config["mean"]), torch.tensor(config["std"])
    inputs = (torch.from_numpy(np.stack(expected)) / 255 - mean) / std
    inputs = inputs.permute(0, 3, 1, 2)
    with torch.inference_mode():
        features = network.forward_features(inputs)
        expected = network.forward_head(features, pre_logits=True)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)
    assert name in embedder.description()["network"]


def test_timm_reads_safetensors_and_squashes(tmp_path):
    """Nothing is cut off where the configuration wants the whole picture."""
    timm = pytest.importorskip("timm")
    safetensors = pytest.importorskip("safetensors.torch")
    network = timm.create_model("test_resnet", pretrained=False)
    path = tmp_path / "test_resnet.safetensors"
    safetensors.save_file(network.state_dict(), path)
    embedder = build_embedder("timm:test_resnet", {}, str(tmp_path))
    for name, tensor in embedder.network.state_dict().items():
        assert torch.equal(tensor, network.state_dict()[name])
    frame = np.zeros((100, 300, 3), np.uint8)
    frame[:, :100] = 255
    assert not embedder.reduce(frame)[:, :20].all()
    squash = dict(embedder.config, crop_mode="squash", crop_pct=1.0)
    embedder.transform = timm.data.create_transform(**squash, normalize=False)
    reduced = embedder.reduce(frame)
    assert reduced.shape == (160, 160, 3)
    assert (reduced[:, :50] == 255).all() and (reduced[:, 57:] == 0).all()


@pytest.mark.parametrize(
    "package, extra, build",
    [
        ("h5py", "visual", OpenL3Embedder),
        ("torchvision", "networks", ResNet50Embedder),
        ("torchvision", "networks", TemporallyCoherentEmbedder),
        ("torchvision", "networks", VGG16Embedder),
        ("timm", "networks", lambda path: TimmEmbedder("resnet18", path)),
    ],
)
def test_missing_packages_say_what_to_install(
    tmp_path, monkeypatch, package, extra, build
):
    (tmp_path / "weights").write_text("whatever")
    monkeypatch.setitem(sys.modules, package, None)
    install = rf"needs.*{package}: pip install .*\[{extra}\]"
    with pytest.raises(ImportError, match=install):
        build(tmp_path / "weights")


def test_timm_errors(tmp_path):
    pytest.importorskip("timm")
    with pytest.raises(ValueError, match="no network 'resnet_18'"):
        TimmEmbedder("resnet_18", tmp_path / "a.pth")
    with pytest.raises(ValueError, match="no network.*tag.*nonsense"):
        TimmEmbedder("test_resnet.nonsense", tmp_path / "a.pth")
    with pytest.raises(WeightsError, match="timm/resnet18.a1_in1k.*apache-2.0"):
        build_embedder("timm:resnet18", {}, str(tmp_path))
