"""Which runs of frames find events, fail, or trigger across classes.

The three criteria of the polyphonic sound detection scores, applied to the
runs of all thresholds at once. See `psds_counts.py`.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import numpy as np

# Sums this near to a criterion are added again in pandas' manner.
TIE = 1e-9


class Criteria:
    """Counts of matched runs under one scenario.

    Arguments
    ---------
    tables : EventTables
        Shares of runs of a chunk of clips.
    scenario : Scenario
        The parameters.
    """

    def __init__(self, tables, scenario):
        self.tables = tables
        self.passing = tables.shares >= scenario.detection_tolerance
        self.crossing = None
        if scenario.cross_trigger_cost > 0:
            self.crossing = tables.shares >= scenario.cross_trigger_tolerance
            self.crossing[0] = False
        self.passing[0] = False
        self.coverage = scenario.ground_truth_intersection

    def count(self, clip, label, point, first, past, n_points):
        """Counts of E runs.

        Arguments
        ---------
        clip, label, point, first, past : numpy.ndarray
            (E,) each, as `RunFinder.events` orders them.
        n_points : int
            Number of thresholds P.

        Returns
        -------
        tuple of numpy.ndarray
            True positives (P, C), false positives (P, C), cross-triggers
            (P, C, C); the last are 0 where they cost nothing.
        """
        tables, n_classes = self.tables, self.tables.n_classes
        run = first * (tables.n_frames + 1) + past
        n_runs = tables.n_frames * (tables.n_frames + 1)
        pair = tables.pair[clip, label]
        passed = self.passing.reshape(-1)[pair * n_runs + run]
        tp = self._events_found(
            *(a[passed] for a in (clip, point, first, past, pair)), n_points
        )
        failed = np.flatnonzero(~passed)
        clip, run = clip[failed], run[failed]
        row = point[failed] * n_classes + label[failed]
        inside = tables.edges[clip, first[failed]] < tables.world[clip]
        fp = np.bincount(row[inside], minlength=n_points * n_classes)
        ct = np.zeros((n_points * n_classes, n_classes), dtype=np.int64)
        if self.crossing is not None:
            crossing = self.crossing.reshape(-1)
            for other in np.flatnonzero(tables.pair.any(axis=0)):
                pair = tables.pair[clip, other]
                at = np.flatnonzero(pair)
                at = at[crossing[pair[at] * n_runs + run[at]]]
                ct[:, other] = np.bincount(row[at], minlength=len(ct))
            own = np.arange(len(ct))
            ct[own, own % n_classes] = 0
        shape = (n_points, n_classes)
        return tp, fp.reshape(shape), ct.reshape(*shape, n_classes)

    def _events_found(self, clip, point, first, past, pair, n_points):
        """(P, C) events that passing runs cover well enough."""
        tables = self.tables
        n_events = len(tables.onset)
        found = np.zeros((n_points, tables.n_classes), dtype=np.int64)
        if not len(clip):
            return found
        # One entry for each passing run and event of its class and clip.
        number = tables.number[pair]
        run = np.repeat(np.arange(len(pair)), number)
        within = np.arange(len(run)) - np.repeat(
            np.cumsum(number) - number, number
        )
        event = tables.start[pair][run] + within
        on = tables.edges[clip, first][run]
        off = tables.edges[clip, past][run]
        begin, end = tables.onset[event], tables.offset[event]
        meets = np.flatnonzero((on < end) & (begin < off))
        event = event[meets]
        share = np.minimum(off[meets], end[meets])
        share -= np.maximum(on[meets], begin[meets])
        share /= tables.offset[event] - tables.onset[event]
        group = point[run[meets]] * n_events + event
        covered = np.bincount(group, share, minlength=n_points * n_events)
        near = np.abs(covered - self.coverage) < TIE
        if near.any():
            # Up to two terms there is only one way to add them.
            near &= np.bincount(group, minlength=len(near)) > 2
            for tied in np.flatnonzero(near):
                covered[tied] = _compensated(share[group == tied])
        hit = (covered >= self.coverage).reshape(n_points, n_events)
        for c in np.unique(tables.event_class):
            found[:, c] = hit[:, tables.event_class == c].sum(axis=1)
        return found


def _compensated(terms):
    """Kahan's sum, as pandas sums the terms of a group."""
    total = lost = 0.0
    for term in terms:
        value = term - lost
        after = total + value
        lost = (after - total) - value
        total = after
    return total
