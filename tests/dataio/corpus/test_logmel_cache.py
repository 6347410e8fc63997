"""The cache gives back what the front end computes, and only that one's."""

import functools
import os
import shutil

import numpy as np
import pytest
import torch

from speechbrain_mmsed.dataio.corpus.logmel_cache import (
    LogMelCache,
    LogMelCacheError,
)
from speechbrain_mmsed.lobes.frontend import LogMelFrontend


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
