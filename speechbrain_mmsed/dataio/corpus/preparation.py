"""From the folders of a corpus to manifests, for any corpus with subsets.

A recipe says which subsets there are and where; this file reads the tables,
opens every sound and film once, checks the annotations against what was
measured, and writes manifests, ground truth and a report. The report is
written last: without it a preparation counts as unfinished.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import contextlib
import dataclasses
import os
import textwrap

import pandas as pd

from speechbrain_mmsed.dataio.corpus.annotations import label_clips
from speechbrain_mmsed.dataio.corpus.matching import match_files
from speechbrain_mmsed.dataio.corpus.preparation_report import (
    PrepareError,
    check_missing,
    check_settings,
    report_text,
    surprises,
    write_wanted,
)
from speechbrain_mmsed.dataio.corpus.probe import probe_subset
from speechbrain_mmsed.dataio.corpus.tables import read_clips, write_table
from speechbrain_mmsed.files import read_json, write_json, write_text

REPORT_FILE = "prepare_report.json"
SETTINGS = {
    "clip_seconds": 10.0,  # nominal length; others are counted
    "sample_rate": 16000,  # Hz; others are counted, and resampled later
    "max_missing_fraction": 0.02,  # of the sound of each part of a subset
    "min_video_coverage": 0.5,  # of a clip; a film that shows less is too short
    "expected_counts": None,  # subset -> clips with sound; others are told
    "annotation_tolerance": 0.5,  # seconds an event may leave its clip, cut
    "unknown_labels": "error",  # or "drop": leave out events of other classes
    # "clip": a film for each clip, named as its sound; "source": whole films
    # named by the video's id, of which the part of the clip is used.
    "video_layout": "clip",
}


@dataclasses.dataclass(frozen=True)
class Subset:
    """One part of a corpus and where it is.

    The table decides which clips belong to it; what only the second table,
    `meta`, lists is counted. The folder of films need not exist; None: the
    subset was never filmed. Several of one name are one subset together.
    """

    name: str  # such as "weak"
    audio: str  # folder of the sound files
    tsv: str  # table of the clips
    video: str | None  # folder of the films
    labels: str = "none"  # beside the table's names: "events", "tags", "none"
    truth: bool = False  # whether ground truth is written for evaluation
    meta: str | None = None


def prepare_corpus(
    subsets,
    prepared_folder,
    class_labels,
    match=match_files,
    probe_film=None,
    note="",
    **settings,
):
    """Writes manifests, ground truth and a report of what was found.

    In `prepared_folder`: manifests/<subset>.json, ground_truth/<subset>{,
    _durations}.tsv, missing_sound.tsv, video_wanted.csv (films that are
    missing, for a download program), prepare_report.{json,md}.

    Arguments
    ---------
    subsets : list of Subset
        The corpus. A clip's id is `<subset>/<name>`, in a second part of a
        subset `<subset>_2/<name>`, and so on.
    prepared_folder : str
        Where to write.
    class_labels : list of str
        The classes, in the network's order.
    match : function
        As `match_files`: which files belong to which clips.
    probe_film : function or None
        (path, start, seconds) -> object with status ("present" or what is
        wrong), start and duration in seconds, such as
        `dataio.media.frames.probe_video`. None: films are not opened, and
        each that exists counts as present.
    note : str
        Ends the report.
    **settings
        Others than `SETTINGS`.

    Returns
    -------
    dict
        The content of prepare_report.json.

    Raises
    ------
    PrepareError
        If more sound is missing than tolerated, all events of a table lie
        beyond their clips, or the output would lie among the data.
        Tables that cannot be used are an AnnotationError.
    """
    output = os.path.abspath(prepared_folder)
    settings = {**SETTINGS, **settings}
    settings["expected_counts"] = dict(settings["expected_counts"] or {})
    check_settings(output, subsets, settings, list(SETTINGS))
    settings["class_labels"] = list(class_labels)
    with contextlib.suppress(FileNotFoundError):
        os.remove(os.path.join(output, REPORT_FILE))
    parts = _numbered(subsets)
    # All tables come first, so that a mistake in one shows at once.
    tables = {
        part: read_clips(
            s.tsv, s.labels, class_labels, settings["unknown_labels"]
        )
        for part, s in parts.items()
    }
    probes, counts, strangers = {}, {}, {}
    for part, s in parts.items():
        filenames = list(dict.fromkeys(tables[part]["filename"]))
        probes[part], counts[part], strangers[part] = probe_subset(
            s, filenames, settings, match, probe_film
        )
    check_missing(output, parts, probes, settings["max_missing_fraction"])
    write_wanted(output, parts, probes)
    manifests, truths, total = {}, {}, {}
    for part, s in parts.items():
        manifest, truth, counts[part]["annotations"] = label_clips(
            part, s, tables[part], probes[part], settings
        )
        counts[part]["in_manifest"] = len(manifest)
        manifests.setdefault(s.name, {}).update(manifest)
        truths.setdefault(s.name, []).append((truth, probes[part]))
        total[s.name] = _added(total.get(s.name), counts[part])
    warnings = surprises(parts, tables, counts, total, strangers, settings)
    for name, manifest in manifests.items():
        write_json(os.path.join(output, f"manifests/{name}.json"), manifest)
        if parts[name].truth:
            _write_truth(output, name, *zip(*truths[name], strict=True))
    report = {
        "settings": settings,
        "places": {part: dataclasses.asdict(s) for part, s in parts.items()},
        "subsets": total,
        "warnings": warnings,
    }
    text = report_text(total, warnings, note)
    shown = textwrap.indent(text, "    ")  # code, in which no name is markup
    write_text(f"{output}/prepare_report.md", f"# Preparation\n\n{shown}")
    write_json(os.path.join(output, REPORT_FILE), report)
    # A folder whose name is no text is no reason to stop.
    print(text.encode(errors="replace").decode(), end="", flush=True)
    return report


def stored_report(prepared_folder):
    """The content of prepare_report.json; PrepareError if there is none."""
    path = os.path.join(prepared_folder, REPORT_FILE)
    try:
        return read_json(path)
    except (OSError, ValueError) as error:
        raise PrepareError(
            f"{path}: no finished preparation ({error}). Run it with "
            "skip_prep: False."
        ) from error


def _numbered(subsets):
    """Subsets by name; further parts of one as `<name>_2` and so on."""
    parts = {}
    for s in subsets:
        number = 1 + sum(other.name == s.name for other in parts.values())
        parts[s.name if number == 1 else f"{s.name}_{number}"] = s
    return parts


def _added(one, other):
    """Counts of two parts of a subset together; None is nothing."""
    if isinstance(one, dict) and isinstance(other, dict):
        names = {**one, **other}
        return {n: _added(one.get(n), other.get(n)) for n in names}
    return other if one is None else one if other is None else one + other


def _write_truth(output, name, events, probes):
    """Ground truth and durations of the parts of a subset."""
    path = os.path.join(output, "ground_truth", name)
    rows = [(p.filename, p.sound.duration) for p in sum(probes, []) if p.wav]
    durations = pd.DataFrame(rows, columns=["filename", "duration"])
    twice = durations["filename"][durations["filename"].duplicated()]
    if len(twice):
        raise PrepareError(
            f"{name}: two of its tables list {twice.iloc[0]}. Its clips are "
            "scored by their file names, so each needs a name of its own."
        )
    write_table(pd.concat(events), f"{path}.tsv")
    write_table(durations, f"{path}_durations.tsv")
