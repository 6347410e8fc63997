"""Where the counts behind PSDS change as the threshold falls.

A detection at a threshold is a run of frames whose scores lie above it. Over
all thresholds most of them repeat: a run appears where the threshold falls
below the smallest of its scores (its birth) and goes where it falls below the
larger of its two neighbours (its death), with which it then merges. So T
frames have at most T different runs, whatever the number of thresholds (the
components of a max-tree), and each is looked at once: failing it adds one
false positive from its birth to its death. Sorted births and deaths give the
counts at all thresholds (Ebbers, Serizel and Haeb-Umbach,
"Threshold-independent evaluation of sound event detection scores", ICASSP
2022).

With a list of thresholds a score is replaced by the number of thresholds that
it exceeds, and the criteria are psds_eval's, whose sums are repeated in its
own order and manner where they all but meet a criterion. Without a list the
thresholds are all distinct scores, and the criteria are those of
sed_scores_eval 0.0.4, which rounds times to a microsecond before it compares
them. Reference events of no length are left out, as psds_eval does
(sed_scores_eval would count each as found).

Authors
 * The speechbrain_mmsed authors, 2026
"""

from dataclasses import dataclass

import numpy as np

from speechbrain_mmsed.evaluation.counts.matching import (
    events_of_clips,
    reference_events,
)
from speechbrain_mmsed.evaluation.counts.psds_runs import (
    distinct_runs,
    median_scores,
)
from speechbrain_mmsed.evaluation.metrics.checks import check_same_clips

# Frames times classes of one batch, each counted again for every class that
# has events in its clip; bounds the memory. Any number gives the same counts.
CELLS = 1_000_000
DECIMALS = 6
# Seconds; sums this near to a criterion are added again in pandas' manner.
TIE = 1e-9


@dataclass
class Changes:
    """Changes of counts, each of one clip at one score.

    Arguments
    ---------
    clip, label, other : numpy.ndarray
        (K,) integers: index of the clip, of the class detected and of the
        class whose events were hit; `other` is C for false positives, and
        equals `label` for events found.
    level : numpy.ndarray
        (K,) score, or number of thresholds, below which the threshold falls.
    change : numpy.ndarray
        (K,) 1 or -1.
    """

    clip: np.ndarray
    label: np.ndarray
    other: np.ndarray
    level: np.ndarray
    change: np.ndarray


def count_changes(
    scores, truth, windows, scenarios, thresholds=None, clips_at_once=None
):
    """Changes of all counts, batch by batch.

    Arguments
    ---------
    scores : ClipScores
        Scores of N clips, those of the ground truth.
    truth : GroundTruth
        Reference events and durations.
    windows : numpy.ndarray
        (W, C) odd median windows in frames.
    scenarios : list of Scenario
        Parameters.
    thresholds : numpy.ndarray or None
        (P,) rising thresholds; all distinct scores if None.
    clips_at_once : int or None
        Most clips of a batch.

    Yields
    ------
    tuple
        Row of the windows, number of the scenario, Changes of some clips.
    """
    check_same_clips(scores, truth)
    events = reference_events(truth, scores.filenames, lasting=True)
    ends = np.array([truth.durations[name] for name in scores.filenames])
    n_frames, n_classes = scores.frame.shape[1:]
    frames = np.arange(n_frames + 1) * scores.frame_hop
    for batch in _batches(scores, events, clips_at_once):
        edges = np.minimum(frames, scores.durations[batch, None])
        reference = _Reference(
            events_of_clips(events, batch), edges, ends[batch], n_classes
        )
        inside = edges[:, :-1] < edges[:, 1:]
        frame = scores.frame[batch].astype(np.float64)
        if thresholds is not None:
            # More than i thresholds lie below p exactly where p > threshold i.
            frame = np.searchsorted(thresholds, frame).astype(np.float64)
            frame[frame == 0] = -np.inf
        for row, chosen in enumerate(windows):
            values = median_scores(frame, chosen)
            values[~inside] = -np.inf
            runs = _Runs(values, reference)
            for number, scenario in enumerate(scenarios):
                changes = _changes(
                    runs, reference, scenario, rounded=thresholds is None
                )
                changes.clip = changes.clip + batch.start
                yield row, number, changes


def _batches(scores, events, most):
    """Slices of clips of bounded size, at least one clip each."""
    n_clips, n_frames, n_classes = scores.frame.shape
    pairs = np.unique(events["clip"] * n_classes + events["label"])
    known = np.bincount(pairs // n_classes, minlength=n_clips)
    cells = np.cumsum(n_frames * n_classes * (1 + known))
    start = 0
    while start < n_clips:
        before = cells[start - 1] if start else 0
        stop = int(np.searchsorted(cells, before + CELLS, side="right"))
        stop = max(stop, start + 1)
        if most is not None:
            stop = min(stop, start + most)
        yield slice(start, min(stop, n_clips))
        start = stop


class _Reference:
    """Events of n clips; a pair is a clip and a class that has events in it."""

    def __init__(self, events, edges, ends, n_classes):
        self.edges, self.ends, self.n_classes = edges, ends, n_classes
        self.clip, self.label = events["clip"], events["label"]
        self.onset, self.offset = events["onset"], events["offset"]
        keys, pair, self.n_events = np.unique(
            self.clip * n_classes + self.label,
            return_inverse=True,
            return_counts=True,
        )
        self.first_event = np.cumsum(self.n_events) - self.n_events
        self.pair_label = keys % n_classes
        self.pair = np.full(len(edges) * n_classes, -1)
        self.pair[keys] = np.arange(len(keys))
        self.n_pairs = np.bincount(keys // n_classes, minlength=len(edges))
        self.first_pair = np.cumsum(self.n_pairs) - self.n_pairs
        # Seconds of each pair's events before each edge of its frames.
        self.before = np.zeros((len(keys), edges.shape[1]))
        seconds = edges[self.clip] - self.onset[:, None]
        length = self.offset - self.onset
        np.add.at(self.before, pair, np.clip(seconds, 0.0, length[:, None]))


class _Runs:
    """Runs of all thresholds of n clips, (E,) each; see `distinct_runs`."""

    def __init__(self, values, reference):
        n_clips, n_frames, n_classes = values.shape
        rows = values.transpose(0, 2, 1).reshape(-1, n_frames)
        row, self.first, self.past, self.birth, self.death = distinct_runs(rows)
        self.clip, self.label = np.divmod(row, n_classes)
        self.pair = reference.pair[row]
        self.on = reference.edges[self.clip, self.first]
        self.off = reference.edges[self.clip, self.past]


def _changes(runs, reference, scenario, rounded):
    """Changes of all counts under one scenario."""
    n_classes = reference.n_classes
    passed = np.zeros(len(runs.clip), dtype=bool)
    known = np.flatnonzero(runs.pair >= 0)
    passed[known] = _covered(
        runs,
        reference,
        known,
        runs.pair[known],
        scenario.detection_tolerance,
        rounded,
    )
    found = _events_found(
        runs, reference, np.flatnonzero(passed), scenario, rounded
    )
    failed = np.flatnonzero(~passed)
    alarms = failed[runs.on[failed] < reference.ends[runs.clip[failed]]]
    run, other = alarms, np.full(len(alarms), n_classes)
    if scenario.cross_trigger_cost > 0:
        clip = runs.clip[failed]
        crossed, pair = _expand(
            reference.first_pair[clip], reference.n_pairs[clip]
        )
        crossed = failed[crossed]
        apart = np.flatnonzero(pair != runs.pair[crossed])
        crossed, pair = crossed[apart], pair[apart]
        share = scenario.cross_trigger_tolerance
        hit = np.flatnonzero(
            _covered(runs, reference, crossed, pair, share, rounded)
        )
        run = np.concatenate([run, crossed[hit]])
        other = np.concatenate([other, reference.pair_label[pair[hit]]])
    ends = np.flatnonzero(runs.death[run] > -np.inf)
    ones = np.ones(len(run), dtype=np.int64)
    failures = [(runs.clip[run], runs.label[run], other, runs.birth[run], ones)]
    run, other = run[ends], other[ends]
    failures.append(
        (runs.clip[run], runs.label[run], other, runs.death[run], -ones[ends])
    )
    columns = zip(found, *failures, strict=True)
    return Changes(*(np.concatenate(column) for column in columns))


def _covered(runs, reference, run, pair, share, rounded):
    """Whether the events of a pair cover this share of a run, (K,)."""
    before = reference.before
    total = before[pair, runs.past[run]] - before[pair, runs.first[run]]
    least = share * (runs.off[run] - runs.on[run])
    if rounded:
        return np.round(total, DECIMALS) >= np.round(least, DECIMALS)
    enough = total >= least
    near = np.flatnonzero(np.abs(total - least) < TIE)
    run, pair = run[near], pair[near]
    row, event = _expand(reference.first_event[pair], reference.n_events[pair])
    seconds = _shared(runs, reference, run[row], event)
    meets = np.flatnonzero(seconds > 0)
    row, seconds = row[meets], seconds[meets]
    terms = seconds / (runs.off - runs.on)[run[row]]
    enough[near] = _compensated(row, terms, len(near)) >= share
    return enough


def _events_found(runs, reference, run, scenario, rounded):
    """Columns of `Changes`: enough of an event is, or is no longer, covered.

    Arguments as for `_changes`; `run` are those that passed.
    """
    pair = runs.pair[run]
    row, event = _expand(reference.first_event[pair], reference.n_events[pair])
    run = run[row]
    shared = _shared(runs, reference, run, event)
    meets = np.flatnonzero(shared > 0)
    run, event, shared = run[meets], event[meets], shared[meets]
    ends = np.flatnonzero(runs.death[run] > -np.inf)
    events = np.concatenate([event, event[ends]])
    level = np.concatenate([runs.birth[run], runs.death[run[ends]]])
    change = np.concatenate([shared, -shared[ends]])
    order = np.lexsort((-level, events))
    events, level, change = events[order], level[order], change[order]
    total = np.cumsum(change)
    begins = np.append(True, events[1:] != events[:-1])[: len(events)]
    starts = np.flatnonzero(begins)
    total -= (total[starts] - change[starts])[np.cumsum(begins) - 1]
    # Only the last of the changes at one score tells what is covered there.
    last = np.append(
        (events[1:] != events[:-1]) | (level[1:] != level[:-1]), True
    )
    last = np.flatnonzero(last[: len(events)])
    events, level, total = events[last], level[last], total[last]
    length = (reference.offset - reference.onset)[events]
    share = scenario.ground_truth_intersection
    least = share * length
    if rounded:
        hit = np.round(total, DECIMALS) >= np.round(least, DECIMALS)
    else:
        hit = total >= least
        near = np.flatnonzero(np.abs(total - least) < TIE)
        order = np.lexsort((runs.first[run], event))
        run, event, shared = run[order], event[order], shared[order]
        first = np.searchsorted(event, events[near])
        past = np.searchsorted(event, events[near], side="right")
        row, entry = _expand(first, past - first)
        alive = runs.birth[run[entry]] >= level[near][row]
        alive &= runs.death[run[entry]] < level[near][row]
        row, entry = row[alive], entry[alive]
        terms = shared[entry] / length[near][row]
        hit[near] = _compensated(row, terms, len(near)) >= share
    hit = hit.astype(np.int64)
    before = np.append(0, hit)[:-1]
    before[np.append(True, events[1:] != events[:-1])[: len(events)]] = 0
    moved = np.flatnonzero(hit != before)
    events = events[moved]
    label = reference.label[events]
    return (
        reference.clip[events],
        label,
        label,
        level[moved],
        (hit - before)[moved],
    )


def _shared(runs, reference, run, event):
    """Seconds that a run and an event share, negative where they do not."""
    return np.minimum(runs.off[run], reference.offset[event]) - np.maximum(
        runs.on[run], reference.onset[event]
    )


def _expand(first, number):
    """All of some ranges of indices: which range (K,) and index (K,)."""
    row = np.repeat(np.arange(len(number)), number)
    within = np.arange(len(row)) - (np.cumsum(number) - number)[row]
    return row, first[row] + within


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
