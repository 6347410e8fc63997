import numpy as np
import pytest
import scipy.ndimage
from hypothesis import given, settings
from hypothesis import strategies as st

from speechbrain_mmsed.postprocessing.decode import decode, decode_tags
from speechbrain_mmsed.postprocessing.majority import MajorityFilter
from speechbrain_mmsed.postprocessing.scores import ClipScores


def make_scores(frame, durations, frame_hop=0.1565, clip=None):
    frame = np.asarray(frame, dtype=np.float32)
    n_clips, _, n_classes = frame.shape
    return ClipScores(
        [f"{i}.wav" for i in range(n_clips)],
        durations,
        [f"class {c}" for c in range(n_classes)],
        frame.max(axis=1) if clip is None else clip,
        frame,
        np.ones(n_clips, bool),
        frame_hop,
    )


def slow_decode(scores, thresholds, windows):
    """One clip, class and frame after the other, filtering the scores."""
    rows = []
    for n, filename in enumerate(scores.filenames):
        for c, label in enumerate(scores.labels):
            half = windows[c] // 2
            padded = np.pad(scores.frame[n, :, c], half, mode="symmetric")
            smooth = [
                np.median(padded[k : k + windows[c]])
                for k in range(len(padded) - 2 * half)
            ]
            onset = None
            for k in range(len(smooth) + 1):
                start = k * scores.frame_hop
                active = (
                    k < len(smooth)
                    and start < scores.durations[n]
                    and float(smooth[k]) > float(thresholds[c])
                )
                if active and onset is None:
                    onset = start
                if not active and onset is not None:
                    end = min(start, float(scores.durations[n]))
                    rows.append([filename, onset, end, label])
                    onset = None
    return rows


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_decode_equals_the_slow_twin(data):
    n_frames = data.draw(st.integers(1, 70))
    hop = data.draw(st.sampled_from([0.1565, 0.1, 1.0]))
    seed = data.draw(st.integers(0, 2**32 - 1))
    levels = data.draw(st.sampled_from([3, 10, 1000]))
    rng = np.random.default_rng(seed)
    frame = rng.integers(0, levels + 1, (3, n_frames, 2)) / levels
    durations = rng.uniform(0.01, 1.3, 3) * n_frames * hop
    scores = make_scores(frame, durations, hop)
    dtype = data.draw(st.sampled_from([np.float32, np.float64]))
    thresholds = rng.integers(1, 10, 2).astype(dtype) / dtype(10)
    windows = rng.integers(0, 16, 2) * 2 + 1
    events = decode(scores, thresholds, windows)
    assert events.values.tolist() == slow_decode(scores, thresholds, windows)


@settings(deadline=None, max_examples=60)
@given(
    n_frames=st.integers(1, 40),
    half=st.integers(0, 150),
    seed=st.integers(0, 2**32 - 1),
)
def test_majority_filter_equals_a_padded_median(n_frames, half, seed):
    """Also for windows beyond twice the frames and the sums' overflow."""
    rng = np.random.default_rng(seed)
    roll = rng.random((2, n_frames, 3)) < rng.random()
    window = 2 * half + 1
    padded = np.pad(roll, ((0, 0), (half, half), (0, 0)), mode="symmetric")
    views = np.lib.stride_tricks.sliding_window_view(padded, window, axis=1)
    expected = np.median(views, axis=-1) > 0.5
    for largest in (window, window + 10):
        fast = MajorityFilter(roll, largest).median(window)
        np.testing.assert_array_equal(fast, expected)
    # Beyond, scipy 1.15 errs, and 1.17 does in some cases: its median differs
    # from that of a padded array.
    if window <= 2 * n_frames:
        official = scipy.ndimage.median_filter(
            roll.astype(np.uint8), (1, window, 1), mode="reflect"
        )
        np.testing.assert_array_equal(expected, official.astype(bool))


def test_thresholds_are_compared_as_float64():
    """0.3 as float32 lies above 0.3, 0.7 as float32 below 0.7."""
    frame = np.zeros((1, 2, 2), dtype=np.float32)
    frame[0, 0] = [0.3, 0.7]
    scores = make_scores(frame, [10.0])
    double = decode(scores, np.array([0.3, 0.7]), [1, 1])
    assert double["event_label"].tolist() == ["class 0"]
    assert decode_tags(scores, [0.3, 0.7])["event_label"].tolist() == [
        "class 0"
    ]
    single = np.array([0.3, 0.7], dtype=np.float32)
    assert len(decode(scores, single, [1, 1])) == 0
    assert len(decode_tags(scores, single)) == 0


def test_the_clips_end_cuts_events_and_drops_frames():
    scores = make_scores(np.ones((4, 4, 1)), [1.75, 1.5, 1.2, 9.0], 0.5)
    events = decode(scores, [0.5], [1])
    assert events["offset"].tolist() == [1.75, 1.5, 1.2, 2.0]


def test_silence_gives_an_empty_table_with_columns():
    events = decode(make_scores(np.zeros((2, 4, 1)), [1.0, 1.0]), [0.5], [3])
    assert list(events) == ["filename", "onset", "offset", "event_label"]
    assert len(events) == 0


def test_bad_operating_points_are_refused():
    scores = make_scores(np.zeros((1, 4, 2)), [1.0])
    with pytest.raises(ValueError, match="thresholds"):
        decode(scores, [0.5], [1, 1])
    with pytest.raises(ValueError, match="median window 2"):
        decode(scores, [0.5, 0.5], [1, 2])
