"""Synthetic sounds, pictures, films and plans."""

import os

import av
import numpy as np
import pytest
import synthetic
import synthetic_film
from hypothesis import given, settings
from hypothesis import strategies as st
from synthetic_clips import plan_clips

from speechbrain_mmsed.dataio.corpus.settings_folder import (
    is_complete,
    written_at_once,
)

KINDS = range(synthetic.N_KINDS)


def mean_log_spectrum(kind, rng):
    """64 bands of equal width, averaged over time, of a clip of one event."""
    n_samples = int(rng.uniform(0.5, 1.5) * 16000)
    events = [(0.0, n_samples / 16000, kind)]
    clip = synthetic.mix_sounds(events, n_samples, rng).astype(float)
    clip /= np.abs(clip).max()
    frames = clip[: n_samples // 1024 * 1024].reshape(-1, 1024)
    power = np.abs(np.fft.rfft(frames * np.hanning(1024))[:, :512])
    bands = power.reshape(len(frames), 64, 8).sum(2)
    return np.log(bands + 1e-5).mean(0)


def test_every_sound_is_nearest_to_the_mean_of_its_kind():
    rng = np.random.default_rng(0)
    means = [
        np.mean([mean_log_spectrum(kind, rng) for _ in range(6)], axis=0)
        for kind in KINDS
    ]
    right = [
        kind == np.argmin([np.sum((m - heard) ** 2) for m in means])
        for kind in KINDS
        for heard in [mean_log_spectrum(kind, rng) for _ in range(6)]
    ]
    assert np.mean(right) > 0.95


@pytest.mark.parametrize("kind", KINDS)
def test_sound_has_sharp_edges_and_no_long_gap(kind):
    wave = synthetic.make_sound(kind, 16000, np.random.default_rng(kind))
    assert wave.shape == (16000,) and np.isfinite(wave).all()
    blocks = np.sqrt(np.mean(wave.reshape(-1, 1600) ** 2, axis=1))
    assert blocks.min() > 0.2  # 100 ms blocks, the first and last included


@pytest.mark.parametrize("kind", KINDS)
@settings(deadline=None, max_examples=5)
@given(n_samples=st.integers(0, 3000))
def test_sound_of_any_length(kind, n_samples):
    wave = synthetic.make_sound(kind, n_samples, np.random.default_rng(0))
    assert wave.shape == (n_samples,) and np.isfinite(wave).all()


def test_mix_is_quiet_outside_events_and_cut_at_the_end():
    rng = np.random.default_rng(0)
    clip = synthetic.mix_sounds([(0.5, 1.0, 0), (1.5, 9.0, 3)], 32000, rng)
    assert clip.dtype == np.int16 and clip.shape == (32000,)
    level = np.sqrt(np.mean((clip.reshape(4, 8000) / 32767) ** 2, axis=1))
    assert level[[1, 3]].min() > 10 * level[[0, 2]].max()


def test_unknown_kind_is_refused():
    with pytest.raises(ValueError, match="0 to 9, not 10"):
        synthetic.make_sound(10, 100, np.random.default_rng(0))
    with pytest.raises(ValueError, match="0 to 9, not -1"):
        synthetic_film.make_picture(-1)


def test_varied_pictures_stay_nearest_to_their_kind_by_colour():
    rng = np.random.default_rng(0)
    kinds = [None, *KINDS]

    def colours(kind, rng=None):
        picture = synthetic_film.make_picture(kind, 48, rng)
        return np.histogramdd(
            picture.reshape(-1, 3), bins=4, range=[(0, 256)] * 3
        )[0]

    means = [
        np.mean([colours(kind, rng) for _ in range(8)], axis=0)
        for kind in kinds
    ]
    right = [
        index == np.argmin([np.sum((m - colours(k, rng)) ** 2) for m in means])
        for index, k in enumerate(kinds)
        for _ in range(5)
    ]
    assert np.mean(right) > 0.9


def test_tiles_hold_every_picture():
    plain = [np.full((8, 8, 3), value, np.uint8) for value in (10, 20, 30, 40)]
    for n in (1, 2, 3, 4):
        tiled = synthetic_film.tile_pictures(plain[:n])
        assert tiled.shape == (8, 8, 3)
        assert set(tiled.ravel()) == {10, 20, 30, 40}.intersection(
            range(10 * n + 1)
        )
    with pytest.raises(ValueError, match="not 5"):
        synthetic_film.tile_pictures([*plain, plain[0]])


def test_film_shows_events_in_time_and_repeats_frames_exactly(tmp_path):
    events = [(1.0, 3.0, 2), (2.0, 4.0, 5)]
    frames = synthetic_film.film_frames(events, 5.3, np.random.default_rng(0))
    assert len(frames) == 43  # the last one covers the rest
    path = tmp_path / "film.mp4"
    synthetic_film.write_film(path, frames)
    with av.open(str(path)) as container:
        shown = {
            round(frame.time * 8): frame.to_ndarray(format="rgb24")
            for frame in container.decode(video=0)
        }
    assert sorted(shown) == list(range(43))
    states = [[0, 7], [8, 15], [16, 23], [24, 31]]  # idle, 2, 2 and 5, 5
    for first, last in states:
        assert (shown[first] == shown[last]).all()
    assert (shown[0] == shown[42]).all()  # idle again
    assert len({shown[first].tobytes() for first, _ in states}) == 4
    error = np.abs(shown[20].astype(int) - frames[20])
    assert error.mean() < 12  # only what 4:2:0 costs at coloured edges
    assert [p.name for p in tmp_path.iterdir()] == ["film.mp4"]


def test_film_with_sound_and_film_that_cannot_be_written(tmp_path):
    frames = [synthetic_film.make_picture(0, 32)] * 8
    sound = np.zeros(16000, np.int16)
    synthetic_film.write_film(tmp_path / "a.mp4", frames, sound=sound)
    with av.open(str(tmp_path / "a.mp4")) as container:
        assert len(container.streams.audio) == 1
        assert len(list(container.decode(video=0))) == 8
    with pytest.raises(Exception):  # noqa: B017 (PyAV's own, of any kind)
        synthetic_film.write_film(tmp_path / "b.mp4", [frames[0][:0]])
    assert [p.name for p in tmp_path.iterdir()] == ["a.mp4"]


@settings(deadline=None, max_examples=15)
@given(n_clips=st.integers(1, 80), seed=st.integers(0, 1000))
def test_plan_meets_its_shares(n_clips, seed):
    labels, pair = ["a", "b", "c", "d"], ("b", "d")
    shares = {"missing_video": 0.155, "short": 0.1, "without_events": 0.05}
    rng = np.random.default_rng(seed)
    clips = plan_clips(n_clips, labels, rng, pair, **shares)
    assert len(clips) == n_clips
    assert sum(not c.film for c in clips) == round(0.155 * n_clips)
    assert sum(c.duration < 10 for c in clips) == round(0.1 * n_clips)
    assert sum(not c.events for c in clips) == round(0.05 * n_clips)
    for clip in clips:
        assert 5 <= clip.duration <= 10 and len(clip.events) <= 3
        assert not {label for _, _, label in clip.events} >= set(pair)
        for onset, offset, label in clip.events:
            assert 0 <= onset < offset <= clip.duration
            assert 0.499 <= offset - onset <= 4.001
            for other in clip.events:
                apart = other[0] >= offset + 0.5 or other[1] + 0.5 <= onset
                assert (
                    apart
                    or other[2] != label
                    or other[:2]
                    == (
                        onset,
                        offset,
                    )
                )
    held = [sum(any(e[2] == p for e in c.events) for c in clips) for p in pair]
    assert abs(held[0] - held[1]) <= 1


def test_folder_is_complete_or_absent(tmp_path):
    folder = tmp_path / "made"
    with pytest.raises(RuntimeError), written_at_once(folder, {"a": 1}, "s"):
        raise RuntimeError("disk full")
    assert list(tmp_path.iterdir()) == []
    with written_at_once(folder, {"a": 1}, "s") as partial:
        (partial / "clip").write_text("x")
        assert not folder.exists()
    assert is_complete(folder, {"a": 1}, "s")
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["clip", "made", "s"]
    with pytest.raises(FileExistsError, match="a 1 instead of 2"):
        is_complete(folder, {"a": 2}, "s")
    with pytest.raises(FileExistsError, match="no other in it"):
        is_complete(folder, {"a": 1}, "other")


def test_what_a_kill_left_beside_a_folder_is_removed_after_a_day(tmp_path):
    old, new = (tmp_path / f".{n * 32}.tmp" for n in "01")
    for folder in (old, new, tmp_path / "others"):
        (folder / "inside").mkdir(parents=True)
        os.utime(folder, (0, 0) if folder != new else None)
    with written_at_once(tmp_path / "made", {"a": 1}, "s"):
        pass
    found = {path.name for path in tmp_path.iterdir()}
    assert found == {"made", new.name, "others"}


def test_second_process_finds_the_first_ones_folder(tmp_path):
    with written_at_once(tmp_path / "made", {"a": 1}, "s") as slow:
        (slow / "slow").touch()
        with written_at_once(tmp_path / "made", {"a": 1}, "s") as fast:
            (fast / "fast").touch()
    assert (tmp_path / "made" / "fast").exists()
    assert [p.name for p in tmp_path.iterdir()] == ["made"]
