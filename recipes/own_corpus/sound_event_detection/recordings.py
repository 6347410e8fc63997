"""The recordings of a folder, and what tables say of each.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import concurrent.futures
import dataclasses
import math
import os

from tqdm import tqdm

from speechbrain_mmsed.dataio.corpus.matching import clip_key, clip_stem
from speechbrain_mmsed.dataio.corpus.preparation_report import PrepareError
from speechbrain_mmsed.dataio.corpus.tables import AnnotationError
from speechbrain_mmsed.dataio.media.sound import (
    SOUND_SUFFIXES,
    SoundInfo,
    probe_sound,
)

SPLITS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("validation", "valid", "val"), "validation"),
    **dict.fromkeys(("evaluation", "eval", "test"), "evaluation"),
}


@dataclasses.dataclass
class Recording:
    """A sound file and what is known of it."""

    path: str
    name: str  # below the folder, by which it is told
    info: SoundInfo = SoundInfo("absent")
    listed: bool = False  # whether a table names it
    events: list = dataclasses.field(default_factory=list)
    tags: set = dataclasses.field(default_factory=set)  # without times
    split: str = ""  # "train", "validation", "evaluation" or not said
    group: str = ""  # recordings that stay together; by default its name


def find_recordings(folder):
    """All sound files of a folder and its subfolders, by name.

    Example
    -------
    >>> find_recordings(getfixture("tmp_path"))
    Traceback (most recent call last):
    ...
    speechbrain_mmsed.dataio.corpus.preparation_report.PrepareError: ...
    """
    found = [
        os.path.join(where, name)
        for where, _, names in os.walk(folder)
        for name in names
        if name.lower().endswith(SOUND_SUFFIXES) and name[0] != "."
    ]
    if not found:
        raise PrepareError(
            f"data_folder {folder} holds no recordings, expected files that "
            f"end in one of {', '.join(SOUND_SUFFIXES)}."
        )
    names = {path: os.path.relpath(path, folder) for path in sorted(found)}
    return [
        Recording(path, name.replace(os.sep, "/"))
        for path, name in names.items()
    ]


def describe(recordings, rows):
    """Gives recordings what the tables say of them.

    Arguments
    ---------
    recordings : list of Recording
        Get events, tags, split and group.
    rows : pandas.DataFrame
        As of `read_tables`.

    Returns
    -------
    list of str
        Names in the tables that no recording has. Two recordings for one
        name, and two splits or groups of one recording, are an error.
    """
    index = {}
    for recording in recordings:
        for key in set(_keys(recording.name)):
            index.setdefault(key, []).append(recording)
    missing = []
    for name, part in rows.groupby("filename", sort=False):
        found = next((index[k] for k in _keys(name) if k in index), [])
        if len(found) > 1:
            raise AnnotationError(
                f"{part['where'].iloc[0]}: {name} may be {found[0].name} or "
                f"{found[1].name}: name it with its folder and ending."
            )
        for recording in found:
            _fill(recording, part)
        missing += [] if found else [name]
    return missing


def _keys(name):
    """By what a file may be found, the most exact first."""
    name = name.replace("\\", "/").removeprefix("./")
    base, stem = os.path.basename(name), clip_stem(name)
    below = os.path.join(os.path.dirname(name), stem)
    return name, below, base, stem, clip_key(base)


def _fill(recording, rows):
    """Adds the rows of one recording."""
    recording.listed = True
    for row in rows.itertuples():
        split = SPLITS.get(row.split, row.split and "?")
        if split == "?":
            raise AnnotationError(
                f"{row.where}: split is {row.split!r}, expected one of "
                f"{', '.join(SPLITS)}."
            )
        for name, value in (("split", split), ("group", row.group)):
            before = getattr(recording, name)
            if value and before and value != before:
                raise AnnotationError(
                    f"{row.where}: {name} of {recording.name} is {value} here "
                    f"and {before} in another row. Correct one."
                )
            setattr(recording, name, before or value)
        if math.isnan(row.onset):
            recording.tags |= {row.event_label} - {""}
        else:
            event = row.onset, row.offset, row.event_label
            recording.events.append(event)


def measure(recordings):
    """Opens recordings, and returns those that can be used.

    Each gets its `info`.
    """
    with concurrent.futures.ThreadPoolExecutor() as pool:
        infos = tqdm(
            pool.map(probe_sound, [r.path for r in recordings]),
            "recordings",
            len(recordings),
            disable=None,
        )
        for recording, info in zip(recordings, infos, strict=True):
            recording.info = info
    return [r for r in recordings if r.info.status == "present"]
