"""Chunks of any size give the scores of the file."""

import numpy as np
import pytest
import soundfile
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from speechbrain_mmsed.inference import DetectionError


def in_chunks(stream, sound, sizes):
    """Feeds all sound; the sizes (seconds) are used in turn."""
    parts, at, turn = [], 0, 0
    while at < len(sound):
        n = max(1, round(sizes[turn % len(sizes)] * stream.sample_rate))
        parts.append(stream.feed(sound[at : at + n]))
        at, turn = at + n, turn + 1
        # All frames that are older than the latency are there.
        age = stream.seconds - stream.latency
        given = parts[-1].first_frame + len(parts[-1].frame)
        assert given * parts[-1].frame_hop > age
    return [*parts, stream.close()]


@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    seconds=st.floats(0.2, 45.0),
    sizes=st.lists(st.floats(0.1, 7.0), min_size=1, max_size=4),
    rate=st.sampled_from([16000, 44100, 22050, 8000]),
)
def test_chunks_give_the_scores_of_the_file(
    detector, sounds, tmp_path, seconds, sizes, rate
):
    sound = sounds.noise(seconds, rate, channels=2)
    path = tmp_path / "a.wav"
    soundfile.write(path, sound, rate, subtype="FLOAT")
    whole = detector.scores_file(path)
    parts = in_chunks(detector.stream(rate), sound, sizes)
    frame = np.concatenate([part.frame for part in parts])
    assert frame.shape == whole.frame.shape
    np.testing.assert_allclose(frame, whole.frame, atol=1e-5)
    np.testing.assert_allclose(parts[-1].clip, whole.clip, atol=1e-5)
    np.testing.assert_allclose(parts[-1].beyond, whole.beyond, atol=1e-5)
    times = np.concatenate([part.times for part in parts])
    np.testing.assert_allclose(times[:, 0], whole.times[:, 0])
    assert parts[-1].duration == pytest.approx(whole.duration)


def test_latency_is_a_window_and_little_more(detector):
    assert 10.1 < detector.stream(16000).latency < 10.2
    assert 10.1 < detector.stream(44100).latency < 10.3


def test_whole_numbers_are_scaled(detector, sounds):
    sound = (sounds.noise(2.0) * 32767).astype(np.int16)
    one, two = detector.stream(16000), detector.stream(16000)
    one.feed(sound)
    two.feed(sound / 32768)
    np.testing.assert_allclose(one.close().frame, two.close().frame, atol=1e-6)


def test_misuse_is_told(detector):
    with pytest.raises(DetectionError, match="Hz above 0"):
        detector.stream(0)
    stream = detector.stream(16000)
    with pytest.raises(DetectionError, match="NaN"):
        stream.feed([0.0, np.nan])
    with pytest.raises(DetectionError, match="without any sound"):
        stream.close()
    stream.feed(np.zeros(10))
    stream.close()
    with pytest.raises(DetectionError, match="closed"):
        stream.feed(np.zeros(10))


def test_a_stream_keeps_to_one_thread(detector, sounds, monkeypatch):
    seen, score = [], detector.score_windows

    def watched(items):
        seen.append(torch.get_num_threads())
        return score(items)

    monkeypatch.setattr(detector, "score_windows", watched)
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        stream = detector.stream(44100)
        stream.feed(sounds.noise(12.0, 44100))
        stream.close()
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
    assert seen == [1, 1]
