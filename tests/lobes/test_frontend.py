"""Front end against numpy, silence, statistics, wrong lengths."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.testing import assert_close

from speechbrain_mmsed.lobes.frontend import (
    LogMelFrontend,
    compute_statistics,
    peak_normalise,
)

SMALL = {
    "n_fft": 64,
    "win_length": 64,
    "hop_length": 20,
    "n_mels": 6,
    "n_frames": 40,
    "clip_seconds": 0.05,
}


def naive_log_mel(waveform, frontend):
    """One frame and one filter at a time, HTK mels, reflected edges."""
    sizes = frontend.settings()
    n_fft, hop = sizes["n_fft"], sizes["hop_length"]
    padded = np.pad(waveform, n_fft // 2, mode="reflect")
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n_fft) / n_fft)
    top = 2595 * np.log10(1 + sizes["f_max"] / 700)
    mels = np.linspace(0, top, sizes["n_mels"] + 2)
    edges = 700 * (10 ** (mels / 2595) - 1)
    hertz = np.linspace(0, sizes["sample_rate"] / 2, n_fft // 2 + 1)
    rows = []
    for frame in range(sizes["n_frames"]):
        piece = padded[frame * hop : frame * hop + n_fft]
        magnitude = np.abs(np.fft.rfft(piece * window))
        row = []
        for low, peak, high in zip(edges, edges[1:], edges[2:], strict=False):
            rise = (hertz - low) / (peak - low)
            fall = (high - hertz) / (high - peak)
            weight = np.clip(np.minimum(rise, fall), 0, None)
            row.append(np.log(max((magnitude * weight).sum(), 1e-5)))
        rows.append(row)
    return np.array(rows)


def test_equals_numpy_at_the_paper_sizes():
    frontend = LogMelFrontend()
    waveform = np.random.default_rng(0).uniform(-1, 1, 160000)
    found = frontend.log_mel(torch.tensor(waveform)[None])
    assert found.shape == (1, 512, 64) and found.dtype == torch.float32
    expected = naive_log_mel(waveform, frontend)
    np.testing.assert_allclose(found[0].numpy(), expected, atol=2e-3)


def test_statistics_equal_numpy_over_unpadded_frames():
    frontend = LogMelFrontend(**SMALL)
    generator = np.random.default_rng(1)
    clips = [generator.normal(size=n) for n in (800, 333, 1, 40, 1200)]
    rows = []
    for clip in clips:
        padded = np.zeros(800)
        padded[: len(clip)] = clip[:800]
        inside = [k for k in range(40) if k * 20 < len(clip)]
        rows.append(naive_log_mel(padded, frontend)[inside])
    rows = np.concatenate(rows)
    mean, std = compute_statistics(frontend, map(torch.tensor, clips))
    assert mean.dtype == std.dtype == torch.float64
    np.testing.assert_allclose(mean, rows.mean(axis=0), atol=1e-4)
    np.testing.assert_allclose(std, rows.std(axis=0), atol=1e-4)


def test_standardised_training_data_have_mean_zero_and_deviation_one():
    torch.manual_seed(0)
    frontend = LogMelFrontend(**SMALL)
    clips = [torch.randn(800) * 0.1 * k for k in range(1, 4)]
    frontend.set_statistics(*compute_statistics(frontend, clips))
    features = frontend(torch.stack(clips)).flatten(0, 1)
    assert_close(features.mean(0), torch.zeros(6), atol=1e-4, rtol=0)
    assert_close(
        features.std(0, correction=0), torch.ones(6), atol=1e-4, rtol=0
    )


def test_silence_is_the_floor_and_never_nan():
    frontend = LogMelFrontend(**SMALL)
    silence = torch.zeros(2, 800)
    assert_close(
        frontend.log_mel(peak_normalise(silence)),
        torch.full((2, 40, 6), float(np.log(1e-5))),
    )
    # Statistics of silence only: a deviation of 0 must not divide.
    frontend.set_statistics(*compute_statistics(frontend, silence))
    assert_close(frontend(silence), torch.zeros(2, 40, 6), atol=1e-5, rtol=0)


@settings(max_examples=25, deadline=None)
@given(scale=st.floats(1e-30, 1e30), silent=st.booleans())
def test_peak_normalise(scale, silent):
    x = torch.tensor([[0.25, -0.5, 0.125], [0.0, 0.0, 0.0]]) * scale
    y = peak_normalise(x[1:] if silent else x)
    assert torch.equal(y[-1], torch.zeros(3))
    if not silent:
        assert_close(y[0], torch.tensor([0.5, -1.0, 0.25]))


def test_damaged_waveforms_are_refused():
    with pytest.raises(ValueError, match="NaN or infinite"):
        peak_normalise(torch.tensor([0.0, float("nan")]))
    frontend = LogMelFrontend(**SMALL)
    with pytest.raises(ValueError, match="clip 1 has NaN"):
        compute_statistics(
            frontend, [torch.ones(90), torch.full((90,), torch.nan)]
        )
    with pytest.raises(ValueError, match="no clip given"):
        compute_statistics(frontend, [])
    with pytest.raises(ValueError, match=r"clip 0 has shape \(2, 90\)"):
        compute_statistics(frontend, [torch.ones(2, 90)])


@pytest.mark.parametrize("shape", [(2, 159999), (2, 160001), (160000,)])
def test_wrong_lengths_are_named(shape):
    with pytest.raises(ValueError, match=r"expected \(batch, 160000\)"):
        LogMelFrontend()(torch.zeros(shape))


def test_frames_beyond_the_clip_are_those_of_silence():
    # 30 s at a hop of 313 have 1534 frames, 192 outputs need 1536.
    small = {"sample_rate": 1600, "n_fft": 128, "win_length": 64, "n_mels": 4}
    small |= {"hop_length": 31, "clip_seconds": 30.0}
    waveform = torch.randn(1, 48000)
    found = LogMelFrontend(**small, n_frames=1552).log_mel(waveform)
    longer = {**small, "clip_seconds": 31.0, "n_frames": 1552}
    padded = torch.nn.functional.pad(waveform, (0, 1600))
    assert 1 + 48000 // 31 < 1552
    assert_close(found, LogMelFrontend(**longer).log_mel(padded))


def test_the_highest_bin_ends_at_half_the_sample_rate():
    small = {"sample_rate": 8000, "n_fft": 512, "win_length": 512}
    low = LogMelFrontend(**small)
    assert low.settings()["f_max"] == 4000.0
    # No bin is empty.
    assert low.spectrogram.mel_scale.fb.sum(dim=0).min() > 0


def test_wrong_settings_and_statistics_are_refused():
    with pytest.raises(ValueError, match="floor is 0"):
        LogMelFrontend(floor=0)
    frontend = LogMelFrontend(**SMALL)
    ones = torch.ones(6)
    for mean, std, message in (
        (ones[:5], ones, r"mean has shape \(5,\)"),
        (ones, ones * torch.nan, "std has values that are not finite"),
        (ones, -ones, "negative"),
    ):
        with pytest.raises(ValueError, match=message):
            frontend.set_statistics(mean, std)
    with pytest.raises(ValueError, match="5 bins, expected 6"):
        frontend.standardise(torch.zeros(1, 40, 5))


def test_statistics_travel_with_the_state_and_key_with_the_settings():
    frontend, other = LogMelFrontend(**SMALL), LogMelFrontend(**SMALL)
    frontend.set_statistics(torch.arange(6.0), torch.full((6,), 2.0))
    other.load_state_dict(frontend.state_dict())
    waveforms = torch.randn(1, 800)
    assert torch.equal(frontend(waveforms), other(waveforms))
    # Statistics do not enter the key: a cache is not standardised.
    assert frontend.key() == LogMelFrontend(**SMALL).key()
    keys = {frontend.key(), LogMelFrontend().key()}
    for name, value in (("power", 2.0), ("f_max", 7000.0), ("floor", 1e-6)):
        keys.add(LogMelFrontend(**SMALL | {name: value}).key())
    assert len(keys) == 5


def test_autocast_does_not_touch_the_features():
    frontend = LogMelFrontend(**SMALL)
    waveforms = torch.randn(1, 800)
    with torch.autocast("cpu", torch.bfloat16):
        found = frontend(waveforms)
    assert torch.equal(found, frontend(waveforms))
