"""The cache gives back what the front end computes, and only that one's.

Statistics of the training data are compared with those of all frames at once.
"""

import functools
import json
import os
import pathlib
import shutil

import numpy as np
import pytest
import soundfile
import torch

from speechbrain_mmsed.dataio.corpus.features import training_statistics
from speechbrain_mmsed.dataio.corpus.log_mel_cache import (
    LogMelCache,
    LogMelCacheError,
)
from speechbrain_mmsed.lobes.frontend import LogMelFrontend

RATE = 1000
HOP = 20
# Long, whole, short, ending within a frame; the last is silent.
SAMPLES = (1500, 1000, 400, 333, 500)


@pytest.fixture
def waveform():
    torch.manual_seed(0)
    return torch.randn(160000).clamp(-1, 1)


@pytest.mark.parametrize(
    ("dtype", "error"), [("float16", 4e-3), ("float32", 0)]
)
def test_features_are_unstandardised_and_made_once(
    tmp_path, waveform, dtype, error
):
    frontend = LogMelFrontend()
    frontend.set_statistics(torch.full((64,), 3.0), torch.full((64,), 2.0))
    expected = frontend.log_mel(waveform[None])[0]
    cache = LogMelCache(tmp_path, frontend, dtype)
    calls = []

    def make():
        calls.append(1)
        return waveform

    first = cache.read_or_make("weak/a", make)
    second = cache.read_or_make("weak/a", make)
    assert len(calls) == 1 and torch.equal(first, second)
    assert first.dtype == torch.float32
    assert (first - expected).abs().max() <= error
    assert np.load(cache.path("weak/a")).dtype == dtype
    # Other statistics are no other front end.
    assert LogMelCache(tmp_path, LogMelFrontend(), dtype).has("weak/a")


def test_processes_that_make_a_clip_at_once_agree(tmp_path, waveform):
    class Clips(torch.utils.data.Dataset):
        cache = LogMelCache(tmp_path / "cache", LogMelFrontend())

        def __len__(self):
            return 12

        def __getitem__(self, index):
            # Batches of one go to each process in turn: it is the same clip.
            return self.cache.read_or_make(f"weak/{index // 2}", waveform.clone)

    loader = torch.utils.data.DataLoader(Clips(), num_workers=2)
    expected = LogMelFrontend().log_mel(waveform[None]).half().float()
    assert all(torch.equal(found, expected) for found in loader)
    files = {path.name for path in tmp_path.rglob("*") if path.is_file()}
    assert files == {*(f"{i}.npy" for i in range(6)), "settings.json"}


def test_nothing_is_written_before_it_is_needed(tmp_path):
    LogMelCache(tmp_path / "cache", LogMelFrontend())
    assert not (tmp_path / "cache").exists()


def test_another_front_end_has_a_folder_of_its_own(tmp_path, waveform):
    mine, other = LogMelFrontend(), LogMelFrontend(f_max=7000.0)
    LogMelCache(tmp_path, mine).read_or_make("a", lambda: waveform)
    cache = LogMelCache(tmp_path, other)
    assert not cache.has("a")
    cache.read_or_make("a", lambda: waveform)
    assert sorted(os.listdir(tmp_path)) == sorted([mine.key(), other.key()])


def test_features_of_another_key_are_refused_with_both_shown(
    tmp_path, waveform
):
    mine, other = LogMelFrontend(), LogMelFrontend(f_max=7000.0)
    LogMelCache(tmp_path, other).read_or_make("a", lambda: waveform)
    for folder in (tmp_path / other.key(), tmp_path):
        if folder == tmp_path:
            shutil.copytree(tmp_path / other.key(), tmp_path / mine.key())
        with pytest.raises(LogMelCacheError) as caught:
            LogMelCache(folder, mine)
        for part in (mine.key(), other.key(), "7000.0", "8000.0"):
            assert part in str(caught.value)


def test_another_type_is_refused(tmp_path, waveform):
    LogMelCache(tmp_path, LogMelFrontend()).read_or_make("a", lambda: waveform)
    with pytest.raises(LogMelCacheError, match="float32"):
        LogMelCache(tmp_path, LogMelFrontend(), "float32")
    with pytest.raises(ValueError, match="int8"):
        LogMelCache(tmp_path, LogMelFrontend(), "int8")


@pytest.mark.parametrize("when", [-1e6, 10.0])
def test_features_of_replaced_sound_are_made_anew(tmp_path, waveform, when):
    # Replaced by a copy that kept its time, a file may become older.
    source = tmp_path / "a.wav"
    source.touch()
    cache = LogMelCache(tmp_path / "cache", LogMelFrontend())
    first = cache.read_or_make("a", lambda: waveform, source)
    assert cache.has("a", source)
    time = os.stat(source).st_mtime + when
    os.utime(source, (time, time))
    assert not cache.has("a", source)
    other = cache.read_or_make("a", lambda: waveform.flip(0), source)
    assert not torch.equal(first, other)


def test_clips_of_two_corpora_may_have_the_same_name(tmp_path, waveform):
    cache = LogMelCache(tmp_path / "cache", LogMelFrontend())
    found = []
    for corpus, sound in (("one", waveform), ("two", waveform.flip(0))):
        source = tmp_path / corpus / "12.wav"
        source.parent.mkdir()
        source.write_bytes(b"equally long")
        os.utime(source, (1.6e9, 1.6e9))
        make = functools.partial(torch.clone, sound)
        found.append(cache.read_or_make("strong/12", make, source))
    assert not torch.equal(*found)


def test_damaged_features_are_named(tmp_path, waveform):
    cache = LogMelCache(tmp_path, LogMelFrontend())
    cache.read_or_make("a", lambda: waveform)
    with open(cache.path("a"), "r+b") as handle:
        handle.truncate(1000)
    with pytest.raises(LogMelCacheError, match=r"a\.npy"):
        cache.read("a")
    np.save(cache.path("a"), np.zeros((3, 64), np.float16))
    with pytest.raises(LogMelCacheError, match="expected"):
        cache.read("a")
    with pytest.raises(ValueError, match="expected"):
        cache.write("a", torch.zeros(3, 64))


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_bytes(path.read_bytes()[:1000]),
        lambda path: np.save(path, np.full((512, 64), np.nan, np.float16)),
        lambda path: np.save(path, np.zeros((3, 64), np.float16)),
    ],
)
def test_damaged_features_are_made_anew(tmp_path, waveform, damage, caplog):
    cache = LogMelCache(tmp_path, LogMelFrontend())
    before = cache.read_or_make("weak/a", lambda: waveform)
    damage(pathlib.Path(cache.path("weak/a")))
    again = cache.read_or_make("weak/a", lambda: waveform)
    assert torch.equal(before, again)
    assert "weak/a is made anew" in caplog.text


def test_sound_that_gives_no_finite_features_is_named(tmp_path, waveform):
    cache = LogMelCache(tmp_path, LogMelFrontend())
    waveform = waveform.clone()
    waveform[7] = torch.nan
    with pytest.raises(LogMelCacheError, match="weak/a.*not finite.*b.wav"):
        cache.read_or_make("weak/a", lambda: waveform, source="b.wav")
    assert not cache.has("weak/a", source="b.wav")


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


def test_statistics_equal_those_of_all_unpadded_frames(corpus, tmp_path):
    manifests, waveforms = corpus
    frontend = small_frontend()
    expected = slow_statistics(frontend, waveforms)
    found = training_statistics(frontend, manifests, tmp_path / "s.npz")
    for ours, slow in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours.numpy(), slow, rtol=1e-5)


def test_stored_statistics_are_read_without_the_sound(corpus, tmp_path):
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
def test_statistics_of_others_are_computed_anew(corpus, tmp_path, change):
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


@pytest.mark.parametrize("value", [0.0, 1.5, np.nan])
def test_statistics_that_were_changed_are_computed_anew(
    corpus, tmp_path, value, caplog
):
    manifests, _ = corpus
    path = tmp_path / "s.npz"
    first = training_statistics(small_frontend(), manifests, path)
    stored = dict(np.load(path))
    for name in ("mean", "std"):
        np.savez(path, **{**stored, name: np.full_like(stored[name], value)})
        again = training_statistics(small_frontend(), manifests, path)
        for one, two in zip(first, again, strict=True):
            assert torch.equal(one, two)
    assert "computed again" in caplog.text


def test_a_failure_leaves_the_stored_statistics(corpus, tmp_path):
    manifests, _ = corpus
    path = tmp_path / "s.npz"
    training_statistics(small_frontend(), manifests, path)
    before = path.read_bytes()
    (tmp_path / "3.wav").write_bytes(b"no sound")
    with pytest.raises(Exception, match="3.wav"):
        training_statistics(small_frontend(n_mels=8), manifests, path)
    assert path.read_bytes() == before
    assert not list(tmp_path.glob(".*"))
