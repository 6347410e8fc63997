"""What the reference of a few clips says of every possible run of frames.

A detection made of T frames is one of T (T + 1) / 2 runs, whatever threshold
and window it came from, so the share of it that events cover is looked up.
See `psds_counts.py`.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import numpy as np

TABLE_CELLS = 4_000_000
ROLL_CELLS = 4_000_000


def clip_chunks(scores, truth, n_points):
    """Ranges of clips whose tables and rolls have a bounded size.

    Arguments
    ---------
    scores : ClipScores
        Scores of N clips.
    truth : GroundTruth
        Reference events.
    n_points : int
        Number of thresholds.

    Yields
    ------
    slice
        Clips of the next chunk; at least one.
    """
    n_clips, n_frames, n_classes = scores.frame.shape
    pairs = truth.events[["filename", "event_label"]].drop_duplicates()
    known = pairs["filename"].value_counts()
    tables = [int(known.get(name, 0)) + 1 for name in scores.filenames]
    roll = n_classes * n_points * n_frames
    start = cells = 0
    for clip in range(n_clips):
        cells += tables[clip] * n_frames * (n_frames + 1)
        size = clip + 1 - start
        if size > 1 and (cells > TABLE_CELLS or size * roll > ROLL_CELLS):
            yield slice(start, clip)
            start, cells = clip, tables[clip] * n_frames * (n_frames + 1)
    if n_clips:
        yield slice(start, n_clips)


class EventTables:
    """Share of each run of frames that the events of each class cover.

    Arguments
    ---------
    scores : ClipScores
        Scores of all clips.
    truth : GroundTruth
        Reference events.
    clips : slice
        The n clips of this chunk.
    """

    def __init__(self, scores, truth, clips):
        names = scores.filenames[clips]
        durations = scores.durations[clips]
        self.n_frames, self.n_classes = scores.frame.shape[1:]
        frames = np.arange(self.n_frames + 1) * scores.frame_hop
        self.edges = np.minimum(frames, durations[:, None])
        self.world = np.array([truth.durations[name] for name in names])
        self._sort_events(names, truth)
        self.shares = self._shares()

    def _sort_events(self, names, truth):
        """Events in order of clip, class and onset; pairs that have any."""
        events = truth.events
        events = events[
            (events["offset"] > events["onset"])
            & events["filename"].isin(names)
        ]
        position = {name: i for i, name in enumerate(names)}
        index = {label: c for c, label in enumerate(truth.labels)}
        clip = events["filename"].map(position).to_numpy(dtype=np.int64)
        label = events["event_label"].map(index).to_numpy(dtype=np.int64)
        key = clip * self.n_classes + label
        onset = events["onset"].to_numpy(dtype=np.float64)
        offset = events["offset"].to_numpy(dtype=np.float64)
        order = np.lexsort((onset, key))
        self.onset, self.offset = onset[order], offset[order]
        self.event_class = label[order]
        keys, self.start, self.number = np.unique(
            key[order], return_index=True, return_counts=True
        )
        # Pair 0 stands for "no event of this class in this clip".
        self.pair = np.zeros((len(names), self.n_classes), dtype=np.int64)
        self.pair.reshape(-1)[keys] = np.arange(1, len(keys) + 1)
        self.start = np.concatenate([[0], self.start])
        self.number = np.concatenate([[0], self.number])
        self.pair_clip = np.concatenate([[0], keys // self.n_classes])

    def _shares(self):
        """(pairs, T, T + 1) share of run [first, past) under events.

        The terms are summed in order of onset with Kahan's compensation, as
        pandas sums groups; a run that ends before it begins has no meaning.
        """
        edges = self.edges[self.pair_clip] if len(self.edges) else []
        if not len(edges):
            return np.zeros((1, self.n_frames, self.n_frames + 1))
        onset, offset = edges[:, :-1, None], edges[:, None, :]
        total = np.zeros((len(edges), self.n_frames, self.n_frames + 1))
        lost = np.zeros_like(total)
        for rank in range(self.number.max(initial=0)):
            rows = np.flatnonzero(self.number > rank)
            event = self.start[rows] + rank
            begin = self.onset[event][:, None, None]
            end = self.offset[event][:, None, None]
            on, off = onset[rows], offset[rows]
            meets = (on < end) & (begin < off) & (on < off)
            term = np.minimum(off, end) - np.maximum(on, begin)
            term /= np.where(meets, off - on, 1.0)
            _add(total, lost, rows, term, meets)
        return total

    def known(self, clip, label, point, first, past):
        """Runs that are events: those that begin before their clip ends.

        Arguments
        ---------
        clip, label, point, first, past : numpy.ndarray
            (E,) each, as `RunFinder.events` returns.

        Returns
        -------
        tuple of numpy.ndarray
            The same for the remaining runs.
        """
        keep = self.edges[clip, first] < self.edges[clip, past]
        if keep.all():
            return clip, label, point, first, past
        return tuple(a[keep] for a in (clip, label, point, first, past))


def _add(total, lost, rows, term, meets):
    """One step of Kahan's summation for the rows and cells that meet."""
    before = total[rows]
    value = term - lost[rows]
    after = before + value
    total[rows] = np.where(meets, after, before)
    lost[rows] = np.where(meets, (after - before) - value, lost[rows])
