"""Networks of SpeechBrain's with weights that a user brings."""

import numpy as np
import pytest
import torch
from speechbrain.lobes.models import beats
from speechbrain.lobes.models.Cnn14 import Cnn14

from speechbrain_mmsed.lobes.auditory import (
    BeatsEmbedder,
    Cnn14Embedder,
    HuggingFaceEmbedder,
)
from speechbrain_mmsed.lobes.visual.weights import WeightsError, file_sha256

SMALL_BEATS = {
    "embed_dim": 8,
    "encoder_layers": 1,
    "encoder_embed_dim": 16,
    "encoder_ffn_embed_dim": 32,
    "encoder_attention_heads": 2,
    "conv_pos": 8,
    "conv_pos_groups": 2,
}


class SmallBeats(beats.BEATs):
    """BEATs of other sizes, which it takes from a checkpoint alone."""

    def __init__(self):
        usual = beats.BEATsConfig
        beats.BEATsConfig = lambda cfg: usual(SMALL_BEATS)
        try:
            super().__init__()
        finally:
            beats.BEATsConfig = usual


def random_beats(path):
    state = SmallBeats().state_dict()
    torch.save({"cfg": SMALL_BEATS, "model": state}, path)
    return path


def random_cnn14(path):
    torch.save(Cnn14(80, 2048).state_dict(), path)
    return path


def random_wav2vec2(folder):
    transformers = pytest.importorskip("transformers")
    config = transformers.Wav2Vec2Config(
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        conv_dim=(8, 8),
        conv_stride=(20, 16),
        conv_kernel=(20, 16),
        num_feat_extract_layers=2,
        num_conv_pos_embeddings=8,
        num_conv_pos_embedding_groups=2,
    )
    transformers.Wav2Vec2Model(config).save_pretrained(folder)
    transformers.Wav2Vec2FeatureExtractor().save_pretrained(folder)
    return folder


# Embedder, its random weights, width, and seconds from vector to vector.
NETWORKS = {
    "beats": (BeatsEmbedder, random_beats, 16, 0.16),
    "cnn14": (Cnn14Embedder, random_cnn14, 2048, 0.3715),
    "huggingface": (HuggingFaceEmbedder, random_wav2vec2, 16, 0.02),
}


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Name -> embedder and the file of its weights, built once."""
    found = {}

    def build(name):
        if name not in found:
            torch.manual_seed(0)
            kind, save, _, _ = NETWORKS[name]
            weights = save(tmp_path_factory.mktemp(name) / "weights")
            found[name] = kind(weights), weights
        return found[name]

    return build


@pytest.mark.parametrize("seconds", [0.01, 1.0, 3.3])
@pytest.mark.parametrize("name", NETWORKS)
def test_vectors_stand_where_they_listen(built, name, seconds):
    embedder, _ = built(name)
    _, _, width, spacing = NETWORKS[name]
    assert embedder.width == width
    n_samples = round(seconds * embedder.sample_rate)
    rng = torch.Generator().manual_seed(0)
    waveform = 0.1 * torch.randn(n_samples, generator=rng)
    with torch.inference_mode():
        features, times = embedder(waveform)
        again, _ = embedder(waveform)
    assert features.shape == (len(times), width)
    assert torch.equal(features, again)  # nothing is dropped at random
    assert bool(torch.isfinite(features).all())
    if seconds >= 1:
        steps = torch.diff(times)
        expected = torch.full_like(steps, spacing)
        torch.testing.assert_close(steps, expected, rtol=0.03, atol=0)
    # From the beginning to the end, but for what fills no patch.
    assert 0 <= times[0] <= spacing
    assert times[-1] + 1.5 * spacing >= seconds
    assert not any(p.requires_grad for p in embedder.parameters())


def test_a_click_changes_the_vectors_beside_it_most(built):
    embedder, _ = built("cnn14")
    waveform = torch.zeros(3 * embedder.sample_rate)
    with torch.inference_mode():
        silent, times = embedder(waveform)
        waveform[2 * embedder.sample_rate :][:50] = 1.0
        heard, _ = embedder(waveform)
    change = (heard - silent).norm(dim=1)
    assert abs(float(times[change.argmax()]) - 2.0) < 0.5


def test_patches_of_a_time_are_averaged(built):
    embedder, _ = built("beats")
    waveform = torch.randn(16000, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        features, _ = embedder(waveform)
        tokens = embedder.network.extract_features(
            waveform[None], torch.ones(1)
        )[0][0]
    # 98 frames are 6 patches, of 128 bins 8.
    assert len(tokens) == 6 * 8
    for time in range(6):
        slow = sum(tokens[8 * time + band] for band in range(8)) / 8
        torch.testing.assert_close(features[time], slow)


@pytest.mark.parametrize("name", NETWORKS)
def test_the_description_has_the_hash_of_the_weights(built, name):
    embedder, weights = built(name)
    description = embedder.description()
    if name == "huggingface":
        weights = weights / "model.safetensors"
    assert description["weights_sha256"] == file_sha256(weights)


@pytest.mark.parametrize("name", ["beats", "cnn14"])
def test_files_of_other_networks_are_refused(tmp_path, name):
    kind = NETWORKS[name][0]
    path = tmp_path / "other.pt"
    torch.save({"weight": torch.ones(2)}, path)
    with pytest.raises(WeightsError, match=r"other\.pt"):
        kind(path)
    # Pickled objects are not run.
    torch.save({"cfg": np.random.default_rng(0), "model": {}}, path)
    with pytest.raises(WeightsError, match="weights only"):
        kind(path)


@pytest.mark.parametrize(
    ("missing", "message"),
    [
        ("config.json", "has no config.json"),
        ("preprocessor_config.json", "has no preprocessor_config.json"),
        ("model.safetensors", "has no weights"),
    ],
)
def test_a_folder_of_huggingface_is_complete(tmp_path, missing, message):
    folder = random_wav2vec2(tmp_path / "network")
    (folder / missing).unlink()
    with pytest.raises(WeightsError, match=message):
        HuggingFaceEmbedder(folder)
