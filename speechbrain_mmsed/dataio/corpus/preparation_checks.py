"""What stops a preparation, and what it warns of.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import math
import os

import pandas as pd

from speechbrain_mmsed.dataio.corpus.matching import clip_key
from speechbrain_mmsed.dataio.corpus.tables import write_table
from speechbrain_mmsed.dataio.corpus.video_layout import (
    VIDEO_LAYOUTS,
    whole_films,
)


class PrepareError(Exception):
    """The corpus cannot be used as it is; says what to do."""


def check_output(output, subsets):
    """Refuses an output folder that lies among the data.

    Arguments
    ---------
    output : str
        Absolute path.
    subsets : list of Subset
        The corpus.

    Raises
    ------
    PrepareError
        Naming both folders.
    """
    for subset in subsets:
        for folder in (subset.audio, subset.video):
            if folder and (output + os.sep).startswith(folder + os.sep):
                raise PrepareError(
                    f"prepared_folder {output} lies in the data folder "
                    f"{folder}. Choose a place outside the corpus."
                )


def check_expected(expected_counts, names):
    """Refuses expected numbers of subsets that do not exist.

    Arguments
    ---------
    expected_counts : dict
        subset -> number of clips.
    names : list of str
        The subsets.

    Raises
    ------
    PrepareError
        Naming both.
    """
    unknown = [name for name in expected_counts if name not in names]
    if unknown:
        raise PrepareError(
            f"expected_counts: {unknown} are not subsets, expected {names}."
        )


def check_missing(output, subsets, probes, tolerated):
    """Lists the missing sound; stops if a subset misses too much.

    Arguments
    ---------
    output : str
        Folder for missing_sound.tsv.
    subsets : list of Subset
        The corpus.
    probes : dict
        subset -> list of ClipProbe.
    tolerated : float
        Fraction of each subset that may be missing.

    Raises
    ------
    PrepareError
        With the list and how to go on.
    """
    rows, faults, worst = [], [], 0.0
    for subset in subsets:
        clips = probes[subset.name]
        missing = [p for p in clips if not p.wav]
        rows += [(subset.name, p.filename, p.sound.status) for p in missing]
        fraction = len(missing) / max(len(clips), 1)
        if not clips:
            raise PrepareError(f"{subset.tsv} lists no clips.")
        if fraction > tolerated or len(missing) == len(clips):
            worst = max(worst, fraction)
            faults.append(
                f"  {subset.name}: {len(missing)} of {len(clips)} "
                f"({fraction:.1%}), such as {missing[0].filename} "
                f"({missing[0].sound.status}) in {subset.audio}"
            )
    path = os.path.join(output, "missing_sound.tsv")
    columns = ["subset", "filename", "reason"]
    write_table(pd.DataFrame(rows, columns=columns), path)
    if faults:
        enough = math.ceil(worst * 100) / 100
        raise PrepareError(
            f"Sound is missing from more than {tolerated:.1%} of the clips:\n"
            + "\n".join(faults)
            + f"\nThe list is in {path}. Fetch or repair these files, or go "
            f"on without them by max_missing_fraction: {min(enough, 0.99)} "
            "(a subset without any sound is never accepted)."
        )


def surprises(tables, counts, settings):
    """Sentences on what a user should know before training.

    Arguments
    ---------
    tables : dict
        subset -> table of its clips.
    counts : dict
        subset -> dict with "expected" and perhaps "ignored".
    settings : dict
        With expected_counts, subset -> number, and video_layout.

    Returns
    -------
    list of str
        Other numbers of clips than expected; films of the other layout;
        clips in two subsets.
    """
    warnings = []
    for name, number in settings["expected_counts"].items():
        if counts[name]["expected"] != number:
            warnings.append(
                f"{name}: the table lists {counts[name]['expected']} clips, "
                f"expected_counts says {number}"
            )
    for name, found in counts.items():
        number = found.get("ignored", {}).get("films_of_the_other_layout", 0)
        if number:
            (other,) = set(VIDEO_LAYOUTS) - {settings["video_layout"]}
            warnings.append(
                f"{name}: the films of {number} clips are named as for "
                f"video_layout: {other}"
            )
    owners = {}
    for name, table in tables.items():
        for key in {clip_key(clip) for clip in table["filename"]}:
            # Bare names, such as numbers, may well occur in two subsets.
            if len(key) == 3:
                owners.setdefault(key, []).append(name)
    pairs = [tuple(names) for names in owners.values() if len(names) > 1]
    for pair in sorted(set(pairs)):
        warnings.append(
            f"{pairs.count(pair)} clips are in each of {' and '.join(pair)}"
        )
    return warnings


def check_layout(video_layout):
    """Stops at an unknown layout of the films.

    Arguments
    ---------
    video_layout : str
        As in a recipe's prepare function.

    Raises
    ------
    PrepareError
        With those there are.
    """
    if video_layout not in VIDEO_LAYOUTS:
        raise PrepareError(
            f"video_layout is {video_layout!r}, expected is one of "
            f"{VIDEO_LAYOUTS}: one film per clip, or whole films named by "
            f"the video's id"
        )


def check_cut_sound(subset, sounds, filenames):
    """Refuses whole films in the place of the clips' sound.

    Arguments
    ---------
    subset : Subset
        The part of the corpus.
    sounds : dict
        Its sound files, as from `matching.index_folder`.
    filenames : list of str
        Its clips.

    Raises
    ------
    PrepareError
        If there is sound of the whole film only: which part is heard is
        decided for films, not for sound.
    """
    whole = whole_films(filenames, sounds)
    if whole:
        clip, path = next(iter(whole.items()))
        raise PrepareError(
            f"{subset.name}: {path} is a whole film, and there is no sound "
            f"of its clip {clip} (nor of {len(whole) - 1} others). Whole "
            "films serve as films (video_layout: source) but not as sound: "
            f"cut the sound of each clip into a file of its own in "
            f"{subset.audio}."
        )
