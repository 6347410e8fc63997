"""Preparation of a corpus of one's own: any recordings, any table of labels.

Recordings and tables become, once, the subsets that the DESED recipe trains
on: recordings with times of events are "strong", those with labels alone
"weak", those in no table "unlabelled". Recordings longer than a clip are cut
into windows with their events, others are linked to. In
`<prepared_folder>/own_corpus`: <subset>/ with the clips, <subset>.tsv, and
own_corpus.json, which says what was found.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import functools
import os
import pathlib
import shutil

import pandas as pd
from corpus_sizes import default_clip_seconds, default_sample_rate
from corpus_subsets import (
    check_missing,
    check_times,
    divide,
    known_labels,
    lost_classes,
)
from corpus_tables import read_tables, table_files
from corpus_windows import events_in_windows, link, window_edges, write_windows
from recordings import describe, find_recordings, measure
from tqdm import tqdm
from unchanged import fingerprint

from speechbrain_mmsed.dataio.corpus.matching import clip_key
from speechbrain_mmsed.dataio.corpus.preparation_report import PrepareError
from speechbrain_mmsed.dataio.corpus.settings_folder import written_at_once
from speechbrain_mmsed.dataio.corpus.tables import (
    EVENT_COLUMNS,
    TAG_COLUMNS,
    write_table,
)
from speechbrain_mmsed.files import read_json
from speechbrain_mmsed.folders import locked

VERSION = 1  # raised when clips of earlier versions must be made anew
REPORT = "own_corpus.json"
UNLISTED = ("unlabelled", "no_events", "ignore")
# What the other settings follow from; others do not change the clips.
SETTINGS = (
    *("data_folder", "table", "evaluation_table", "columns", "class_labels"),
    *("unknown_labels", "unlisted", "validation_fraction", "seed"),
    *("max_missing_fraction", "sample_rate", "clip_seconds"),
)


def prepare_own_corpus(settings, prepared_folder):
    """Converts a corpus; nothing if it is there already.

    Arguments
    ---------
    settings : dict
        Of hparams/own_corpus.yaml, `SETTINGS` at least.
    prepared_folder : str
        Gets the folder own_corpus.

    Returns
    -------
    dict
        class_labels, sample_rate and clip_seconds of the corpus; subsets:
        for each that has clips their number, recordings, events and seconds;
        notes: what was done that is worth a word.
    """
    settings = {key: settings[key] for key in SETTINGS}
    _check(settings)
    tables, evaluation = (
        [table] if isinstance(table, str) else list(table or [])
        for table in (settings["table"], settings["evaluation_table"])
    )
    walk = [where for where, *_ in os.walk(settings["data_folder"])]
    files = [f for source in tables + evaluation for f in table_files(source)]
    mark = fingerprint({**settings, "version": VERSION}, files, walk)
    folder = os.path.join(prepared_folder, "own_corpus")
    with locked(os.path.join(prepared_folder, ".own_corpus.lock")):
        path = os.path.join(folder, REPORT)
        if os.path.isfile(path):
            report = read_json(path)
            if report.get("fingerprint") == mark:
                return report
            shutil.rmtree(folder)
        rows = read_tables(tables, settings["columns"])
        if evaluation:
            more = read_tables(evaluation, settings["columns"])
            more["split"] = "evaluation"
            rows = pd.concat([rows, more], ignore_index=True)
        report = _convert(settings, rows, folder, mark)
    print(report_text(report), flush=True)
    return report


def report_text(report):
    """The report for the screen: a table of the subsets, and the notes."""
    table = pd.DataFrame.from_dict(report["subsets"], orient="index")
    labels = report["class_labels"]
    return "\n".join(
        [
            f"{len(labels)} classes: {', '.join(labels)}",
            table.to_string(),
            *(f"- {note}" for note in report["notes"]),
        ]
    )


def _check(settings):
    """Stops at values that no corpus has."""
    if not settings["table"]:
        raise PrepareError("table is missing: give it by --table TABLE.")
    if not os.path.isdir(settings["data_folder"] or ""):
        raise PrepareError(
            f"data_folder {settings['data_folder']} is no folder: give that "
            f"of the recordings by --data_folder RECORDINGS."
        )
    if settings["unlisted"] not in UNLISTED:
        raise PrepareError(
            f"unlisted is {settings['unlisted']!r}, expected one of {UNLISTED}."
        )


def _convert(settings, rows, folder, mark):
    """Reads all recordings and writes the clips; returns the report."""
    labels, notes = known_labels(rows, settings)
    recordings = find_recordings(settings["data_folder"])
    missing = describe(recordings, rows)
    used = [r for r in recordings if r.listed]
    if settings["unlisted"] != "ignore":
        used = recordings
    usable = measure(used)
    notes += check_missing(used, usable, missing, settings)
    notes += check_times(usable)
    subsets, more = divide(usable, labels, settings)
    seconds = settings["clip_seconds"] or default_clip_seconds(
        r.info.duration for r in usable
    )
    report = {
        "fingerprint": mark,
        "class_labels": labels,
        "sample_rate": settings["sample_rate"]
        or default_sample_rate(r.info.sample_rate for r in usable),
        "clip_seconds": seconds,
        "subsets": {
            name: {
                "recordings": len(members),
                "clips": sum(len(_edges(r, seconds)) - 1 for r in members),
                "events": sum(len(r.events) for r in members),
                "seconds": round(sum(r.info.duration for r in members), 1),
            }
            for name, members in subsets.items()
        },
        "notes": notes + more + lost_classes(subsets, labels),
    }
    cut = sum(len(_edges(r, seconds)) > 2 for r in subsets.get("weak", ()))
    if cut:
        report["notes"].append(
            f"{cut} recordings with labels alone are longer than a clip: each "
            f"of their windows has all of their labels"
        )
    with written_at_once(pathlib.Path(folder), report, REPORT) as partial:
        for name, members in subsets.items():
            _write_subset(partial, name, members, seconds)
    return report


def _edges(recording, clip_seconds):
    """Where a recording is cut."""
    return window_edges(recording.info.duration, clip_seconds)


def _write_subset(folder, subset, recordings, clip_seconds):
    """Writes clips and table of a subset."""
    names, rows, tags = set(), [], []
    for r in tqdm(recordings, f"clips, {subset}", disable=None):
        edges = _edges(r, clip_seconds)
        stem = _free_name(os.path.splitext(r.name)[0].replace("/", "__"), names)
        ending = os.path.splitext(r.path)[1].lower()
        clips = [stem + ending]
        target = functools.partial(os.path.join, folder, subset)
        if len(edges) > 2:
            pairs = zip(edges[:-1], edges[1:], strict=True)
            clips = [f"{stem}_{a:.3f}_{b:.3f}.flac" for a, b in pairs]
            write_windows(r.path, edges, list(map(target, clips)))
        else:
            link(r.path, target(clips[0]))
        proper = [e for e in r.events if e[0] < e[1]]
        for clip, events in zip(
            clips, events_in_windows(proper, edges), strict=True
        ):
            rows += [(clip, *e) for e in events] or [(clip, None, None, None)]
            tags.append((clip, ",".join(sorted(r.tags))))
    table = pd.DataFrame(rows, columns=EVENT_COLUMNS)
    if subset in ("weak", "unlabelled"):
        table = pd.DataFrame(tags, columns=TAG_COLUMNS)
    write_table(table, os.path.join(folder, f"{subset}.tsv"))


def _free_name(stem, names):
    """A name that no other clip has, in any case; `names` gets its keys."""
    number, name = 1, stem
    while names & (keys := {clip_key(f"{name}.wav"), name.casefold()}):
        number += 1
        name = f"{stem}~{number}"
    names |= keys
    return name
