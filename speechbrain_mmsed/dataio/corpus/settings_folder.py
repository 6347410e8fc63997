"""Folders that are either complete under known settings or not there.

A folder of generated files is written under a temporary name and renamed, and
carries its settings: a second run reuses it or says why it cannot.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import contextlib
import json
import os
import pathlib
import shutil
import uuid

from speechbrain_mmsed.files import disk_full_explained, read_json
from speechbrain_mmsed.folders import changed_settings, remove_leftovers
from speechbrain_mmsed.in_use import CLAIM_FILE


def is_complete(folder, settings, settings_file):
    """Whether the folder was written with these settings.

    Arguments
    ---------
    folder : pathlib.Path
        The folder.
    settings : dict
        For json; what the folder's file holds beside them does not count.
    settings_file : str
        Name of the json inside the folder.

    Returns
    -------
    bool
        False if the folder is absent or empty.

    Raises
    ------
    FileExistsError
        The folder holds something else, or was written with other settings.
    """
    if not folder.exists():
        return False
    found = folder / settings_file
    if found.is_file():
        present = read_json(found)
        others = present.keys() - settings.keys()
        changed = changed_settings(present, settings, others)
        told = ", ".join(
            f"{key} {before} instead of {now}"
            for key, (before, now) in changed.items()
        )
        if told:
            raise FileExistsError(
                f"{folder} was made with other settings ({told}). "
                "Remove it or choose another folder."
            )
        return True
    # The claim of a program that writes there is nothing yet.
    if not folder.is_dir() or {*os.listdir(folder)} - {CLAIM_FILE}:
        raise FileExistsError(
            f"{folder} exists and holds something else (there is no "
            f"{settings_file} in it). Choose another folder."
        )
    return False


@contextlib.contextmanager
def written_at_once(folder, settings, settings_file):
    """Context that gives a temporary folder and renames it at the end.

    After an error, or if another process was faster with the same settings,
    the temporary folder is removed.

    Arguments
    ---------
    folder : pathlib.Path
        Final name; absent or an empty folder.
    settings : dict
        Written to `settings_file` last.
    settings_file : str
        Name of the json inside the folder.

    Yields
    ------
    pathlib.Path
        The folder to write into.
    """
    folder = pathlib.Path(os.path.abspath(folder))
    folder.parent.mkdir(parents=True, exist_ok=True)
    # Nobody writes such a folder for longer than a day.
    remove_leftovers(folder.parent, 86400.0, inside=False)
    partial = folder.parent / f".{uuid.uuid4().hex}.tmp"
    try:
        with disk_full_explained(folder):
            partial.mkdir()
            yield partial
            told = json.dumps(settings, indent=1)
            (partial / settings_file).write_text(told, encoding="utf-8")
        if not is_complete(folder, settings, settings_file):
            os.replace(partial, folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
