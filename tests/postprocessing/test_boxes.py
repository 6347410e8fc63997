"""Boxes of frames' scores, against one clip, class and frame at a time."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speechbrain_mmsed.postprocessing.box_parameters import BoxParameters
from speechbrain_mmsed.postprocessing.boxes import box_scores, box_table
from speechbrain_mmsed.postprocessing.decode import decode
from speechbrain_mmsed.postprocessing.scores import ClipScores


def make_scores(frame, durations, hop=1.0):
    frame = np.asarray(frame, dtype=np.float32)
    return ClipScores(
        [f"{i}.wav" for i in range(len(frame))],
        durations,
        [f"class {c}" for c in range(frame.shape[2])],
        frame.max(axis=1),
        frame,
        np.ones(len(frame), bool),
        hop,
    )


def of_one(values, step, absolute, relative, duration=None):
    """Boxes (first, past, confidence) of one class of one clip."""
    frame = np.array(values)[None, :, None]
    scores = make_scores(frame, [duration or len(values)])
    table = box_table(box_scores(scores, [step], [absolute], [relative]))
    return table[["onset", "offset", "confidence"]].to_numpy().tolist()


def slow_boxes(values, step, absolute, relative):
    """First frame, frame past the end and confidence, one after another."""

    def mean(first, past):
        return sum(values[first:past]) / (past - first)

    def score(k):
        return values[k] if 0 <= k < len(values) else 0.0

    change = []
    for k in range(-1, len(values) + 2):
        right = sum(score(k + i) for i in range(step))
        left = sum(score(k - 1 - i) for i in range(step))
        change.append(round((right - left) / step, 9))
    found, onset, rising, since = [], None, True, None
    for k in range(1, len(change)):
        if change[k] < change[k - 1]:
            if rising:
                onset = k - 2
            rising, since = False, k - 1
        elif change[k] > change[k - 1]:
            if not rising:
                found.append([onset, since])
            rising = True
    if not rising:
        found.append([onset, since])
    boxes, before = [], None
    for box in found:
        closed = False
        if before is not None:
            gap = mean(before[1], box[0])
            higher = max(mean(*before), mean(*box))
            closed = round(higher - gap, 9) < absolute
            closed = closed or round(higher - relative * gap, 9) < 0
        if closed:
            boxes[-1][1] = box[1]
        else:
            boxes.append(list(box))
        before = box
    return [(*box, mean(*box)) for box in boxes]


@settings(deadline=None, max_examples=120)
@given(st.data())
def test_boxes_equal_the_slow_twin(data):
    n_frames = data.draw(st.integers(1, 40))
    hop = data.draw(st.sampled_from([0.1565, 0.25, 1.0]))
    levels = data.draw(st.sampled_from([2, 4, 8, 1000]))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    frame = rng.integers(0, levels + 1, (3, n_frames, 2)) / levels
    durations = rng.uniform(0.1, 1.1, 3) * n_frames * hop
    steps = data.draw(st.lists(st.integers(1, 9), min_size=2, max_size=2))
    absolute = rng.choice([0, 0.125, 0.3], 2)
    relative = rng.choice([1, 1.5, 2, 4], 2)
    scores = make_scores(frame, durations, hop)
    lengths = np.array(steps) * hop
    boxes = box_scores(scores, lengths, absolute, relative)
    expected = []
    for n, name in enumerate(scores.filenames):
        n_inside = int((np.arange(n_frames) * hop < durations[n]).sum())
        for c, label in enumerate(scores.labels):
            values = scores.frame[n, :n_inside, c].astype(float).tolist()
            for first, past, confidence in slow_boxes(
                values, steps[c], absolute[c], relative[c]
            ):
                end = min(past * hop, durations[n])
                confidence = float(np.float32(confidence))
                expected.append([name, first * hop, end, label, confidence])
    table = box_table(boxes)
    exact = ["filename", "onset", "offset", "event_label"]
    assert table[exact].values.tolist() == [row[:-1] for row in expected]
    confidence = [row[-1] for row in expected]
    np.testing.assert_allclose(table["confidence"], confidence, rtol=1e-6)
    # What a threshold leaves of them is what `decode` makes of the frames.
    threshold = data.draw(st.sampled_from([0.0, 0.25, 0.5]))
    above = table[table["confidence"] > threshold][exact]
    events = decode(boxes, [threshold] * 2, [1] * 2)
    assert events.values.tolist() == above.values.tolist()
    left = box_table(boxes, [threshold] * 2)
    kept = table[table["confidence"] > threshold]
    assert left.values.tolist() == kept.values.tolist()


def test_a_box_covers_the_whole_clip():
    assert of_one([0.5] * 6, 2, 0.1, 2, 5.5) == [[0.0, 5.5, 0.5]]


def test_silence_has_no_box():
    assert of_one([0.0] * 6, 2, 0.1, 2) == []


@pytest.mark.parametrize(
    "absolute, relative, n_boxes",
    [
        (0.5, 3.0, 2),  # falls by 0.5 and by a factor of 3, and just so
        (0.6, 3.0, 1),
        (0.5, 3.1, 1),
    ],
)
def test_a_gap_is_closed_where_it_is_shallow(absolute, relative, n_boxes):
    values = [0.0, 0.5, 0.5, 0.25, 0.25, 0.75, 0.75, 0.0]
    found = of_one(values, 1, absolute, relative)
    assert len(found) == n_boxes
    if n_boxes == 1:
        assert found == [[1.0, 7.0, 0.5]]


@pytest.mark.parametrize(
    "setting", [{"lengths": [0.0]}, {"absolute": [1.5]}, {"relative": [0.5]}]
)
def test_settings_out_of_range_are_refused(setting):
    good = {"lengths": [0.5], "absolute": [0.2], "relative": [2.0]}
    with pytest.raises(ValueError, match=next(iter(setting))):
        BoxParameters(
            labels=["Dog"], thresholds=None, tuned=[True], **(good | setting)
        )


@pytest.mark.slow
@pytest.mark.parametrize("step", [1, 2, 5, 25])
def test_boxes_are_those_of_the_authors_before_gaps_are_closed(step):
    # Their package (`pip install sebbs`, AGPL-3.0) counts both halves of the
    # filter, and closes gaps by the highest and lowest score, not the means.
    csebbs = pytest.importorskip("sebbs.csebbs")
    pd = pytest.importorskip("pandas")
    rng = np.random.default_rng(step)
    frame, hop = rng.random((4, 500, 2)).astype(np.float32), 0.02
    scores = make_scores(frame, [10.0] * 4, hop)
    # Not even a gap above its boxes is closed.
    boxes = box_scores(scores, [step * hop] * 2, [-1.0] * 2, [0.0] * 2)
    ours = box_table(boxes)
    times = np.linspace(0, 10, 501)
    tables = {
        name: pd.DataFrame(
            np.column_stack([times[:-1], times[1:], values]),
            columns=["onset", "offset", *scores.labels],
        )
        for name, values in zip(scores.filenames, frame, strict=True)
    }
    theirs = csebbs.CSEBBsPredictor(2 * step * hop, 0.0, 0.0).predict(tables)
    expected = sorted(
        (name, label, onset, offset, confidence)
        for name, boxes in theirs.items()
        for onset, offset, label, confidence in boxes
    )
    columns = ["filename", "event_label", "onset", "offset", "confidence"]
    found = sorted(ours[columns].itertuples(index=False, name=None))
    assert len(found) == len(expected) > 40
    for mine, other in zip(found, expected, strict=True):
        assert mine[:2] == other[:2]
        np.testing.assert_allclose(mine[2:], other[2:], atol=1e-4)
