"""Matching of predicted and reference events, batched and exact.

sed_eval finds the largest matching between the reference events of a clip
and class and the predicted ones. Here a walk through the references finds
the same number: each takes the earliest predicted event that it may have and
that comes after all taken before. Why this is enough:

The events of one class in one clip do not overlap, neither the references
(GroundTruth refuses that) nor the predictions (runs of frames), so both have
an order in time. Let r1 before r2 and e1 before e2, and let r1 be compatible
with e2 and r2 with e1. Then r1 is compatible with e1 and r2 with e2. For the
onsets this follows from the order, as the collar is the same for all. For
the offsets the collar of r is c(r) = max(0.2 s, 0.2 * length of r).
 * r1 and e1: if e1 ends after r1, it is nearer to r1's end than e2 is.
   Otherwise r2's end is at least as far from e1's end as r1's end is, and
   at least the length of r2, so c(r2) cannot be a share of its length: it
   is 0.2 s, which is at most c(r1).
 * r2 and e2: if e2 ends before r2, it is nearer to r2's end than e1 is.
   Otherwise r1's end is at least as far from e2's end as r2's end is. If
   c(r1) were more than 0.2 s, r1 would last more than 1 s, and e1, which
   begins within 0.2 s of r2, would begin more than 0.8 s after r1 began;
   e2 begins later still, and not within 0.2 s of r1. So c(r1) is 0.2 s,
   which is at most c(r2).
Hence some largest matching has no crossing, the predictions compatible with
a reference are consecutive, and first and last of them never decrease from
one reference to the next: the walk is optimal.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import numpy as np

from speechbrain_mmsed.evaluation.metrics.f1 import COLLAR_SECONDS, COLLAR_SHARE


class EventCounter:
    """Counts of events in a batch of clips.

    For each reference the few frames in which a compatible event may begin
    and the range of frames in which it may end are tabulated once, with the
    float64 arithmetic that sed_eval applies to decoded events.

    Arguments
    ---------
    references : dict
        Arrays of R events sorted by clip, class and onset: clip, label
        (indices), onset, offset (seconds).
    durations : numpy.ndarray
        (n,) seconds.
    n_classes : int
        Number of classes C.
    n_frames : int
        Number of frames T.
    frame_hop : float
        Seconds.

    Example
    -------
    >>> references = {
    ...     "clip": np.array([0]),
    ...     "label": np.array([0]),
    ...     "onset": np.array([1.0]),
    ...     "offset": np.array([2.0]),
    ... }
    >>> counter = EventCounter(references, np.array([2.5]), 1, 5, 0.5)
    >>> active = np.array([0, 0, 1, 1, 0], dtype=bool)[None, :, None]
    >>> [count.tolist() for count in counter.count(active)]
    [[1], [1]]
    """

    def __init__(self, references, durations, n_classes, n_frames, frame_hop):
        self.nref = np.bincount(references["label"], minlength=n_classes)
        self.n_frames = n_frames
        first, begin, end = _possible_frames(
            references, durations, n_frames, frame_hop
        )
        possible = (first >= 0).any(axis=1)
        label, clip = (
            references["label"][possible],
            references["clip"][possible],
        )
        self.first = first[possible]
        # A (clip, class) pair is one column of frames.
        pairs, pair = np.unique(clip * n_classes + label, return_inverse=True)
        self.pair_clip, self.pair_label = np.divmod(pairs, n_classes)
        self.label = label
        self.pair = pair
        begin, end = begin[possible, None], end[possible, None]
        row = pair[:, None] * (n_frames + 3)
        start = np.maximum(self.first, 0)
        self.before = row + start
        self.must_last = row + np.maximum(begin, start) + 2
        self.must_end = row + np.maximum(end, start) + 3
        # A run that begins after the last frame in which it may end.
        self.hopeless = (self.first < 0) | (start > end)
        self.ranks = _ranks(pair)

    def count(self, active):
        """Counts of one grid point.

        Arguments
        ---------
        active : numpy.ndarray
            (C, T, n) booleans, False past the clips' ends.

        Returns
        -------
        tuple
            (C,) true positives and (C,) predicted events.
        """
        begins = active.copy()
        begins[:, 1:] &= ~active[:, :-1]
        nsys = np.array([np.count_nonzero(block) for block in begins])
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
        return tp, nsys

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
    """Frames in which a compatible event begins, and its last frames.

    Arguments
    ---------
    references : dict
        R events.
    durations : numpy.ndarray
        (n,) seconds.
    n_frames : int
        Number of frames T.
    frame_hop : float
        Seconds.

    Returns
    -------
    first : numpy.ndarray
        (R, K) ascending frames, filled up with -1.
    begin, end : numpy.ndarray
        (R,) first and last of the frames that may be the event's last one;
        `first` is -1 throughout where there is none.
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
    starts = np.searchsorted(groups, groups)
    return np.arange(len(groups)) - starts


def _ranks(groups):
    """Indices of the first members of all groups, the second, and so on."""
    positions = _positions(groups)
    return [
        np.flatnonzero(positions == rank)
        for rank in range(int(positions.max(initial=-1)) + 1)
    ]
