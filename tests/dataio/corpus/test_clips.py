"""One clip of a manifest, as tensors."""

import math

import numpy as np
import pytest
import soundfile
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

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


def targets(events, duration, tags=()):
    """Both kinds of labels at the hop of the paper, as arrays."""
    labels = clip_labels(events, tags, duration, LABELS, 64, 0.1565)
    return [kind.numpy() for kind in labels]


spans = st.lists(
    st.tuples(st.integers(0, 40), st.integers(1, 10)).map(
        lambda x: (x[0] / 4, (x[0] + x[1]) / 4)
    ),
    max_size=8,
)


@settings(deadline=None, max_examples=60)
@given(spans, st.sampled_from([4.0, 9.9, 10.0, 11.0]))
def test_an_event_covers_every_frame_it_touches(events, duration):
    hop = 0.1565
    _, frames = targets([(*span, "Dog") for span in events], duration)
    assert frames.shape == (64, 2) and frames.dtype == np.float32
    for k in range(64):
        begin, end = k * hop, min((k + 1) * hop, duration)
        shared = [min(b, end) - max(a, begin) for a, b in events]
        assert frames[k, 1] == any(part > 0 for part in shared)
    assert not frames[:, 0].any()


def test_an_event_in_one_frame_and_an_event_to_the_end():
    _, frames = targets([(0.16, 0.161, "Cat"), (9.99, 10.0, "Dog")], 10.0)
    assert np.flatnonzero(frames[:, 0]).tolist() == [1]
    assert np.flatnonzero(frames[:, 1]).tolist() == [63]


def test_frames_after_the_end_of_a_short_clip_stay_empty():
    _, frames = targets([(0.0, 9.0, "Dog")], 5.0)
    assert frames[:, 1].sum() == math.ceil(5.0 / 0.1565)


def test_tags():
    assert targets([], 10.0, [])[0].tolist() == [0.0, 0.0]
    assert targets([], 10.0, ["Dog", "Cat"])[0].tolist() == [1.0, 1.0]
    with pytest.raises(ValueError, match="Doq"):
        targets([], 10.0, ["Doq"])
