"""A corpus that is prepared again only after something has changed.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import contextlib
import dataclasses
import hashlib
import json
import os

from speechbrain.utils.logger import get_logger

from speechbrain_mmsed.dataio.corpus.matching import list_folder
from speechbrain_mmsed.dataio.corpus.preparation import (
    REPORT_FILE,
    PrepareError,
    prepare_corpus,
    stored_report,
)
from speechbrain_mmsed.dataio.corpus.preparation_report import WANTED_FILE
from speechbrain_mmsed.files import read_json, write_json
from speechbrain_mmsed.folders import file_sums, locked, what_changed

logger = get_logger(__name__)

INDEX_FILE = "prepared_files.json"  # size and hash of each of them
VERSION = 3  # raised when manifests of earlier versions must be made anew


def prepare_if_changed(subsets, prepared_folder, class_labels, **settings):
    """As `prepare_corpus`, which is not called again with the same inputs.

    Tables count by their content, sounds and films by name, size and time of
    change.
    """
    plain = {
        name: f"{value.__module__}.{value.__qualname__}"
        if callable(value)
        else value
        for name, value in settings.items()
    }
    mark = fingerprint(
        {
            **plain,
            "version": VERSION,
            "class_labels": list(class_labels),
            "subsets": [dataclasses.asdict(s) for s in subsets],
        },
        [path for s in subsets for path in (s.tsv, s.meta) if path],
        [path for s in subsets for path in (s.audio, s.video) if path],
    )
    with _alone(prepared_folder):
        if _is_whole(prepared_folder, mark):
            logger.info(f"Preparation is up to date: {prepared_folder}")
            return stored_report(prepared_folder)
        index = os.path.join(prepared_folder, INDEX_FILE)
        with contextlib.suppress(FileNotFoundError):
            os.remove(index)
        report = prepare_corpus(
            subsets, prepared_folder, class_labels, **settings
        )
        report = {"fingerprint": mark, **report}
        write_json(os.path.join(prepared_folder, REPORT_FILE), report)
        write_json(index, file_sums(prepared_folder, _files(subsets)))
    return report


@contextlib.contextmanager
def _alone(folder):
    """Another run that shares the folder waits, and finds it prepared."""
    lock = os.path.join(folder, ".prepare.lock")
    try:
        with locked(lock):
            yield
    finally:
        # Nothing is left where nothing may be written.
        with contextlib.suppress(OSError):
            os.remove(lock)
            os.rmdir(folder)


def checked_report(prepared_folder):
    """As `stored_report`; a PrepareError if a prepared file has changed."""
    report = stored_report(prepared_folder)
    if fault := _fault(prepared_folder):
        raise PrepareError(
            f"{prepared_folder}: {fault}: run it with skip_prep: False, "
            "which prepares it again"
        )
    return report


def _files(subsets):
    """Names of all files that a preparation writes."""
    files = [REPORT_FILE, "missing_sound.tsv", WANTED_FILE, "prepare_report.md"]
    for s in subsets:
        files.append(f"manifests/{s.name}.json")
        for ending in ("", "_durations") if s.truth else ():
            files.append(f"ground_truth/{s.name}{ending}.tsv")
    return list(dict.fromkeys(files))


def _fault(output):
    """What is wrong with the prepared files, or None."""
    try:
        index = read_json(os.path.join(output, INDEX_FILE))
        return what_changed(output, index)
    except FileNotFoundError:
        return f"there is no {INDEX_FILE}"
    except (OSError, ValueError, TypeError) as error:
        return f"{INDEX_FILE} is damaged ({error})"


def _is_whole(output, mark):
    """Whether all that was prepared of the same inputs is as it was."""
    try:
        report = stored_report(output)
    except PrepareError:
        return False
    if report.get("fingerprint") != mark:
        return False
    fault = _fault(output)
    if fault:
        logger.warning(f"{output} is prepared again: {fault}")
    return not fault


def fingerprint(settings, files, folders):
    """Changes when anything changes that a preparation depends on.

    Of the files (which may be absent) the content counts, of the folders
    names, sizes and times of change. `settings` is for JSON.
    """
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
    for path in files:
        digest.update(os.fsencode(f"\nfile {path}\n"))
        if os.path.isfile(path):
            with open(path, "rb") as handle:
                digest.update(hashlib.sha256(handle.read()).digest())
    for folder in folders:
        there = os.path.isdir(folder)
        digest.update(os.fsencode(f"\nfolder {folder} {there}\n"))
        for entry in list_folder(folder):
            try:
                state = entry.stat()
                line = f"{entry.name} {state.st_size} {state.st_mtime_ns}\n"
            except OSError:  # a link to nothing
                line = f"{entry.name} -\n"
            digest.update(os.fsencode(line))
    return digest.hexdigest()
