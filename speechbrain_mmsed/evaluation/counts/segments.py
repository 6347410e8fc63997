"""Counting active segments, batched and exact.

sed_eval's rule: an event is active in the segments floor(onset) to
ceil(offset) - 1. A run of frames covers consecutive segments, so a segment
is active where any of the frames that touch it is.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import numpy as np

from speechbrain_mmsed.evaluation.metrics.f1 import SEGMENT_SECONDS


class SegmentCounter:
    """Counts of active segments in a batch of clips, as sed_eval.

    Arguments
    ---------
    references : dict
        Arrays of R events: clip, label (indices), onset, offset (seconds).
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
    ...     "onset": np.array([1.2]),
    ...     "offset": np.array([2.0]),
    ... }
    >>> counter = SegmentCounter(references, np.array([2.5]), 1, 5, 0.5)
    >>> active = np.array([0, 0, 0, 1, 1], dtype=bool)[None, :, None]
    >>> [count.tolist() for count in counter.count(active)]
    [[1], [2]]
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
        self.nref = self.reference.sum(axis=(1, 2))

    def count(self, active):
        """Counts of one grid point.

        Arguments
        ---------
        active : numpy.ndarray
            (C, T, n) booleans, False past the clips' ends.

        Returns
        -------
        tuple
            (C,) true positives and (C,) predicted segments.
        """
        system = np.empty_like(self.reference)
        for segment, frames in enumerate(self.slices):
            np.any(active[:, frames], axis=1, out=system[:, segment])
        system &= self.inside
        nsys = np.array([np.count_nonzero(block) for block in system])
        system &= self.reference
        return np.array([np.count_nonzero(block) for block in system]), nsys
