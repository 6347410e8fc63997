"""Annotations held against the measured clips, and what a manifest keeps.

Nothing is changed in silence: each correction is counted under its own name.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import math

import pandas as pd

from speechbrain_mmsed.dataio.corpus.matching import clip_stem
from speechbrain_mmsed.dataio.corpus.tables import EVENT_COLUMNS, check_labels

EVENT_CHECKS = (
    "empty_rows",  # rows without any content
    "incomplete",  # some, not all, of onset, offset, label are missing
    "unknown_label",  # dropped, only where that was asked for
    "without_sound",  # rows of clips that have no duration
    "onset_not_before_offset",
    "negative_clipped",
    "negative_dropped",
    "beyond_clipped",
    "beyond_dropped",
    "overlaps_merged",  # events that went into an earlier one
    "clips_without_events",
)


def check_events(table, labels, durations, tolerance=0.5, unknown="error"):
    """Checks events against the class labels and the measured clips.

    `table` is from `read_event_table`; `durations` holds the seconds of each
    filename, and rows of other clips are left out and counted. An event that
    leaves its clip by at most `tolerance` seconds is cut at the clip's edge,
    one that leaves it by more is dropped; annotations of real corpora end up
    to 0.12 s after the clip. For `unknown` see `check_labels`.

    Returns the clean table (clips in the old order, the events of each by
    onset, one row with empty cells for a clip without events), and for each
    of `EVENT_CHECKS` the number of events or clips.

    Example
    -------
    >>> table = pd.DataFrame(
    ...     [["a.wav", 0.0, 2.0, "Dog"], ["a.wav", 1.0, 10.1, "Dog"]],
    ...     columns=EVENT_COLUMNS)
    >>> clean, counts = check_events(table, ["Dog"], {"a.wav": 10.0})
    >>> clean.values.tolist()
    [['a.wav', 0.0, 10.0, 'Dog']]
    >>> counts["beyond_clipped"], counts["overlaps_merged"]
    (1, 1)
    """
    counts = dict.fromkeys(EVENT_CHECKS, 0)
    counts["empty_rows"] = int(table.attrs.get("empty_rows", 0))
    given = table["event_label"].map(lambda x: [] if pd.isna(x) else [x])
    counts["unknown_label"] = check_labels(
        given, labels, table.attrs.get("path", "events"), unknown
    )
    clips = {}
    for name, onset, offset, label in table[EVENT_COLUMNS].itertuples(
        index=False, name=None
    ):
        if name not in durations:
            counts["without_sound"] += 1
            continue
        events = clips.setdefault(name, {})
        missing = [pd.isna(x) for x in (onset, offset, label)]
        if any(missing):
            counts["incomplete"] += not all(missing)
        elif label in labels:
            event = _inside(onset, offset, durations[name], tolerance, counts)
            if event:
                events.setdefault(label, []).append(event)
    rows = []
    for name, events in clips.items():
        merged = []
        for label, spans in events.items():
            kept = _merge_overlaps(spans)
            counts["overlaps_merged"] += len(spans) - len(kept)
            merged += [(name, *span, label) for span in kept]
        counts["clips_without_events"] += not merged
        rows += sorted(merged, key=lambda row: row[1:]) or [
            (name, math.nan, math.nan, None)
        ]
    return pd.DataFrame(rows, columns=EVENT_COLUMNS), counts


def label_clips(part, subset, table, probes, settings):
    """Manifest of a Subset: the clips that can be used, with their labels.

    Their ids begin with the name of the `part`. `table` is from `read_clips`,
    `probes` are of its clips, `settings` those of `prepare_corpus`. Returns
    the manifest (clip id -> row), the table of checked events (None without
    events) and the number of each correction.
    """
    labels = settings["class_labels"]
    durations = {p.filename: p.sound.duration for p in probes if p.wav}
    events, tags, truth = {}, {name: set() for name in durations}, None
    if subset.labels == "events":
        truth, counts = check_events(
            table,
            labels,
            durations,
            settings["annotation_tolerance"],
            settings["unknown_labels"],
        )
        for name, *event in truth.dropna().itertuples(index=False, name=None):
            events.setdefault(name, []).append(event)
            tags[name].add(event[2])
    else:
        counts = {
            "empty_rows": table.attrs["empty_rows"],
            "repeated_clips": int(table["filename"].duplicated().sum()),
        }
    if subset.labels == "tags":
        counts["unknown_label"] = 0
        for name, given in zip(
            table["filename"], table["event_labels"], strict=True
        ):
            known = set(given) & set(labels)
            counts["unknown_label"] += len(set(given)) - len(known)
            if name in tags:
                tags[name] |= known
        # A weak clip without a tag says nothing; "no class at all" would be
        # a claim that nobody made.
        tagged = {name: found for name, found in tags.items() if found}
        counts["left_out_without_tags"] = len(tags) - len(tagged)
        tags = tagged
    manifest = {
        f"{part}/{clip_stem(p.filename)}": {
            "wav": p.wav,
            "filename": p.filename,
            "subset": subset.name,
            "duration": p.sound.duration,
            "events": events.get(p.filename, []),
            "tags": [x for x in labels if x in tags[p.filename]],
            "video": p.video,
            "video_status": p.video_status,
            "video_start": p.video_start,
        }
        for p in probes
        if p.filename in tags
    }
    return manifest, truth, counts


def _merge_overlaps(spans):
    """Unites (onset, offset) that overlap; those that only touch stay apart."""
    merged = []
    for onset, offset in sorted(spans):
        if merged and onset < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(offset, merged[-1][1]))
        else:
            merged.append((onset, offset))
    return merged


def _inside(onset, offset, duration, tolerance, counts):
    """The event cut to its clip, or None; counts what was done."""
    if onset >= offset:
        counts["onset_not_before_offset"] += 1
        return None
    if onset < -tolerance or offset <= 0.0:
        counts["negative_dropped"] += 1
        return None
    if offset > duration + tolerance or onset >= duration:
        counts["beyond_dropped"] += 1
        return None
    counts["negative_clipped"] += onset < 0.0
    counts["beyond_clipped"] += offset > duration
    return max(onset, 0.0), min(offset, duration)
