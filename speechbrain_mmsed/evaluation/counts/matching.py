"""Segments and events of a batch of clips, counted exactly as by sed_eval.

Segments: an event is active in the segments floor(onset) to ceil(offset) - 1.
A run of frames covers consecutive segments, so a segment is active where any
of the frames that touch it is.

Events: sed_eval finds the largest matching between the reference events of a
clip and class and the predicted ones. Here each reference takes the earliest
predicted event that it may have and that comes after all taken before. That
is enough, because neither references (GroundTruth refuses that) nor runs of
frames overlap: some largest matching has no crossing. `test_counts.py` has
the proof.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import numpy as np

from speechbrain_mmsed.evaluation.metrics.f1 import (
    COLLAR_SECONDS,
    COLLAR_SHARE,
    SEGMENT_SECONDS,
)


def reference_events(truth, filenames, lasting=False):
    """Reference events as arrays (R,), in order of clip, class and onset.

    clip and label are places in `filenames` and the labels, onset and offset
    seconds. `lasting` leaves out events of no length, as psds_eval does.
    """
    clips = {name: index for index, name in enumerate(filenames)}
    labels = {name: index for index, name in enumerate(truth.labels)}
    events = truth.events
    if lasting:
        events = events[events["offset"] > events["onset"]]
    columns = {
        "clip": events["filename"].map(clips).to_numpy(dtype=np.int64),
        "label": events["event_label"].map(labels).to_numpy(dtype=np.int64),
        "onset": events["onset"].to_numpy(dtype=np.float64),
        "offset": events["offset"].to_numpy(dtype=np.float64),
    }
    order = np.lexsort(
        [columns[name] for name in ("offset", "onset", "label", "clip")]
    )
    return {name: column[order] for name, column in columns.items()}


def events_of_clips(events, batch):
    """The `reference_events` of a slice of clips, numbered within it."""
    here = slice(*np.searchsorted(events["clip"], [batch.start, batch.stop]))
    part = {name: column[here] for name, column in events.items()}
    part["clip"] = part["clip"] - batch.start
    return part


class SegmentCounter:
    """Counts of active segments in a batch of n clips.

    `references` are their `reference_events`, `durations` (n,) and
    `frame_hop` seconds.
    """

    def __init__(self, references, durations, n_classes, n_frames, frame_hop):
        frames = np.arange(n_frames)
        starts = np.floor(frames * frame_hop / SEGMENT_SECONDS).astype(int)
        ends = np.ceil((frames + 1) * frame_hop / SEGMENT_SECONDS).astype(int)
        first = np.floor(references["onset"] / SEGMENT_SECONDS).astype(int)
        past = np.ceil(references["offset"] / SEGMENT_SECONDS).astype(int)
        n_segments = max(ends.max(), past.max(initial=0))
        segments = np.arange(n_segments)
        # Frames that touch segment s are slices[s]: starts and ends ascend.
        self.slices = [
            slice(np.searchsorted(ends, s + 1), np.searchsorted(starts, s + 1))
            for s in segments
        ]
        # The clip's end cuts its last frame, so segments past it are silent.
        last = np.ceil(durations / SEGMENT_SECONDS)
        self.inside = segments[:, None] < last
        self.reference = np.zeros(
            (n_classes, n_segments, len(durations)), dtype=bool
        )
        for clip, label, begin, end in zip(
            references["clip"], references["label"], first, past, strict=True
        ):
            self.reference[label, begin:end, clip] = True
        self.nref = _count(self.reference)

    def count(self, active):
        """(C,) segments found and (C,) predicted in active frames (C, T, n)."""
        system = np.empty_like(self.reference)
        for segment, frames in enumerate(self.slices):
            np.any(active[:, frames], axis=1, out=system[:, segment])
        system &= self.inside
        nsys = _count(system)
        system &= self.reference
        return _count(system), nsys


class EventCounter:
    """Counts of events in a batch of clips.

    For each reference the few frames in which a compatible event may begin
    and the range of frames in which it may end are tabulated once, with the
    float64 arithmetic that sed_eval applies to decoded events. Arguments as
    for `SegmentCounter`.
    """

    def __init__(self, references, durations, n_classes, n_frames, frame_hop):
        self.nref = np.bincount(references["label"], minlength=n_classes)
        self.n_frames = n_frames
        first, begin, end = _possible_frames(
            references, durations, n_frames, frame_hop
        )
        possible = (first >= 0).any(axis=1)
        self.label = references["label"][possible]
        self.first = first[possible]
        # A (clip, class) pair is one column of frames.
        key = references["clip"][possible] * n_classes + self.label
        pairs, self.pair = np.unique(key, return_inverse=True)
        self.pair_clip, self.pair_label = np.divmod(pairs, n_classes)
        begin, end = begin[possible, None], end[possible, None]
        row = self.pair[:, None] * (n_frames + 3)
        start = np.maximum(self.first, 0)
        self.before = row + start
        self.must_last = row + np.maximum(begin, start) + 2
        self.must_end = row + np.maximum(end, start) + 3
        # A run that begins after the last frame in which it may end.
        self.hopeless = (self.first < 0) | (start > end)
        # The first references of all pairs, then the second, and so on.
        rank = _positions(self.pair)
        self.ranks = [
            np.flatnonzero(rank == r) for r in range(rank.max(initial=-1) + 1)
        ]

    def count(self, active):
        """(C,) events found and (C,) predicted in active frames (C, T, n)."""
        begins = active.copy()
        begins[:, 1:] &= ~active[:, :-1]
        hits = self._hits(active)
        last_taken = np.full(len(self.pair_clip), -1)
        matched = np.zeros(len(self.pair), dtype=bool)
        for members in self.ranks:
            pairs = self.pair[members]
            free = self.first[members] > last_taken[pairs, None]
            free &= hits[members]
            found = free.any(axis=1)
            choice = free.argmax(axis=1)[found]
            members, pairs = members[found], pairs[found]
            last_taken[pairs] = self.first[members, choice]
            matched[members] = True
        tp = np.bincount(self.label[matched], minlength=len(self.nref))
        return tp, _count(begins)

    def _hits(self, active):
        """Whether a compatible event begins in each candidate, (R, K)."""
        columns = active[self.pair_label, :, self.pair_clip]
        silent = np.ones(
            (len(columns), self.n_frames + 2),
            dtype=np.min_scalar_type(self.n_frames + 3),
        )
        silent[:, 1:-1] -= columns
        # sums[p, j + 1] counts the silent frames of column p before frame j.
        sums = np.zeros((len(columns), self.n_frames + 3), dtype=silent.dtype)
        np.cumsum(silent, axis=1, dtype=silent.dtype, out=sums[:, 1:])
        sums = sums.ravel()
        here = sums[self.before + 1]
        hits = here != sums[self.before]
        hits &= here == sums[self.must_last]
        hits &= here != sums[self.must_end]
        hits &= ~self.hopeless
        return hits


def _possible_frames(references, durations, n_frames, frame_hop):
    """(R, K) frames in which a compatible event begins, filled up with -1;

    (R,) first and last of the frames that may be its last one.
    """
    onset, offset = references["onset"][:, None], references["offset"][:, None]
    frames = np.arange(n_frames)
    begins = np.abs(onset - frames * frame_hop) <= COLLAR_SECONDS
    ends_at = np.minimum(
        (frames + 1) * frame_hop, durations[references["clip"], None]
    )
    collar = np.maximum(COLLAR_SECONDS, COLLAR_SHARE * (offset - onset))
    ends = np.abs(offset - ends_at) <= collar
    begins &= ends.any(axis=1)[:, None]
    width = int(begins.sum(axis=1).max(initial=0))
    first = np.full((len(onset), width), -1)
    rows, columns = np.nonzero(begins)
    first[rows, _positions(rows)] = columns
    last = n_frames - 1 - ends[:, ::-1].argmax(axis=1)
    return first, ends.argmax(axis=1), last


def _positions(groups):
    """Position of each item within its group; groups are sorted."""
    return np.arange(len(groups)) - np.searchsorted(groups, groups)


def _count(active):
    """(C,) number of true cells of each class."""
    return np.array([np.count_nonzero(block) for block in active])
