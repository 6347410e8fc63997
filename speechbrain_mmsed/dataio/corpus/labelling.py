"""From a table and what was measured to the entries of a manifest.

Authors
 * The speechbrain_mmsed authors, 2026
"""

from speechbrain_mmsed.dataio.corpus.annotations import (
    AnnotationError,
    check_events,
    check_labels,
    read_event_table,
    read_tag_table,
)
from speechbrain_mmsed.dataio.corpus.matching import clip_key, clip_stem


def read_clips(path, kind, labels, unknown="error"):
    """Reads a table of any kind; stops at unknown labels and doubled clips.

    Done for all subsets before the first sound is opened, so that a mistake
    in a table shows at once.

    Arguments
    ---------
    path : str
        The table.
    kind : str
        "events", "tags" or "none".
    labels : list of str
        Class labels.
    unknown : str
        "error" or "drop".

    Returns
    -------
    pandas.DataFrame
        As from `read_event_table` or `read_tag_table`.

    Raises
    ------
    AnnotationError
        Also if two names stand for one clip.
    """
    if kind == "events":
        table = read_event_table(path)
        given = table["event_label"].map(lambda label: [label] if label else [])
    elif kind in ("tags", "none"):
        table = read_tag_table(path, with_tags=kind == "tags")
        given = table["event_labels"]
    else:
        raise ValueError(f"labels is {kind!r}, expected events, tags or none.")
    check_labels(given, labels, path, unknown)
    names = {}
    for line, filename in table["filename"].items():
        other = names.setdefault(clip_key(filename), filename)
        if other != filename:
            raise AnnotationError(
                f"{path}, line {line}: {filename} is the same clip as {other}. "
                "Keep one name for it."
            )
    return table


def label_clips(subset, table, probes, kind, settings):
    """Manifest of a subset: the clips that can be used, with their labels.

    Arguments
    ---------
    subset : str
        Its name.
    table : pandas.DataFrame
        As from `read_clips`.
    probes : list of ClipProbe
        Of the clips of the table.
    kind : str
        "events", "tags" or "none".
    settings : dict
        class_labels, annotation_tolerance, unknown_labels.

    Returns
    -------
    manifest : dict
        clip id -> dict with wav, filename, subset, duration, events, tags,
        video, video_status, video_start.
    truth : pandas.DataFrame or None
        The checked events.
    counts : dict
        name of the check -> number.
    """
    labels = settings["class_labels"]
    durations = {p.filename: p.sound.duration for p in probes if p.wav}
    events, tags, truth = {}, {}, None
    if kind == "events":
        truth, counts = check_events(
            table,
            labels,
            durations,
            settings["annotation_tolerance"],
            settings["unknown_labels"],
        )
        for name, *event in truth.dropna().itertuples(index=False, name=None):
            events.setdefault(name, []).append(event)
        tags = {
            name: {e[2] for e in events.get(name, [])} for name in durations
        }
    else:
        counts = {
            "empty_rows": table.attrs["empty_rows"],
            "repeated_clips": int(table["filename"].duplicated().sum()),
        }
        if kind == "tags":
            tags, more = _tags(table, labels, durations)
            counts.update(more)
        else:
            tags = {name: set() for name in durations}
    manifest = {
        f"{subset}/{clip_stem(p.filename)}": {
            "wav": p.wav,
            "filename": p.filename,
            "subset": subset,
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


def _tags(table, labels, durations):
    """Tags of the clips that have sound and any tag; and counts."""
    tags, n_unknown = {}, 0
    for name, given in zip(
        table["filename"], table["event_labels"], strict=True
    ):
        known = set(given) & set(labels)
        n_unknown += len(set(given)) - len(known)
        if name in durations:
            tags.setdefault(name, set()).update(known)
    # A weak clip without a tag says nothing; "no class at all" would be a
    # claim that nobody made.
    untagged = [name for name, found in tags.items() if not found]
    for name in untagged:
        del tags[name]
    counts = {
        "unknown_label": n_unknown,
        "left_out_without_tags": len(untagged),
    }
    return tags, counts
