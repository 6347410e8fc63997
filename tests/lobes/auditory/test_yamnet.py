"""YAMNet against the published network's outputs, and a slow forward."""

import shutil

import h5py
import numpy as np
import pytest
import torch
from keras_files import write_keras

from speechbrain_mmsed.lobes.auditory import YamnetEmbedder
from speechbrain_mmsed.lobes.auditory.yamnet import BLOCKS, mel_matrix
from speechbrain_mmsed.lobes.visual.weights import WeightsError

# (name, kernel as Keras has it, stride) of all convolutions.
LAYERS = [("layer1/conv", (3, 3, 1, 32), 2)]
for index, (n_out, stride) in enumerate(BLOCKS, 2):
    n_in = LAYERS[-1][1][3]
    LAYERS += [
        (f"layer{index}/depthwise_conv", (3, 3, n_in, 1), stride),
        (f"layer{index}/pointwise_conv", (1, 1, n_in, n_out), 1),
    ]


@pytest.fixture(scope="module")
def keras(tmp_path_factory):
    """(path, layers): random weights as Keras saves them, and as arrays."""
    rng = np.random.default_rng(0)
    path = tmp_path_factory.mktemp("yamnet") / "yamnet.h5"
    layers, groups = [], []
    for name, shape, stride in LAYERS:
        fan_in = np.prod(shape[:2]) * (1 if shape[3] == 1 else shape[2])
        kernel = rng.normal(0, np.sqrt(2 / fan_in), shape)
        width = shape[2] if shape[3] == 1 else shape[3]
        beta, mean = rng.normal(0.1, 0.1, (2, width))
        variance = rng.uniform(0.5, 1.5, width)
        layers.append((kernel, beta, mean, variance, stride))
        groups += [(name, {"kernel": kernel})]
        groups += [
            (
                f"{name}/bn",
                {
                    "beta": beta,
                    "moving_mean": mean,
                    "moving_variance": variance,
                },
            )
        ]
    groups += [("relu", {})]
    groups += [
        ("logits", {"kernel": np.ones((1024, 521)), "bias": np.ones(521)})
    ]
    write_keras(path, groups)
    return path, layers


def slow_convolution(x, kernel, stride):
    """(h, w, in) through a kernel as TensorFlow does it, padding "same"."""
    size, depthwise = kernel.shape[0], kernel.shape[3] == 1 and x.shape[2] > 1
    n_out = [-(-n // stride) for n in x.shape[:2]]
    pads = [
        max((out - 1) * stride + size - n, 0)
        for out, n in zip(n_out, x.shape[:2], strict=True)
    ]
    x = np.pad(x, [(p // 2, p - p // 2) for p in pads] + [(0, 0)])
    total = 0.0
    for i in range(size):
        for j in range(size):
            part = x[
                i : i + stride * n_out[0] : stride,
                j : j + stride * n_out[1] : stride,
            ]
            part = part[: n_out[0], : n_out[1]]
            if depthwise:
                total = total + part * kernel[i, j, :, 0]
            else:
                total = total + part @ kernel[i, j]
    return total


def slow_network(log_mel, layers):
    """(96, 64) -> (1024,), layer by layer in double precision."""
    x = log_mel[..., None].astype(float)
    for kernel, beta, mean, variance, stride in layers:
        x = slow_convolution(x, kernel, stride)
        x = (x - mean) / np.sqrt(variance + 1e-4) + beta
        x = np.maximum(x, 0.0)
    return x.mean((0, 1))


def slow_log_mel(waveform):
    """(96, 64): each frame by itself, mel triangles in a loop."""

    def mel(hertz):
        return 1127.0 * np.log(1.0 + hertz / 700.0)

    edges = np.linspace(mel(125.0), mel(7500.0), 66)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(400) / 400)
    rows = []
    for start in range(0, 96 * 160, 160):
        frame = np.zeros(512)
        frame[:400] = waveform[start : start + 400] * window
        magnitude = np.abs(np.fft.rfft(frame))
        row = np.zeros(64)
        for k in range(1, 257):
            at = mel(k * 16000 / 512)
            for m in range(64):
                low, centre, high = edges[m : m + 3]
                share = min(
                    (at - low) / (centre - low), (high - at) / (high - centre)
                )
                row[m] += max(0.0, share) * magnitude[k]
        rows.append(np.log(row + 0.001))
    return np.array(rows)


def test_equals_a_slow_forward_of_the_same_weights(keras):
    path, layers = keras
    embedder = YamnetEmbedder(path)
    waveform = np.random.default_rng(1).normal(0, 0.2, 15600)
    waveform = waveform.astype(np.float32)
    with torch.inference_mode():
        log_mel = embedder.log_mel(torch.from_numpy(waveform))
        (found,), times = embedder(torch.from_numpy(waveform))
    expected = slow_log_mel(waveform)
    np.testing.assert_allclose(log_mel, expected, atol=1e-4)
    slow = slow_network(expected, layers)
    assert found.std() > 0.01
    np.testing.assert_allclose(found, slow, atol=1e-4 * np.abs(slow).max())
    assert times.tolist() == pytest.approx([0.4875])


def test_equals_the_published_network(shared_folder):
    """Within its quantisation: it computes with 8 bits.

    Of a spectrum it keeps what is above 1/127 of the largest value or so, and
    so it does with each map; cosines of single layers' outputs are 0.9995.
    """
    folder = shared_folder / "pretrained"
    embedder = YamnetEmbedder(folder / "yamnet.tflite")
    reference = np.load(folder / "yamnet_reference.npz")
    for waveform, log_mel, expected in zip(
        *(reference[k] for k in ("waveform", "log_mel", "embedding")),
        strict=True,
    ):
        with torch.inference_mode():
            found = embedder.log_mel(torch.from_numpy(waveform)).numpy()
            (whole,), _ = embedder(torch.from_numpy(waveform))
            theirs = torch.from_numpy(log_mel)[None, None]
            alone = embedder.network(theirs).mean((2, 3))[0].numpy()
        loud = found > found.max() - np.log(20)
        assert np.abs(found - log_mel)[loud].max() < 0.1
        assert np.abs(alone - expected).max() < 0.15
        assert cosine(alone, expected) > 0.998
        # Noise fills the spectrum, tones are lost in its quantisation.
        if np.abs(found - log_mel).max() < 0.5:
            assert cosine(whole.numpy(), expected) > 0.9995


def cosine(a, b):
    return a @ b / np.linalg.norm(a) / np.linalg.norm(b)


@pytest.mark.parametrize("seconds", [0.01, 0.5, 0.975, 0.976, 3.21, 10.0])
@pytest.mark.parametrize("hop", [0.3, 0.96])
def test_all_sound_is_heard(keras, seconds, hop):
    embedder = YamnetEmbedder(keras[0], hop_seconds=hop)
    waveform = torch.zeros(round(16000 * seconds))
    with torch.inference_mode():
        silent, times = embedder(waveform)
        assert silent.shape == (len(times), 1024)
        assert torch.diff(times).tolist() == pytest.approx(
            [hop] * (len(times) - 1), abs=1e-6
        )
        # The window is 0 at its ends, so a sample has to be further in.
        for place in (len(waveform) // 3, -min(40, len(waveform) // 2)):
            click = waveform.clone()
            click[place] = 1.0
            heard, _ = embedder(click)
            at = (place % len(waveform)) / 16000
            nearest = (times - at).abs().argmin()
            assert not torch.equal(heard[nearest], silent[nearest])


def test_wrong_files_are_refused(tmp_path, keras):
    noise = tmp_path / "noise.tflite"
    noise.write_bytes(np.random.default_rng(0).bytes(4000))
    (tmp_path / "empty.tflite").write_bytes(b"")
    (tmp_path / "w.npz").write_bytes(b"x")
    for name, message in (
        ("noise.tflite", "cannot be read as a TensorFlow Lite"),
        ("empty.tflite", "cannot be read as a TensorFlow Lite"),
        ("w.npz", "end in .h5 or .tflite"),
    ):
        with pytest.raises(WeightsError, match=message):
            YamnetEmbedder(tmp_path / name)
    other = tmp_path / "other.h5"
    shutil.copy(keras[0], other)
    with h5py.File(other, "r+") as file:
        file.attrs["layer_names"] = list(file.attrs["layer_names"])[:10]
    with pytest.raises(WeightsError, match="holds 5 convolutions"):
        YamnetEmbedder(other)
    with pytest.raises(ValueError, match="hop_seconds is 2"):
        YamnetEmbedder(keras[0], hop_seconds=2.0)


def test_the_description_says_what_decides(keras):
    one, two = (
        YamnetEmbedder(keras[0], hop_seconds=hop).description()
        for hop in (0.3, 0.15)
    )
    assert one["weights_sha256"] == two["weights_sha256"]
    assert len(one["weights_sha256"]) == 64
    assert one["preprocessing"] != two["preprocessing"]
    assert mel_matrix().sum(0).min() > 0
