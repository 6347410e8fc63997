"""One clip of a manifest, as tensors."""

import numpy as np
import pytest
import soundfile
import torch

from speechbrain_mmsed.dataio.corpus.clips import (
    clip_labels,
    clip_waveform,
    read_manifest,
    unpadded_waveform,
)
from speechbrain_mmsed.lobes.frontend import LogMelFrontend

LABELS = ["Cat", "Dog"]
RATE = 16000


@pytest.fixture(scope="module")
def frontend():
    """Clips of two seconds."""
    return LogMelFrontend(sample_rate=RATE, clip_seconds=2.0, n_frames=64)


@pytest.fixture
def sound(tmp_path):
    """Writes a sound file from samples."""

    def write(samples, rate=RATE):
        soundfile.write(tmp_path / "a.wav", samples, rate, subtype="FLOAT")
        return str(tmp_path / "a.wav")

    return write


def test_manifest_is_read_or_preparation_is_asked_for(tmp_path):
    path = tmp_path / "weak.json"
    with pytest.raises(FileNotFoundError, match="weak.json .*prepare"):
        read_manifest(path)
    path.write_text('{"weak/ä": {"tags": ["Dog"]}}', encoding="utf-8")
    assert read_manifest(path) == {"weak/ä": {"tags": ["Dog"]}}


def test_short_clip_is_normalised_then_padded(frontend, sound):
    samples = np.array([0.1, -0.25, 0.2] * 100)
    path = sound(samples)
    expected = torch.tensor(samples / 0.25, dtype=torch.float32)
    found = unpadded_waveform(path, frontend)
    torch.testing.assert_close(found, expected)
    padded = clip_waveform(path, frontend)
    assert padded.dtype == torch.float32
    assert padded.shape == (2 * RATE,)
    assert torch.equal(padded[:300], found)
    assert not padded[300:].any()


def test_long_clip_is_cut_before_its_peak_is_taken(frontend, sound):
    samples = np.full(3 * RATE, 0.1)
    samples[-1] = 0.9
    found = unpadded_waveform(sound(samples), frontend)
    assert found.shape == (2 * RATE,)
    torch.testing.assert_close(found, torch.ones(2 * RATE))


def test_silence_stays_silence(frontend, sound):
    assert not clip_waveform(sound(np.zeros(RATE)), frontend).any()


def test_other_rates_and_channels_become_the_front_ends(frontend, sound):
    time = np.arange(44100) / 44100
    wave = 0.5 * np.sin(2 * np.pi * 440 * time)
    path = sound(np.stack([wave, wave], axis=1), 44100)
    found = unpadded_waveform(path, frontend)
    assert found.shape == (RATE,)
    expected = np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE)
    inside = slice(200, -200)
    np.testing.assert_allclose(found[inside], expected[inside], atol=0.01)


@pytest.mark.parametrize(
    ("events", "active"),
    [
        ([], []),
        ([[0.0, 0.5, "Cat"]], [(0, 0)]),
        ([[0.0, 0.51, "Cat"]], [(0, 0), (1, 0)]),
        ([[0.49, 0.6, "Dog"], [1.2, 1.3, "Cat"]], [(0, 1), (1, 1), (2, 0)]),
        # Frames past the end of the clip (1.8 s) do not count.
        ([[1.6, 2.0, "Dog"]], [(3, 1)]),
    ],
)
def test_labels_cover_every_frame_that_is_touched(events, active):
    tags = sorted({label for *_, label in events})
    weak, strong = clip_labels(events, tags, 1.8, LABELS, 5, 0.5)
    assert weak.dtype == strong.dtype == torch.float32
    assert [tuple(place) for place in strong.nonzero().tolist()] == active
    assert weak.tolist() == [float(label in tags) for label in LABELS]


def test_weak_labels_need_no_events():
    weak, strong = clip_labels([], ["Dog"], 2.0, LABELS, 4, 0.5)
    assert weak.tolist() == [0.0, 1.0]
    assert strong.shape == (4, 2) and not strong.any()
