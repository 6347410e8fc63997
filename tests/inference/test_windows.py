"""Events of long recordings do not depend on where windows happen to lie."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speechbrain_mmsed.inference.resampling import BlockResampler
from speechbrain_mmsed.inference.scoring import Stitcher
from speechbrain_mmsed.inference.windows import WindowCutter

TOLERANCE = 1.001  # frames


def matched(expected, found, frame_hop):
    """How many expected events were found, within a frame at both ends."""
    rest, count = list(found), 0
    for label, onset, offset in expected:
        near = [
            event
            for event in rest
            if event[0] == label
            and abs(event[1] - onset) <= TOLERANCE * frame_hop
            and abs(event[2] - offset) <= TOLERANCE * frame_hop
        ]
        if near:
            rest.remove(near[0])
            count += 1
    return count


def events_from(detector, path, begin, after):
    """(label, onset, offset) of the whole's time from `after` seconds on."""
    events = detector.detect_file(path).events
    return [
        (e.event_label, e.onset + begin, e.offset + begin)
        for e in events.itertuples()
        if e.onset + begin > after
    ]


def test_a_later_beginning_gives_the_same_events(trained, sounds, tmp_path):
    waveform, truth = sounds.scene(120.0, seed=1000)
    rng = np.random.default_rng(0)
    begins = [0, *rng.integers(1, 160000, 12)]
    whole, found = None, []
    for begin in begins:
        path = sounds.write_wav(tmp_path / "a.wav", waveform[begin:, None])
        found.append(events_from(trained, path, begin / 16000, after=11.0))
    whole = found.pop(0)
    # The network knows its trade: as many events as there are.
    n_true = (np.diff(truth[70:], axis=0) > 0).sum()
    assert abs(len(whole) - n_true) < 0.1 * n_true
    for after, least in ((11.0, 0.9), (35.0, 1.0)):
        # Windows have met by then, and all events are the same.
        expected = [event for event in whole if event[1] > after]
        assert len(expected) > 20
        for other in found:
            other = [event for event in other if event[1] > after - 0.16]
            n_same = matched(expected, other, trained.frame_hop)
            assert n_same >= least * len(expected)
            assert len(other) - n_same <= (1 - least) * len(expected) + 1


def test_windows_of_a_sound_of_one_level():
    cutter = WindowCutter(16000, 160000, 64, 2504)
    windows = cutter.feed(np.ones(400000)) + cutter.close()
    found = [(window.start, window.until) for window in windows]
    assert found == [(0, 57), (50, 107), (96, 160)]


def test_resampled_pieces_are_as_long_as_the_whole():
    resampler = BlockResampler(48000, 16000)
    first = resampler.feed(np.zeros(1000, np.float32))
    assert (len(first), len(first) + len(resampler.close())) == (0, 334)


def test_windows_begin_where_the_sound_is_faintest():
    rng = np.random.default_rng(3)
    level = np.repeat(rng.uniform(0.01, 1.0, 200), 2504)
    sound = (rng.uniform(-1, 1, len(level)) * level).astype(np.float32)
    cutter = WindowCutter(16000, 160000, 64, 2504)
    windows = cutter.feed(sound) + cutter.close()
    begins = [round(window.begin * 16000) for window in windows]
    assert begins[0] == 0
    assert begins[-1] == len(sound) - 160000
    for begin, after in zip(begins[:-2], begins[1:-1], strict=True):
        candidates = range(begin + 25 * 2504, begin + 50 * 2504 + 1)
        power = [
            np.square(sound[at - 1252 : at + 1252].astype(float)).sum()
            for at in candidates[::97]
        ]
        here = np.square(sound[after - 1252 : after + 1252].astype(float))
        assert after in candidates
        assert here.sum() <= min(power) * (1 + 1e-9)


@given(
    n_samples=st.integers(1, 900_000),
    pieces=st.lists(st.integers(1600, 200_000), min_size=1, max_size=5),
)
@settings(max_examples=25, deadline=None)
def test_windows_cover_a_recording_however_it_comes(n_samples, pieces):
    sound = np.random.default_rng(n_samples).uniform(-1, 1, n_samples)
    whole = WindowCutter(16000, 160000, 64, 2504)
    expected = whole.feed(sound) + whole.close()
    cutter, windows, at, turn = WindowCutter(16000, 160000, 64, 2504), [], 0, 0
    while at < n_samples:
        n = pieces[turn % len(pieces)]
        windows += cutter.feed(sound[at : at + n])
        at, turn = at + n, turn + 1
    windows += cutter.close()
    assert [w.begin for w in windows] == [w.begin for w in expected]
    stitcher, n_frames = Stitcher(1), -(-n_samples // 2504)
    for window, twin in zip(windows, expected, strict=True):
        assert np.array_equal(window.waveform, twin.waveform)
        first = round(window.begin * 16000)
        # A second of each neighbour's sound at least, or the outer edge.
        assert stitcher.done == 0 or stitcher.done - window.start >= 6
        last = window is windows[-1]
        assert last or window.start + 64 - window.until >= 6
        frame = np.arange(64)[:, None] + window.start
        stitcher.add(window, np.zeros(1), frame)
        rows = stitcher.take()[:, 0]
        expected_rows = np.arange(stitcher.done - len(rows), stitcher.done)
        assert np.abs(rows - expected_rows).max() <= (1 if last else 0)
        part = sound[first : first + 160000].astype(np.float32)
        peak = np.abs(part).max()
        np.testing.assert_allclose(
            window.waveform[: len(part)] * peak, part, atol=1e-6
        )
        assert not window.waveform[len(part) :].any()
    assert stitcher.done == (64 if n_frames <= 65 else n_frames)


def test_silence_between_sounds_is_not_blown_up():
    sound = np.zeros(500_000, np.float32)
    sound[:1000] = 0.5
    sound[1000:] = 1e-5
    cutter = WindowCutter(16000, 160000, 64, 2504, peak_floor=1e-3)
    windows = cutter.feed(sound) + cutter.close()
    assert np.abs(windows[0].waveform).max() == 1.0
    for window in windows[1:]:
        assert np.abs(window.waveform).max() == pytest.approx(1e-2)
    # A clip is treated as in training.
    cutter = WindowCutter(16000, 160000, 64, 2504)
    (clip,) = cutter.feed(sound[2000:100000]) + cutter.close()
    assert np.abs(clip.waveform).max() == 1.0
