"""Sound of any rate and channel count, and sound that is broken."""

import numpy as np
import pytest
import soundfile
import torch

from speechbrain_mmsed.dataio.media.sound import (
    SoundError,
    probe_sound,
    read_sound,
)


def sine(rate, seconds, frequency=440.0):
    times = np.arange(round(rate * seconds)) / rate
    return 0.5 * np.sin(2 * np.pi * frequency * times)


def test_stereo_at_44100_becomes_the_mono_sine_it_holds(tmp_path):
    path = tmp_path / "stereo.wav"
    left = sine(44100, 1.0)
    soundfile.write(path, np.stack([2 * left, 0 * left], 1), 44100, "FLOAT")
    sound = read_sound(path, 16000)
    assert sound.dtype == torch.float32 and sound.shape == (16000,)
    error = sound[200:-200] - torch.tensor(sine(16000, 1.0))[200:-200]
    assert error.abs().max() < 1e-3
    info = probe_sound(path)
    assert (info.status, info.duration) == ("present", 1.0)
    assert (info.sample_rate, info.channels, info.silent) == (44100, 2, False)


@pytest.mark.parametrize("ending", ["wav", "flac", "ogg"])
def test_sound_at_the_wanted_rate_is_not_changed(tmp_path, ending):
    path = tmp_path / f"a.{ending}"
    soundfile.write(path, sine(16000, 0.5), 16000)
    expected = soundfile.read(path, dtype="float32")[0]
    np.testing.assert_array_equal(read_sound(path, 16000).numpy(), expected)


def test_duration_is_that_of_the_samples_that_are_left(tmp_path):
    path = tmp_path / "cut.wav"
    soundfile.write(path, sine(16000, 2.0), 16000)
    path.write_bytes(path.read_bytes()[: 44 + 2 * 16000])
    assert probe_sound(path).duration == pytest.approx(1.0, abs=0.01)
    assert len(read_sound(path, 16000)) == pytest.approx(16000, abs=200)


def test_silence_is_kept_and_noticed(tmp_path):
    path = tmp_path / "silent.wav"
    soundfile.write(path, np.zeros(1600), 16000)
    assert probe_sound(path).status == "present"
    assert probe_sound(path).silent


def make_absent(path):
    pass


def make_empty(path):
    path.touch()


def make_header_only(path):
    soundfile.write(path, np.zeros(0), 16000)


def make_garbage(path):
    path.write_bytes(bytes(range(256)) * 8)


def make_nan(path):
    soundfile.write(path, np.full(99, np.nan), 16000, "FLOAT")


def make_cut_flac(path):
    other = path.with_suffix(".flac")
    soundfile.write(other, np.random.default_rng(0).normal(size=32000), 16000)
    path.write_bytes(other.read_bytes()[:9000])


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (make_absent, "absent"),
        (make_empty, "zero-length"),
        (make_header_only, "zero-length"),
        (make_garbage, "unreadable"),
        (make_nan, "unreadable: it holds NaN"),
    ],
)
def test_broken_sound_is_named_with_its_reason(tmp_path, make, reason):
    path = tmp_path / "broken.wav"
    make(path)
    with pytest.raises(SoundError, match="broken.wav") as caught:
        read_sound(path, 16000)
    assert caught.value.reason.startswith(reason)
    assert probe_sound(path).status == caught.value.reason


def test_a_flac_that_was_cut_off_never_raises_anything_else(tmp_path):
    path = tmp_path / "cut.flac"
    make_cut_flac(path)
    info = probe_sound(path)
    if info.status == "present":
        assert info.duration < 2.0
    else:
        assert info.status.startswith("unreadable")
