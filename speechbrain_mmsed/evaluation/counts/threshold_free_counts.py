"""Where the counts behind PSDS change as the threshold falls.

The criteria are those of sed_scores_eval 0.0.4 (Ebbers, Serizel and
Haeb-Umbach, "Threshold-independent evaluation of sound event detection
scores", ICASSP 2022), which rounds times to a microsecond before it compares
them; psds_eval compares shares without rounding. The two differ only where a
criterion is met exactly. One thing is kept as psds_eval has it: reference
events of no length are left out (sed_scores_eval would count each as found).

Each run of frames is looked at once: failing it adds one false positive from
its birth to its death, so sorted births and deaths give the counts at all
thresholds. For an event the share that passing runs cover is summed in the
same manner.

Authors
 * The speechbrain_mmsed authors, 2026
"""

from dataclasses import dataclass

import numpy as np

from speechbrain_mmsed.evaluation.counts.threshold_free_runs import (
    distinct_runs,
)

DECIMALS = 6


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
        (K,) score below which the threshold falls.
    change : numpy.ndarray
        (K,) 1 or -1.
    """

    clip: np.ndarray
    label: np.ndarray
    other: np.ndarray
    level: np.ndarray
    change: np.ndarray


def count_changes(values, edges, events, scenario):
    """Changes of all counts in a batch of clips.

    Arguments
    ---------
    values : numpy.ndarray
        (n, T, C) filtered scores, minus infinity past a clip's end.
    edges : numpy.ndarray
        (n, T + 1) times of the frames' edges in seconds, cut at the end.
    events : dict
        Arrays of R reference events in order of clip: clip, label, onset,
        offset.
    scenario : Scenario
        The parameters.

    Returns
    -------
    Changes
    """
    n_clips, n_frames, n_classes = values.shape
    rows = values.transpose(0, 2, 1).reshape(n_clips * n_classes, n_frames)
    row, first, past, birth, death = distinct_runs(rows)
    clip, label = np.divmod(row, n_classes)
    on, off = edges[clip, first], edges[clip, past]
    run, event = _pairs(clip, events["clip"], n_clips)
    if scenario.cross_trigger_cost == 0:
        own = events["label"][event] == label[run]
        run, event = run[own], event[own]
    shared = np.minimum(off[run], events["offset"][event])
    shared -= np.maximum(on[run], events["onset"][event])
    shared = np.maximum(shared, 0.0)
    cell = run * n_classes + events["label"][event]
    covered = np.bincount(cell, shared, minlength=len(row) * n_classes)
    covered = np.round(covered.reshape(-1, n_classes), DECIMALS)
    own = covered[np.arange(len(row)), label]
    passed = own >= _share(scenario.detection_tolerance, off - on)
    found = _events_found(
        passed[run] & (events["label"][event] == label[run]) & (shared > 0),
        (run, event, shared),
        (birth, death),
        events,
        scenario,
    )
    failed = np.flatnonzero(~passed)
    alarms = (failed, np.full(len(failed), n_classes))
    crossed = (failed[:0], failed[:0])
    if scenario.cross_trigger_cost > 0:
        known = np.zeros((n_clips, n_classes), dtype=bool)
        known[events["clip"], events["label"]] = True
        least = _share(scenario.cross_trigger_tolerance, off - on)
        hit = (covered >= least[:, None]) & known[clip]
        hit &= ~passed[:, None]
        hit[np.arange(len(row)), label] = False
        crossed = np.nonzero(hit)
    run = np.concatenate([alarms[0], crossed[0]])
    other = np.concatenate([alarms[1], crossed[1]])
    begins = Changes(
        clip[run], label[run], other, birth[run], np.ones(len(run))
    )
    ends = np.flatnonzero(death[run] > -np.inf)
    run, other = run[ends], other[ends]
    ends = Changes(clip[run], label[run], other, death[run], -np.ones(len(run)))
    return join([found, begins, ends])


def join(parts):
    """Several Changes as one.

    Arguments
    ---------
    parts : list of Changes
        At least one.

    Returns
    -------
    Changes
    """
    return Changes(
        *(
            np.concatenate([getattr(part, name) for part in parts])
            for name in Changes.__dataclass_fields__
        )
    )


def _share(share, seconds):
    """What a criterion asks for, in rounded seconds."""
    return np.round(share * seconds, DECIMALS)


def _pairs(run_clip, event_clip, n_clips):
    """Indices of every run with every event of the same clip."""
    number = np.bincount(event_clip, minlength=n_clips)
    start = np.cumsum(number) - number
    count = number[run_clip]
    run = np.repeat(np.arange(len(run_clip)), count)
    within = np.arange(len(run)) - np.repeat(np.cumsum(count) - count, count)
    return run, start[run_clip][run] + within


def _events_found(chosen, pairs, life, events, scenario):
    """Changes where enough of an event is, or is no longer, covered."""
    run, event, shared = (values[chosen] for values in pairs)
    birth, death = (levels[run] for levels in life)
    ends = np.flatnonzero(death > -np.inf)
    event = np.concatenate([event, event[ends]])
    level = np.concatenate([birth, death[ends]])
    change = np.concatenate([shared, -shared[ends]])
    order = np.lexsort((-level, event))
    event, level, change = event[order], level[order], change[order]
    total = np.cumsum(change)
    starts = np.flatnonzero(_begins(event))
    number = np.cumsum(_begins(event)) - 1
    total -= (total[starts] - change[starts])[number]
    # Only the last of the changes at one score tells what is covered there.
    last = np.append(
        (event[1:] != event[:-1]) | (level[1:] != level[:-1]), True
    )
    last = np.flatnonzero(last[: len(event)])
    event, level, total = event[last], level[last], total[last]
    length = events["offset"][event] - events["onset"][event]
    least = _share(scenario.ground_truth_intersection, length)
    hit = (np.round(total, DECIMALS) >= least).astype(np.int64)
    before = np.append(0, hit)[:-1]
    before[_begins(event)] = 0
    moved = np.flatnonzero(hit != before)
    event, label = event[moved], events["label"][event[moved]]
    return Changes(
        events["clip"][event],
        label,
        label,
        level[moved],
        (hit - before)[moved].astype(np.float64),
    )


def _begins(groups):
    """Where another group begins; the groups are sorted."""
    return np.append(True, groups[1:] != groups[:-1])[: len(groups)]
