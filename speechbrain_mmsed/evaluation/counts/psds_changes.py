"""Where the counts behind PSDS change as the threshold falls.

A run of frames appears where the threshold falls below the smallest of its
scores (its birth) and goes where it merges with another, below the larger of
its two neighbours (its death). So T frames have at most T runs, whatever the
number of thresholds, and each is matched once (Ebbers, Serizel and
Haeb-Umbach, ICASSP 2022).

With a list of thresholds a score becomes the number of thresholds that it
exceeds, and the criteria are psds_eval's, whose sums are repeated in its own
order where they all but meet a criterion. Without a list every distinct score
is a threshold, and the criteria are those of sed_scores_eval 0.0.4, which
rounds times to a microsecond. Events of no length are left out.

Authors
 * The speechbrain_mmsed authors, 2026
"""

from collections import namedtuple

import numpy as np

from speechbrain_mmsed.evaluation.counts.matching import (
    events_of_clips,
    reference_events,
)
from speechbrain_mmsed.evaluation.metrics.truth import check_same_clips
from speechbrain_mmsed.postprocessing.decode import frames_inside
from speechbrain_mmsed.postprocessing.runs import distinct_runs, median_scores

# Bounds a batch: frames times classes, again for each class with events.
CELLS = 1_000_000
DECIMALS = 6
# Seconds; sums this near to a criterion are added again in pandas' manner.
TIE = 1e-7
# (K,) each: clip, class detected, class whose events were hit (C for false
# positives, `label` for events found), score below which the threshold falls
# (or number of thresholds), and 1 or -1.
Changes = namedtuple("Changes", "clip label other level change")


def count_changes(scores, truth, windows, scenarios, thresholds=None):
    """Changes of all counts, for each batch of clips, windows and scenario.

    Yields the row of the windows (W, C), the number of the scenario and
    Changes. The thresholds rise; without any, every score is one.
    """
    check_same_clips(scores, truth)
    events = reference_events(truth, scores.filenames, lasting=True)
    ends = np.array([truth.durations[name] for name in scores.filenames])
    _, n_frames, n_classes = scores.frame.shape
    hop = scores.frame_hop
    for clips in _batches(scores.frame.shape, events):
        durations = scores.durations[clips]
        edges = np.minimum(np.arange(n_frames + 1) * hop, durations[:, None])
        some = events_of_clips(events, clips)
        batch = _Batch(some, edges, ends[clips], thresholds is None, n_classes)
        inside = frames_inside(durations, n_frames, hop)
        frame = scores.frame[clips].astype(np.float64)
        if thresholds is not None:
            # More than i thresholds lie below p exactly where p > threshold i.
            frame = np.searchsorted(thresholds, frame).astype(np.float64)
            frame[frame == 0] = -np.inf
        for row, chosen in enumerate(windows):
            values = median_scores(frame, chosen)
            values[~inside] = -np.inf
            batch.find_runs(values)
            for number, scenario in enumerate(scenarios):
                changes = batch.changes(scenario)
                clip = changes.clip + clips.start
                yield row, number, changes._replace(clip=clip)


def _batches(shape, events):
    """Slices of clips of bounded size, at least one clip each."""
    n_clips, n_frames, n_classes = shape
    pairs = np.unique(events["clip"] * n_classes + events["label"])
    known = np.bincount(pairs // n_classes, minlength=n_clips)
    cells = np.append(0, np.cumsum(n_frames * n_classes * (1 + known)))
    start = 0
    while start < n_clips:
        past = np.searchsorted(cells, cells[start] + CELLS, side="right") - 1
        past = max(int(past), start + 1)
        yield slice(start, past)
        start = past


class _Batch:
    """Events and runs of n clips; a pair is a clip and a class with events."""

    def __init__(self, events, edges, ends, rounded, n_classes):
        self.edges, self.ends, self.n_classes = edges, ends, n_classes
        self.rounded = rounded
        self.event_clip, self.event_label = events["clip"], events["label"]
        self.onset, self.offset = events["onset"], events["offset"]
        self.length = self.offset - self.onset
        keys, pair, self.n_events = np.unique(
            self.event_clip * n_classes + self.event_label,
            return_inverse=True,
            return_counts=True,
        )
        self.pair_label = keys % n_classes
        self.pair_of_row = np.full(len(edges) * n_classes, -1)
        self.pair_of_row[keys] = np.arange(len(keys))
        self.n_pairs = np.bincount(keys // n_classes, minlength=len(edges))
        # Seconds of each pair's events before each edge of its frames.
        self.before = np.zeros((len(keys), edges.shape[1]))
        seconds = edges[self.event_clip] - self.onset[:, None]
        np.add.at(self.before, pair, np.clip(seconds, 0, self.length[:, None]))

    def find_runs(self, values):
        """Take the runs of (n, T, C) scores."""
        rows = values.swapaxes(1, 2).reshape(-1, values.shape[1])
        row, self.first, self.past, self.birth, self.death = distinct_runs(rows)
        self.clip, self.label = np.divmod(row, self.n_classes)
        self.pair = self.pair_of_row[row]
        self.on = self.edges[self.clip, self.first]
        self.off = self.edges[self.clip, self.past]

    def changes(self, scenario):
        """Changes under one scenario."""
        passed = self.pair >= 0
        own = np.flatnonzero(passed)
        share = scenario.detection_tolerance
        passed[own] = self._covered(own, self.pair[own], share)
        share = scenario.ground_truth_intersection
        found = self._events_found(np.flatnonzero(passed), share)
        failed = np.flatnonzero(~passed)
        run = failed[self.on[failed] < self.ends[self.clip[failed]]]
        other = np.full(len(run), self.n_classes)
        if scenario.cross_trigger_cost > 0:
            row, pair = _expand(self.n_pairs, self.clip[failed])
            apart = np.flatnonzero(pair != self.pair[failed[row]])
            crossed, pair = failed[row[apart]], pair[apart]
            share = scenario.cross_trigger_tolerance
            hit = np.flatnonzero(self._covered(crossed, pair, share))
            run = np.append(run, crossed[hit])
            other = np.append(other, self.pair_label[pair[hit]])
        run, other, level, change = self._lives(run, other, run * 0 + 1)
        failures = self.clip[run], self.label[run], other, level, change
        return Changes(*map(np.append, found, failures))

    def _lives(self, run, of, change):
        """Births and deaths of runs: run, `of`, level and change of each."""
        ends = np.flatnonzero(self.death[run] > -np.inf)
        level = self.birth[run], self.death[run[ends]]
        pairs = (run, run[ends]), (of, of[ends]), level, (change, -change[ends])
        return [np.concatenate(pair) for pair in pairs]

    def _shared(self, run, event):
        """Seconds that a run and an event share; negative if none."""
        end = np.minimum(self.off[run], self.offset[event])
        return end - np.maximum(self.on[run], self.onset[event])

    def _covered(self, run, pair, share):
        """(K,) whether the events of a pair cover this share of a run."""
        total = self.before[pair, self.past[run]]
        total -= self.before[pair, self.first[run]]
        length = self.off[run] - self.on[run]

        def again(near):
            row, event = _expand(self.n_events, pair[near])
            shared = self._shared(run[near][row], event)
            meets = shared > 0
            return row[meets], (shared / length[near][row])[meets]

        return self._enough(total, share, length, again)

    def _events_found(self, run, share):
        """Columns of Changes: enough of an event is, or no longer, covered."""
        row, event = _expand(self.n_events, self.pair[run])
        run = run[row]
        shared = self._shared(run, event)
        order = np.lexsort((self.first[run], event))
        order = order[shared[order] > 0]
        run, event, shared = run[order], event[order], shared[order]
        _, events, level, change = self._lives(run, event, shared)
        order = np.lexsort((-level, events))
        events, level, change = events[order], level[order], change[order]
        # All changes of an event at one score together.
        starts = np.flatnonzero(_differs(events) | _differs(level))
        events, level = events[starts], level[starts]
        change = np.add.reduceat(change, starts)
        begins = np.flatnonzero(_differs(events))
        total = np.cumsum(change)
        before = (total - change)[begins]
        total -= np.repeat(before, np.diff(np.append(begins, len(events))))
        length = self.length[events]

        def again(near):
            number = np.bincount(event, minlength=len(self.length))
            row, entry = _expand(number, events[near])
            at, alive = level[near][row], run[entry]
            alive = (self.birth[alive] >= at) & (self.death[alive] < at)
            row, entry = row[alive], entry[alive]
            return row, shared[entry] / length[near][row]

        hit = self._enough(total, share, length, again) + 0
        change = np.diff(hit, prepend=0)
        change[begins] = hit[begins]
        moved = np.flatnonzero(change)
        event = events[moved]
        clip, label = self.event_clip[event], self.event_label[event]
        return clip, label, label, level[moved], change[moved]

    def _enough(self, total, share, length, again):
        """Whether seconds reach a share of a length; close ones again."""
        least = share * length
        if self.rounded:
            return np.round(total, DECIMALS) >= np.round(least, DECIMALS)
        enough = total >= least
        near = np.flatnonzero(np.abs(total - least) < TIE)
        group, terms = again(near)
        enough[near] = _compensated(group, terms, len(near)) >= share
        return enough


def _expand(number, chosen):
    """Members of chosen groups: which choice, and place in the list of all."""
    count = number[chosen]
    row = np.repeat(np.arange(len(count)), count)
    within = np.arange(len(row)) - (np.cumsum(count) - count)[row]
    return row, (np.cumsum(number) - number)[chosen][row] + within


def _differs(values):
    """Where a value differs from the one before, as the first one does."""
    return np.append(True, values[1:] != values[:-1])[: len(values)]


def _compensated(group, terms, n_groups):
    """Kahan's sum of each group, as pandas sums; the groups are sorted."""
    total, lost = np.zeros(n_groups), np.zeros(n_groups)
    rank = np.arange(len(group)) - np.searchsorted(group, group)
    for r in range(rank.max(initial=-1) + 1):
        at = np.flatnonzero(rank == r)
        here = group[at]
        value = terms[at] - lost[here]
        after = total[here] + value
        lost[here] = (after - total[here]) - value
        total[here] = after
    return total
