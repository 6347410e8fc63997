"""Statistics of the training data against all frames at once."""

import json

import numpy as np
import pytest
import soundfile
import torch

from speechbrain_mmsed.dataio.corpus.statistics import training_statistics
from speechbrain_mmsed.lobes.frontend import LogMelFrontend

RATE = 1000
HOP = 20
# Long, whole, short, ending within a frame; the last is silent.
SAMPLES = (1500, 1000, 400, 333, 500)


def small_frontend(**changes):
    return LogMelFrontend(
        **{
            "sample_rate": RATE,
            "n_fft": 64,
            "win_length": 64,
            "hop_length": HOP,
            "n_mels": 4,
            "n_frames": 48,
            "f_max": 500.0,
            "clip_seconds": 1.0,
            **changes,
        }
    )


@pytest.fixture
def corpus(tmp_path):
    """Two manifests with five clips of noise, and the waveforms."""
    rng = np.random.default_rng(0)
    rows, waveforms = [], []
    for index, samples in enumerate(SAMPLES):
        waveform = rng.standard_normal(samples) * (index < 4) * 0.1
        path = tmp_path / f"{index}.wav"
        soundfile.write(path, waveform, RATE, subtype="FLOAT")
        rows.append({"wav": str(path), "duration": samples / RATE})
        waveforms.append(waveform)
    manifests = [tmp_path / "strong.json", tmp_path / "weak.json"]
    for manifest, part in zip(manifests, (rows[:2], rows[2:]), strict=True):
        content = {f"clip{i}": row for i, row in enumerate(part)}
        manifest.write_text(json.dumps(content))
    return manifests, waveforms


def slow_statistics(frontend, waveforms):
    """Means and deviations of all unpadded frames in one array."""
    frames = []
    for waveform in waveforms:
        waveform = waveform[:RATE]
        waveform = waveform / (np.abs(waveform).max() or 1.0)
        padded = np.zeros((1, RATE), np.float32)
        padded[0, : len(waveform)] = waveform
        log_mel = frontend.log_mel(torch.from_numpy(padded))[0].numpy()
        centres = np.arange(frontend.n_frames) * HOP
        frames.append(log_mel[centres < len(waveform)])
    frames = np.concatenate(frames).astype(np.float64)
    return frames.mean(axis=0), frames.std(axis=0)


def test_equal_those_of_all_unpadded_frames(corpus, tmp_path):
    manifests, waveforms = corpus
    frontend = small_frontend()
    expected = slow_statistics(frontend, waveforms)
    found = training_statistics(frontend, manifests, tmp_path / "s.npz")
    for ours, slow in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours.numpy(), slow, rtol=1e-5)


def test_stored_ones_are_read_without_the_sound(corpus, tmp_path):
    manifests, _ = corpus
    path = tmp_path / "s.npz"
    first = training_statistics(small_frontend(), manifests, path)
    before = path.stat().st_mtime_ns
    for wav in tmp_path.glob("*.wav"):
        wav.unlink()
    again = training_statistics(small_frontend(), manifests, path)
    for one, two in zip(first, again, strict=True):
        assert torch.equal(one, two)
    assert path.stat().st_mtime_ns == before


@pytest.mark.parametrize("change", ["settings", "clips", 700, 1500])
def test_others_are_computed_anew(corpus, tmp_path, change):
    manifests, waveforms = corpus
    path = tmp_path / "s.npz"
    frontend = small_frontend()
    training_statistics(frontend, manifests, path)
    before = path.read_bytes()
    if change == "settings":
        frontend = small_frontend(power=2.0)
    elif change == "clips":
        manifests, waveforms = manifests[1:], waveforms[2:]
    else:
        # The sound was replaced by another, of this or of its own length.
        waveforms[0] = np.random.default_rng(1).standard_normal(change) * 0.1
        content = json.loads(manifests[0].read_text())
        wav = content["clip0"]["wav"]
        soundfile.write(wav, waveforms[0], RATE, subtype="FLOAT")
        content["clip0"]["duration"] = change / RATE
        manifests[0].write_text(json.dumps(content))
    found = training_statistics(frontend, manifests, path)
    expected = slow_statistics(frontend, waveforms)
    for ours, slow in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours.numpy(), slow, rtol=1e-5)
    assert path.read_bytes() != before


def test_a_failure_leaves_the_stored_ones(corpus, tmp_path):
    manifests, _ = corpus
    path = tmp_path / "s.npz"
    training_statistics(small_frontend(), manifests, path)
    before = path.read_bytes()
    (tmp_path / "3.wav").write_bytes(b"no sound")
    with pytest.raises(Exception, match="3.wav"):
        training_statistics(small_frontend(n_mels=8), manifests, path)
    assert path.read_bytes() == before
    assert not list(tmp_path.glob(".*"))
