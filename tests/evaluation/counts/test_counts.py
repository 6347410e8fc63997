"""The batched counts against their slow twin, sed_eval on event tables.

Why each reference may take the earliest event that it may have: neither
references nor runs of frames overlap, so both are ordered in time. Let r1
before r2 and e1 before e2, and let r1 be compatible with e2 and r2 with e1;
then so are r1 with e1 and r2 with e2. For the onsets this follows from the
order, as the collar is the same for all. For the offsets it is c(r) =
max(0.2 s, 0.2 * length of r).
 * r1 and e1: if e1 ends after r1, it is nearer to r1's end than e2 is.
   Otherwise r2's end is at least as far from e1's end as r1's end is, and
   at least the length of r2, so c(r2) is 0.2 s, which is at most c(r1).
 * r2 and e2: if e2 ends before r2, it is nearer to r2's end than e1 is.
   Otherwise r1's end is at least as far from e2's end as r2's end is. If
   c(r1) were more than 0.2 s, r1 would last more than 1 s, and e1, which
   begins within 0.2 s of r2, would begin more than 0.8 s after r1 began, and
   e2 later still. So c(r1) is 0.2 s, which is at most c(r2).
Hence some largest matching has no crossing, and what is compatible with a
reference is consecutive and never recedes from one reference to the next.
"""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speechbrain_mmsed.evaluation.counts.counts import count_clips, count_grid
from speechbrain_mmsed.evaluation.metrics.f1 import (
    clip_f1,
    event_f1,
    segment_f1,
)
from speechbrain_mmsed.evaluation.metrics.truth import GroundTruth
from speechbrain_mmsed.postprocessing.decode import decode, decode_tags
from speechbrain_mmsed.postprocessing.scores import ClipScores

COLUMNS = ["filename", "onset", "offset", "event_label"]
THRESHOLDS = np.arange(1, 10) / 10


def merge(events):
    """Events of one class and clip without overlap, touching allowed."""
    merged = []
    for onset, offset in sorted(events):
        if merged and onset < merged[-1][1]:
            merged[-1][1] = max(merged[-1][1], offset)
        else:
            merged.append([onset, offset])
    return merged


def random_corpus(n_clips=20, n_frames=64, frame_hop=0.1565, seed=0):
    """Scores that follow random events; the last class is never present."""
    rng = np.random.default_rng(seed)
    labels = ["Dog", "Cat", "Speech", "Fox"]
    names = [f"{i}.wav" for i in range(n_clips)]
    seconds = n_frames * frame_hop
    logits = rng.normal(-2, 1, (n_clips, n_frames, 4))
    rows = []
    for n, name in enumerate(names):
        for c, label in enumerate(labels[:-1]):
            onsets = rng.uniform(0, seconds, rng.integers(0, 4))
            lengths = rng.exponential(1.5, len(onsets))
            for onset, offset in merge(
                zip(onsets, onsets + lengths, strict=True)
            ):
                rows.append([name, onset, offset, label])
                first, past = np.array([onset, offset]) / frame_hop
                first += rng.normal() * 0.7
                logits[n, int(max(0, first)) : int(past + 1), c] += 3
    frame = 1 / (1 + np.exp(-logits))
    durations = rng.choice([10.0, 9.7, 4.3, 11.0], n_clips)
    scores = ClipScores(
        names,
        durations,
        labels,
        frame.max(axis=1),
        frame,
        np.ones(n_clips, bool),
        frame_hop,
    )
    events = pd.DataFrame(rows, columns=COLUMNS)
    return scores, GroundTruth(
        events, dict(zip(names, durations, strict=True)), labels
    )


def assert_equal_at(grid, scores, truth, i, j):
    """Every count of both metrics at threshold i and window j."""
    ones = np.ones(len(scores.labels))
    some = grid["event"]
    events = decode(
        scores,
        ones.astype(some.thresholds.dtype) * some.thresholds[i],
        (ones * some.windows[j]).astype(int),
    )
    official = {
        "segment": segment_f1(events, truth),
        "event": event_f1(events, truth),
    }
    for metric, figures in official.items():
        counts = grid[metric]
        for c, label in enumerate(scores.labels):
            fast = {
                "tp": counts.tp[c, i, j],
                "fp": counts.nsys[c, i, j] - counts.tp[c, i, j],
                "fn": counts.n_reference[c] - counts.tp[c, i, j],
                "nref": counts.n_reference[c],
                "nsys": counts.nsys[c, i, j],
            }
            slow = dict(figures["class_wise"][label])
            f1 = slow.pop("f1")
            assert fast == slow, (metric, label, i, j)
            if f1 is None:
                assert np.isnan(counts.f1()[c, i, j])
            else:
                assert counts.f1()[c, i, j] == f1


def test_counts_equal_sed_eval_on_a_random_corpus():
    scores, truth = random_corpus(16)
    windows = np.array([1, 3, 7, 31])
    grid = count_grid(scores, truth, THRESHOLDS[::2], windows)
    for i in range(len(grid["event"].thresholds)):
        for j in range(len(windows)):
            assert_equal_at(grid, scores, truth, i, j)
    # The corpus is no empty exercise.
    assert (grid["event"].tp[:3].max(axis=(1, 2)) > 2).all()


@pytest.mark.slow
def test_counts_equal_sed_eval_on_the_whole_grid():
    scores, truth = random_corpus(25, seed=1)
    windows = np.arange(1, 32, 2)
    grid = count_grid(scores, truth, THRESHOLDS, windows)
    for i in range(len(THRESHOLDS)):
        for j in range(len(windows)):
            assert_equal_at(grid, scores, truth, i, j)


def frame_edges(n_frames, hop):
    """Times where collars and segments are decided, and their neighbours."""
    edge = st.integers(0, n_frames + 2).map(lambda k: k * hop)
    shifted = st.tuples(edge, st.sampled_from([0.0, 0.2, -0.2, 0.1])).map(sum)
    whole = st.integers(0, int(n_frames * hop) + 2).map(float)
    time = st.one_of(edge, shifted, whole).map(lambda t: max(t, 0.0))
    nudge = st.sampled_from([None, -np.inf, np.inf])
    return st.tuples(time, nudge).map(
        lambda pair: (
            pair[0]
            if pair[1] is None
            else max(0.0, float(np.nextafter(pair[0], pair[1])))
        )
    )


@st.composite
def hard_corpora(draw):
    """Touching, zero-length and late events, empty and very short clips."""
    n_frames = draw(st.integers(2, 24))
    hop = draw(st.sampled_from([0.1565, 0.1, 0.05]))
    n_clips = draw(st.integers(1, 3))
    labels = ["a", "b"]
    names = [f"{i}.wav" for i in range(n_clips)]
    edges = frame_edges(n_frames, hop)
    rows = []
    for name in names:
        for label in labels:
            times = draw(st.lists(st.tuples(edges, edges), max_size=5))
            pairs = merge(tuple(sorted(pair)) for pair in times)
            rows += [[name, a, b, label] for a, b in pairs]
            if not pairs and label == "a":
                rows.append([name, None, None, None])
    value = st.sampled_from([0.0, 0.3, 0.5, 0.7, 0.9, 1.0])
    runs = st.lists(st.tuples(value, st.integers(1, 6)), min_size=1)
    frame = np.zeros((n_clips, n_frames, 2))
    for n in range(n_clips):
        for c in range(2):
            values = np.concatenate(
                [np.full(length, v) for v, length in draw(runs)]
            )
            length = min(n_frames, len(values))
            frame[n, :length, c] = values[:length]
    durations = [draw(edges.filter(lambda t: t > 0).map(float)) for _ in names]
    scores = ClipScores(
        names,
        durations,
        labels,
        frame.max(axis=1),
        frame,
        np.ones(n_clips, bool),
        hop,
    )
    events = pd.DataFrame(rows, columns=COLUMNS)
    return scores, GroundTruth(
        events, dict(zip(names, durations, strict=True)), labels
    )


@settings(deadline=None, max_examples=40)
@given(hard_corpora(), st.sampled_from([np.float32, np.float64]))
def test_counts_equal_sed_eval_on_hard_cases(corpus, dtype):
    scores, truth = corpus
    thresholds = np.array([0.3, 0.7], dtype=dtype)
    windows = np.array([1, 5])
    grid = count_grid(scores, truth, thresholds, windows)
    for i in range(2):
        for j in range(2):
            assert_equal_at(grid, scores, truth, i, j)


def test_a_reference_leaves_the_event_that_another_needs():
    """Greedy matching in the order of the table would find one pair."""
    hop, labels = 0.1, ["a"]
    frame = np.zeros((1, 40, 1))
    frame[0, [10, 12]] = 1.0
    scores = ClipScores(["x"], [4.0], labels, [[1.0]], frame, [True], hop)
    rows = [["x", 1.12, 1.2, "a"], ["x", 1.0, 1.1, "a"]]
    truth = GroundTruth(pd.DataFrame(rows, columns=COLUMNS), {"x": 4.0}, labels)
    grid = count_grid(scores, truth, [0.5], [1])
    assert grid["event"].tp.item() == 2
    assert_equal_at(grid, scores, truth, 0, 0)


@pytest.mark.parametrize("clips_at_once", [1, 3, 7])
def test_batches_change_nothing(clips_at_once):
    scores, truth = random_corpus(9)
    whole = count_grid(scores, truth, [0.4, 0.6], [1, 5])
    parts = count_grid(
        scores, truth, [0.4, 0.6], [1, 5], clips_at_once=clips_at_once
    )
    for metric, counts in whole.items():
        np.testing.assert_array_equal(parts[metric].tp, counts.tp)
        np.testing.assert_array_equal(parts[metric].nsys, counts.nsys)
        np.testing.assert_array_equal(
            parts[metric].n_reference, counts.n_reference
        )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_clip_counts_equal_those_of_decoded_tags(dtype):
    scores, truth = random_corpus()
    scores.clip[:9] = THRESHOLDS[:, None]  # float32 scores at the thresholds
    thresholds = THRESHOLDS.astype(dtype)
    counts = count_clips(scores, truth, thresholds)
    for i, threshold in enumerate(thresholds):
        tags = decode_tags(scores, np.full(4, threshold))
        figures = clip_f1(tags, truth)
        for c, label in enumerate(scores.labels):
            slow = figures["class_wise"][label]
            assert counts.tp[c, i, 0] == slow["tp"]
            assert counts.nsys[c, i, 0] - counts.tp[c, i, 0] == slow["fp"]
            assert counts.n_reference[c] - counts.tp[c, i, 0] == slow["fn"]


def test_other_clips_or_classes_are_refused():
    scores, truth = random_corpus(4)
    with pytest.raises(ValueError, match=r"1 have ground truth only.*3\.wav"):
        count_grid(scores.subset([1, 1, 1, 0]), truth, [0.5], [1])
    fewer = truth.subset(["0.wav", "1.wav", "2.wav"])
    with pytest.raises(ValueError, match=r"1 clips have scores.*3\.wav"):
        count_clips(scores, fewer, [0.5])
    scores.labels = scores.labels[::-1]
    with pytest.raises(ValueError, match="same list"):
        count_grid(scores, truth, [0.5], [1])
