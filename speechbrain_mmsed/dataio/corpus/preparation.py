"""From the folders of a corpus to manifests, for any corpus with subsets.

A recipe says which subsets there are and where; this file reads the tables,
opens every sound and film once, checks the annotations against what was
measured, and writes manifests, ground truth and a report. The report is
written last: without it a preparation counts as unfinished.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import dataclasses
import json
import os

import pandas as pd
from speechbrain.utils.logger import get_logger

from speechbrain_mmsed.dataio.corpus.annotations import label_clips
from speechbrain_mmsed.dataio.corpus.preparation_report import (
    WANTED_FILE,
    PrepareError,
    check_missing,
    check_settings,
    report_text,
    surprises,
    write_wanted,
)
from speechbrain_mmsed.dataio.corpus.probe import fingerprint, probe_subset
from speechbrain_mmsed.dataio.corpus.tables import read_clips, write_table
from speechbrain_mmsed.files import write_json, write_text

logger = get_logger(__name__)

VERSION = 2  # raised when manifests of earlier versions must be made anew


@dataclasses.dataclass(frozen=True)
class Subset:
    """One part of a corpus and where it is.

    The table decides which clips belong to it; what only the second table,
    `meta`, lists is counted. The folder of films need not exist; None: the
    subset was never filmed.
    """

    name: str  # such as "weak"
    audio: str  # folder of the sound files
    tsv: str  # table of the clips
    video: str | None  # folder of the films
    labels: str = "none"  # beside the table's names: "events", "tags", "none"
    truth: bool = False  # whether ground truth is written for evaluation
    meta: str | None = None


def prepare_corpus(
    subsets, prepared_folder, class_labels, probe_film=None, **settings
):
    """Writes manifests, ground truth and report; nothing if up to date.

    Arguments
    ---------
    subsets : list of Subset
        The corpus.
    prepared_folder : str
        Where to write.
    class_labels : list of str
        The classes, in the network's order.
    probe_film : function or None
        (path, start, seconds) -> object with status ("present" or what is
        wrong), start and duration in seconds, such as
        `dataio.media.frames.probe_video`. None: films are not opened, and
        each that exists counts as present.
    **settings
        clip_seconds, sample_rate, max_missing_fraction, min_video_coverage,
        video_layout, expected_counts, annotation_tolerance, unknown_labels:
        as in a recipe's prepare function; all are needed.

    Returns
    -------
    dict
        The content of prepare_report.json.

    Raises
    ------
    PrepareError
        If more sound is missing than tolerated, or the output would lie
        among the data.
    """
    output = os.path.abspath(prepared_folder)
    settings["class_labels"] = list(class_labels)
    settings["expected_counts"] = dict(settings["expected_counts"] or {})
    check_settings(output, subsets, settings)
    mark = fingerprint(
        {
            **settings,
            "version": VERSION,
            "subsets": [dataclasses.asdict(s) for s in subsets],
            "probe_film": probe_film
            and f"{probe_film.__module__}.{probe_film.__qualname__}",
        },
        [path for s in subsets for path in (s.tsv, s.meta) if path],
        [path for s in subsets for path in (s.audio, s.video) if path],
    )
    report = _up_to_date(output, subsets, mark)
    if report is not None:
        logger.info(f"Preparation is up to date: {output}")
        return report
    # All tables come first, so that a mistake in one shows at once.
    tables = {
        s.name: read_clips(
            s.tsv, s.labels, class_labels, settings["unknown_labels"]
        )
        for s in subsets
    }
    probes, counts = {}, {}
    for s in subsets:
        filenames = list(dict.fromkeys(tables[s.name]["filename"]))
        probes[s.name], counts[s.name] = probe_subset(
            s, filenames, settings, probe_film
        )
    check_missing(output, subsets, probes, settings["max_missing_fraction"])
    write_wanted(output, {s.name: probes[s.name] for s in subsets if s.video})
    for s in subsets:
        manifest, truth, counts[s.name]["annotations"] = label_clips(
            s.name, tables[s.name], probes[s.name], s.labels, settings
        )
        counts[s.name]["in_manifest"] = len(manifest)
        write_json(os.path.join(output, f"manifests/{s.name}.json"), manifest)
        if s.truth:
            _write_truth(output, s.name, truth, probes[s.name])
    report = {
        "fingerprint": mark,
        "settings": settings,
        "places": {s.name: dataclasses.asdict(s) for s in subsets},
        "subsets": counts,
        "warnings": surprises(tables, counts, settings),
    }
    text = report_text(counts, report["warnings"])
    write_text(
        os.path.join(output, "prepare_report.md"), f"# Preparation\n\n{text}"
    )
    write_json(os.path.join(output, "prepare_report.json"), report)
    print(text, end="", flush=True)
    return report


def stored_report(prepared_folder):
    """The content of prepare_report.json; PrepareError if there is none."""
    path = os.path.join(prepared_folder, "prepare_report.json")
    try:
        with open(path, encoding="utf-8") as handle:
            return json.load(handle)
    except (OSError, ValueError) as error:
        raise PrepareError(
            f"{path}: no finished preparation ({error}). Run it with "
            "skip_prep: False."
        ) from error


def _up_to_date(output, subsets, mark):
    """The stored report if it is of the same inputs, else None."""
    try:
        report = stored_report(output)
    except PrepareError:
        return None
    files = ["missing_sound.tsv", WANTED_FILE, "prepare_report.md"]
    for s in subsets:
        files.append(f"manifests/{s.name}.json")
        for ending in ("", "_durations") if s.truth else ():
            files.append(f"ground_truth/{s.name}{ending}.tsv")
    whole = all(os.path.isfile(os.path.join(output, f)) for f in files)
    if whole and report.get("fingerprint") == mark:
        return report
    os.remove(os.path.join(output, "prepare_report.json"))
    return None


def _write_truth(output, name, truth, probes):
    """Ground truth and durations of a subset."""
    path = os.path.join(output, "ground_truth", name)
    write_table(truth, f"{path}.tsv")
    rows = [(p.filename, p.sound.duration) for p in probes if p.wav]
    columns = ["filename", "duration"]
    write_table(pd.DataFrame(rows, columns=columns), f"{path}_durations.tsv")
