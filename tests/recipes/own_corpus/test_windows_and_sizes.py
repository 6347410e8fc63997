"""Cutting of recordings, and sizes that follow from settings."""

import itertools
import pathlib

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from speechbrain_mmsed.dataio.corpus.preparation_report import PrepareError
from speechbrain_mmsed.inference.export_yaml import overlap
from speechbrain_mmsed.inference.windows import WindowCutter
from speechbrain_mmsed.lobes.cnn import ConvolutionalFeatureExtractor
from speechbrain_mmsed.lobes.frontend import LogMelFrontend
from speechbrain_mmsed.training.hparams import HparamsError

TIME = st.floats(0.0, 100.0)


@settings(deadline=None)
@given(
    seconds=st.floats(0.2, 100.0),
    clip=st.floats(1.0, 30.0),
    times=st.lists(st.tuples(TIME, TIME), max_size=5),
)
def test_windows_hold_all_of_a_recording(load_own, seconds, clip, times):
    windows = load_own("corpus_windows")
    edges = windows.window_edges(seconds, clip)
    assert (edges[0], edges[-1]) == (0.0, seconds)
    lengths = np.diff(edges)
    assert lengths.max() <= clip + windows.TOLERANCE + 1e-9
    # As full as a detector's, the last two apart.
    np.testing.assert_allclose(lengths[:-2], clip)
    if len(lengths) > 1:
        assert lengths[-2] >= clip / 2 - 1e-9
        assert lengths[-1] >= min(1.0, clip / 2) - 1e-9
    # One window fewer would be too long.
    fewer = len(lengths) - 1
    assert fewer == 0 or seconds / fewer > clip
    events = [(min(t), max(t), "Dog") for t in times]
    parts = windows.events_in_windows(events, edges)
    assert len(parts) == len(lengths)
    for part, length in zip(parts, lengths, strict=True):
        for onset, offset, _ in part:
            assert -1e-9 <= onset <= offset <= length + 1e-9
    found = sum(b - a for a, b, _ in itertools.chain(*parts))
    inside = sum(min(b, seconds) - min(a, seconds) for a, b, _ in events)
    assert found == pytest.approx(inside, abs=1e-6)


@pytest.mark.parametrize("ending", ["wav", "flac"])
def test_windows_are_the_recording(load_own, tmp_path, ending):
    windows = load_own("corpus_windows")
    sound = np.random.default_rng(0).integers(-3000, 3000, (300_001, 2))
    path = tmp_path / f"a.{ending}"
    soundfile.write(path, sound.astype(np.int16), 44100)
    edges = windows.window_edges(300_001 / 44100, 2.0)
    targets = [tmp_path / f"{k}.flac" for k in range(len(edges) - 1)]
    windows.write_windows(path, edges, targets)
    parts = [soundfile.read(target, dtype="int32") for target in targets]
    assert len(parts) == 4 and {rate for _, rate in parts} == {44100}
    # The mean of two 16-bit numbers has 17 bits.
    whole = np.concatenate([part for part, _ in parts]) / 2**15
    np.testing.assert_array_equal(whole, sound.sum(axis=1))


def test_loud_windows_are_scaled(load_own, tmp_path):
    windows = load_own("corpus_windows")
    sound = 4 * np.sin(np.arange(48000) / 9)
    soundfile.write(tmp_path / "a.wav", sound, 16000, "FLOAT")
    windows.write_windows(tmp_path / "a.wav", [0.0, 3.0], [tmp_path / "b.flac"])
    found, _ = soundfile.read(tmp_path / "b.flac")
    np.testing.assert_allclose(found, sound / np.abs(sound).max(), atol=1e-6)


@settings(max_examples=12, deadline=None)
@given(
    rate=st.sampled_from([8000, 11025, 16000, 22050, 32000, 44100, 48000]),
    clip=st.floats(1.0, 60.0),
    hop=st.floats(0.01, 0.03),
    n_mels=st.integers(8, 128),
)
def test_any_settings_give_sizes_that_fit(load_own, rate, clip, hop, n_mels):
    sizes = load_own("corpus_sizes").derived_sizes(rate, clip, hop, n_mels)
    frontend = LogMelFrontend(
        sample_rate=rate,
        clip_seconds=clip,
        hop_length=sizes["hop_length"],
        n_mels=n_mels,
        n_frames=8 * sizes["n_frames"],
        **sizes["frontend"],
    )
    # Each mel bin holds a frequency, up to half the sample rate.
    assert frontend.spectrogram.mel_scale.fb.sum(dim=0).min() > 0
    assert frontend.settings()["f_max"] == rate / 2
    extractor = ConvolutionalFeatureExtractor(n_mels, **sizes["extractor"])
    assert extractor.time_reduction == 8
    # All of a clip is heard, and no output lies behind it.
    frame = 8 * sizes["hop_length"]
    assert 0 <= sizes["n_frames"] * frame - frontend.n_samples < frame
    margin, shortest = overlap(sizes["n_frames"], frame / rate)
    cutter = WindowCutter(
        rate, frontend.n_samples, sizes["n_frames"], frame, margin, shortest
    )
    cutter.feed(np.ones(3 * frontend.n_samples))
    ends = [window.until for window in cutter.close()]
    assert ends == [-(-3 * frontend.n_samples // frame)]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sample_rate": 4000}, "sample_rate is 4000.*8000 Hz"),
        ({"clip_seconds": 0.5}, "clip_seconds 0.5.*1 s or more"),
        ({"hop_seconds": 0.0}, "hop_seconds is 0.0, expected 0.0000"),
        ({"hop_seconds": 0.5}, "hop_seconds is 0.5, expected .* to 0.3125"),
    ],
)
def test_settings_that_give_no_sizes_are_named(load_own, changes, message):
    good = {"sample_rate": 16000, "clip_seconds": 10.0, "hop_seconds": 0.02}
    with pytest.raises(PrepareError, match=message):
        load_own("corpus_sizes").derived_sizes(**{**good, **changes}, n_mels=64)


def test_the_paper_sizes_are_the_paper_recipe(load_own):
    sizes = load_own("corpus_sizes").derived_sizes(16000, 10.0, 313 / 16000, 64)
    paper = LogMelFrontend().settings()
    assert sizes["frontend"].items() <= paper.items()
    assert (sizes["hop_length"], 8 * sizes["n_frames"]) == (313, 512)
    extractor = ConvolutionalFeatureExtractor(64, **sizes["extractor"])
    assert str(extractor) == str(ConvolutionalFeatureExtractor())


def test_a_yaml_or_value_that_cannot_be_used_is_told(load_own, tmp_path):
    train, path = load_own("train"), tmp_path / "own.yaml"
    default = pathlib.Path(train.__file__).parent / "hparams/own_corpus.yaml"
    path.write_text(default.read_text())
    settings, rest = train.read_settings([str(path), "--seed", "3", "--x", "1"])
    assert settings["seed"] == 3 and rest == ["--x", "1"]
    with pytest.raises(HparamsError, match="--seed .3 is no yaml"):
        train.read_settings([str(path), "--seed", "[3"])
    path.write_text(default.read_text().replace("\nhop_seconds:", "\nhop:"))
    with pytest.raises(HparamsError, match="hop"):
        train.read_settings([str(path)])
