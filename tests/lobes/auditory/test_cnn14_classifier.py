"""Cnn14 as a detector, with random weights under the published names."""

import itertools

import librosa
import numpy as np
import pytest
import soundfile
import torch
from torch.nn import functional

from speechbrain_mmsed.inference import load_detector
from speechbrain_mmsed.lobes.auditory import (
    Cnn14Classifier,
    cnn14_classifier,
)
from speechbrain_mmsed.lobes.auditory.yamnet_classifier import NAMES
from speechbrain_mmsed.lobes.visual.weights import WeightsError

CHANNELS = [1, 64, 128, 256, 512, 1024, 2048]
MEL = {"sr": 32000, "n_fft": 1024, "n_mels": 64, "fmin": 50, "fmax": 14000}


def random_norm(name, width, rng):
    return {
        f"{name}.weight": torch.rand(width, generator=rng) + 0.5,
        f"{name}.bias": torch.randn(width, generator=rng) / 4,
        f"{name}.running_mean": torch.randn(width, generator=rng) / 4,
        f"{name}.running_var": torch.rand(width, generator=rng) + 0.5,
    }


@pytest.fixture(scope="module")
def state():
    """Weights by their published names."""
    rng = torch.Generator().manual_seed(0)
    state = random_norm("bn0", 64, rng)
    # Decibels of noise are near to this.
    state["bn0.running_mean"] -= 20
    state["bn0.running_var"] *= 100
    for n, (n_in, n_out) in enumerate(itertools.pairwise(CHANNELS), 1):
        for k, width in ((1, n_in), (2, n_out)):
            weight = torch.randn(n_out, width, 3, 3, generator=rng)
            name = f"conv_block{n}.conv{k}.weight"
            state[name] = weight * (2 / (9 * width)) ** 0.5
            state |= random_norm(f"conv_block{n}.bn{k}", n_out, rng)
    for name, n_out in (("fc1", 2048), ("fc_audioset", 527)):
        weight = torch.randn(n_out, 2048, generator=rng) / 2048**0.5
        state[f"{name}.weight"] = weight
        state[f"{name}.bias"] = torch.randn(n_out, generator=rng)
    mel = librosa.filters.mel(**MEL).T
    state["logmel_extractor.melW"] = torch.from_numpy(mel.copy())
    ramp = torch.zeros(513, 1, 1024)  # which is not read
    for part in ("real", "imag"):
        state[f"spectrogram_extractor.stft.conv_{part}.weight"] = ramp
    return state


@pytest.fixture(scope="module")
def file(state, tmp_path_factory):
    """Stands for 320 MB, which would take seconds to write and to read."""
    path = tmp_path_factory.mktemp("cnn14") / "Cnn14.pth"
    path.touch()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cnn14_classifier, "load_weights", lambda _: content)
        content["model"] = state
        yield path


content = {"iteration": 1}


@pytest.fixture(scope="module")
def network(file):
    return Cnn14Classifier(file)


def noise(seconds):
    rng = torch.Generator().manual_seed(1)
    return torch.randn(round(seconds * 32000), generator=rng) / 10


def slow_scores(state, waveform):
    """The published network, a step after another, without its lobe."""
    window = np.hanning(1025)[:-1]
    padded = np.pad(waveform.numpy().astype(float), 512, mode="reflect")
    starts = range(0, len(padded) - 1023, 320)
    frames = np.stack([padded[at : at + 1024] * window for at in starts])
    power = np.abs(np.fft.rfft(frames)) ** 2
    mel = 10 * np.log10(np.maximum(power @ librosa.filters.mel(**MEL).T, 1e-10))
    x = torch.from_numpy(mel).float()

    def norm(x, name, dim):
        shape = [-1 if d == dim else 1 for d in range(x.ndim)]
        of = {k: state[f"{name}.{k}"].reshape(shape) for k in NORM}
        x = (x - of["running_mean"]) / (of["running_var"] + 1e-5).sqrt()
        return x * of["weight"] + of["bias"]

    x = norm(x, "bn0", 1)[None, None]
    for n in range(1, 7):
        for k in (1, 2):
            weight = state[f"conv_block{n}.conv{k}.weight"]
            x = functional.conv2d(x, weight, padding=1)
            x = norm(x, f"conv_block{n}.bn{k}", 1).clamp(min=0)
        if n < 6:
            x = functional.avg_pool2d(x, 2)
    maps = x[0].mean(2).T  # (T, 2048)
    past = torch.full_like(maps[:1], -torch.inf)
    around = torch.cat([past, maps, past]).unfold(0, 3, 1)
    mean = around.where(around > -torch.inf, 0).sum(2) / 3
    x = around.max(2).values + mean
    for name in ("fc1", "fc_audioset"):
        x = x.clamp(min=0) @ state[f"{name}.weight"].T + state[f"{name}.bias"]
    return x.sigmoid()


NORM = ("weight", "bias", "running_mean", "running_var")


@torch.inference_mode()
@pytest.mark.parametrize("seconds", [0.32, 1.28])
def test_equals_the_slow_network(network, state, seconds):
    waveform = noise(seconds)
    found = network(waveform)
    assert found.shape == (round(seconds / 0.32), 527)
    expected = slow_scores(state, waveform)
    assert found.std() > 0.1
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=0)
    # Part of a frame is one, and silence is added to it.
    torch.testing.assert_close(
        network(waveform[:5000]),
        network(functional.pad(waveform[:5000], (0, 5240))),
    )


@torch.inference_mode()
@pytest.mark.slow
def test_equals_the_authors_network(network, state, tmp_path, monkeypatch):
    """Of `pip install panns-inference` (MIT), which fetches a list of names."""
    (tmp_path / "panns_data").mkdir()
    names = [f"{n},/m/{n},name" for n in range(len(network.labels))]
    (tmp_path / "panns_data/class_labels_indices.csv").write_text(
        "\n".join(["index,mid,display_name", *names])
    )
    monkeypatch.setenv("HOME", str(tmp_path))
    models = pytest.importorskip("panns_inference.models")
    theirs = models.Cnn14_DecisionLevelMax(
        32000, 1024, 320, 64, 50, 14000, classes_num=527
    ).eval()
    own = theirs.state_dict()
    kept = {k: v for k, v in state.items() if "spectrogram" not in k}
    assert kept.keys() <= own.keys()
    theirs.load_state_dict(kept, strict=False)
    waveform = noise(10.24)
    found = network(waveform)
    output = theirs(waveform[None])["framewise_output"][0]
    torch.testing.assert_close(found, output[:1024:32], atol=1e-4, rtol=0)


def test_classes_are_those_of_yamnet_and_six_more(network):
    labels, known = network.labels, NAMES.read_text().splitlines()
    assert len(labels) == len(set(labels)) == 527
    assert [label for label in labels if label in known] == known
    # Places in AudioSet's list.
    places = {"Speech": 0, "Dog": 74, "Happy music": 276, "Sad music": 278}
    places |= {"Field recording": 526, "Male singing": 32, "Choir": 28}
    assert {name: labels.index(name) for name in places} == places


def test_it_is_a_detector_of_ten_classes(file, tmp_path):
    path = tmp_path / "a.wav"
    soundfile.write(path, noise(3), 32000)
    detector = load_detector("cnn14", weights=file, mapping="desed")
    scores = detector.scores_file(path, progress=False)
    assert scores.frame.shape == (10, 10) and scores.frame_hop == 0.32
    assert 0 < scores.frame.min() < scores.frame.max() < 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s.pop("fc1.bias"), "it lacks fc1.bias"),
        (lambda s: s.update(bn9=torch.zeros(1)), "has the unknown bn9"),
        (lambda s: s.update({"fc1.bias": torch.zeros(3)}), "fc1.bias is (3,)"),
        (
            lambda s: s.update({"fc1.bias": torch.full((2048,), torch.nan)}),
            "fc1.bias holds NaN",
        ),
    ],
)
def test_other_weights_are_told(file, state, monkeypatch, change, message):
    other = dict(state)
    change(other)
    monkeypatch.setitem(content, "model", other)
    with pytest.raises(WeightsError) as caught:
        Cnn14Classifier(file)
    assert message in str(caught.value)


def test_a_bare_state_dict_is_none_of_theirs(file, monkeypatch):
    monkeypatch.setitem(content, "model", torch.zeros(1))
    with pytest.raises(WeightsError, match="holds .*expected is `model`"):
        Cnn14Classifier(file)
