"""Which recordings serve what, and what is wrong with their labels.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import math

from corpus_split import draw_split

from speechbrain_mmsed.dataio.corpus.preparation_report import PrepareError
from speechbrain_mmsed.dataio.corpus.tables import AnnotationError

SUBSETS = ("strong", "weak", "unlabelled", "validation", "evaluation")


def known_labels(rows, settings):
    """The classes, those of the yaml or all that occur; and notes.

    With unknown_labels "drop" rows of other labels lose them.
    """
    found = sorted(set(rows["event_label"]) - {""})
    labels = list(settings["class_labels"] or found)
    if not found:
        raise PrepareError(f"{settings['table']}: no row has a label.")
    strange = ~rows["event_label"].isin([*labels, ""])
    if not strange.any():
        return labels, []
    first = rows[strange].iloc[0]
    told = f"{strange.sum()} rows have labels that class_labels lacks"
    if settings["unknown_labels"] != "drop":
        raise AnnotationError(
            f"{first['where']}: label {first['event_label']!r}, expected one "
            f"of {labels} ({told}). Correct the table or class_labels, or set "
            f"unknown_labels to drop."
        )
    rows.loc[strange, "event_label"] = ""
    rows.loc[strange, ["onset", "offset"]] = math.nan
    return labels, [f"{told}: left out"]


def check_missing(used, usable, missing, settings):
    """Notes on recordings that cannot be used; stops where they are many."""
    good = {r.name for r in usable}
    bad = [r for r in used if r.name not in good]
    names = missing + [f"{r.name} ({r.info.status})" for r in bad]
    n_named = len(used) + len(missing)
    told = f"{len(names)} of {n_named} recordings cannot be used"
    if len(names) > settings["max_missing_fraction"] * n_named:
        raise PrepareError(
            f"{told}, such as {', '.join(names[:3])}; {settings['data_folder']}"
            f" holds {', '.join(sorted(good)[:3]) or 'none'}. Correct names or "
            f"files, or set max_missing_fraction."
        )
    return [f"{told}: {', '.join(names[:10])}"] if names else []


def check_times(recordings):
    """Notes on events with wrong times; stops where most of them are beyond."""
    events = [(r, event) for r in recordings for event in r.events]
    beyond = [(r, e) for r, e in events if e[0] >= r.info.duration]
    if 2 * len(beyond) > len(events):
        recording, event = beyond[0]
        raise PrepareError(
            f"{len(beyond)} of {len(events)} events begin after the end of "
            f"their recordings, such as {event} in {recording.name} of "
            f"{recording.info.duration:.1f} s: are times in seconds, from the "
            f"beginning of each recording?"
        )
    backward = sum(onset >= offset for _, (onset, offset, _) in events)
    return [
        f"{number} events {what}: left out"
        for number, what in (
            (len(beyond), "begin after the end of their recording"),
            (backward, "end before they begin"),
        )
        if number
    ]


def divide(recordings, labels, settings):
    """Subset -> its recordings, where it has any; and notes.

    Arguments
    ---------
    recordings : list of Recording
        Those that can be used; get their split.
    labels : list of str
        The classes.
    settings : dict
        unlisted, validation_fraction and seed.
    """
    for r in recordings:
        r.listed = r.listed or settings["unlisted"] == "no_events"
    timed = any(r.events for r in recordings)
    # Clips of a corpus with times are evaluated by times.
    clear = [r for r in recordings if r.listed and not (timed and _weak(r))]
    if not any(r.split == "validation" for r in clear):
        free = [r for r in clear if r.split in ("", "train")]
        free = [r for r in free if not r.split] or free
        fraction = settings["validation_fraction"]
        draw_split(free, labels, fraction, settings["seed"])
    subsets, left_out = {name: [] for name in SUBSETS}, 0
    for r in recordings:
        r.split = r.split or "train"
        if not timed and r.split != "train":
            r.events = [(0.0, r.info.duration, tag) for tag in sorted(r.tags)]
        if not r.listed:
            subsets["unlabelled"].append(r)
        elif r.split == "train":
            subsets["weak" if not timed or _weak(r) else "strong"].append(r)
        elif timed and _weak(r):
            left_out += 1
        else:
            subsets[r.split].append(r)
    alone = not subsets["evaluation"]
    mixed = sum(bool(r.events and r.tags) for r in recordings) if timed else 0
    notes = {
        f"{mixed} recordings have labels with and without times: the latter "
        "are left out": mixed,
        f"{left_out} recordings for validation or evaluation have labels "
        "without times: left out": left_out,
        "no times of events in the tables: only labels of clips are learnt, "
        "and of the figures only CBF1 says something": not timed,
        "no evaluation set: tuning and test are one": alone,
    }
    subsets = {name: found for name, found in subsets.items() if found}
    return subsets, [note for note, holds in notes.items() if holds]


def lost_classes(subsets, labels):
    """Notes on classes that training or validation lacks."""
    notes = []
    parts = {"training": ("strong", "weak"), "validation": ("validation",)}
    for part, names in parts.items():
        held = {
            label
            for name in names
            for r in subsets.get(name, ())
            for label in [*r.tags, *(event[2] for event in r.events)]
        }
        lost = [label for label in labels if label not in held]
        if lost:
            notes.append(f"no recording for {part} has {', '.join(lost)}")
    return notes


def _weak(recording):
    """Whether labels of a recording are without times."""
    return bool(recording.tags) and not recording.events
