"""What stops a preparation, and what it tells: lists, warnings, its table.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import math
import os

import pandas as pd

from speechbrain_mmsed.dataio.corpus.matching import (
    VIDEO_LAYOUTS,
    clip_key,
    clip_stem,
)
from speechbrain_mmsed.dataio.corpus.tables import write_table
from speechbrain_mmsed.files import ClearError, atomic_path

WANTED_FILE = "video_wanted.csv"
FILM_REASONS = ["absent", "unreadable", "too short", "not recorded"]


class PrepareError(ClearError):
    """The corpus cannot be used as it is; says what to do."""


def check_settings(output, subsets, settings, defaults):
    """Stops at an output among the data and at what is not known."""
    for subset in subsets:
        for folder in (subset.audio, subset.video):
            if folder and (output + os.sep).startswith(folder + os.sep):
                raise PrepareError(
                    f"prepared_folder {output} lies in the data folder "
                    f"{folder}. Choose a place outside the corpus."
                )
    names = list(dict.fromkeys(subset.name for subset in subsets))
    for where, given, what, known in (
        ("expected_counts", settings["expected_counts"], "subsets", names),
        ("preparation", settings, "settings", defaults),
    ):
        unknown = [name for name in given if name not in known]
        if unknown:
            raise PrepareError(
                f"{where}: {unknown} are not {what}, expected {known}."
            )
    if settings["video_layout"] not in VIDEO_LAYOUTS:
        raise PrepareError(
            f"video_layout is {settings['video_layout']!r}, expected is one "
            f"of {VIDEO_LAYOUTS}: one film per clip, or whole films named by "
            f"the video's id"
        )


def check_cut_sound(subset, sounds):
    """Refuses whole films in the place of the clips' sound.

    Which part is heard is decided for films, not for sound. `sounds` is what
    `match_files` found.
    """
    whole = [clip for clip in sounds["source"] if clip not in sounds["clip"]]
    if whole:
        clip, path = whole[0], sounds["source"][whole[0]][0]
        raise PrepareError(
            f"{subset.name}: {path} is a whole film, and there is no sound "
            f"of its clip {clip} (nor of {len(whole) - 1} others). Whole "
            "films serve as films (video_layout: source) but not as sound: "
            f"cut the sound of each clip into a file of its own in "
            f"{subset.audio}."
        )


def check_missing(output, parts, probes, tolerated):
    """Writes missing_sound.tsv; stops if a part of a subset misses too much.

    `parts` maps names to Subsets, `probes` holds a list of ClipProbe of each,
    `tolerated` is the fraction of each that may be missing.
    """
    rows, faults, worst = [], [], 0.0
    for part, subset in parts.items():
        clips = probes[part]
        if not clips:
            raise PrepareError(f"{subset.tsv} lists no clips.")
        missing = [p for p in clips if not p.wav]
        rows += [(subset.name, p.filename, p.sound.status) for p in missing]
        fraction = len(missing) / len(clips)
        if fraction > tolerated or len(missing) == len(clips):
            worst = max(worst, fraction)
            faults.append(
                f"  {part}: {len(missing)} of {len(clips)} "
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


def write_wanted(output, parts, probes):
    """Lists the films that are missing or cannot be used, for a downloader.

    Columns: id of the video, start and end in seconds, subset; of subsets
    that were filmed. Which program downloads, and whether that is allowed, is
    the user's business.
    """
    wanted = sorted(
        (*clip_key(probe.filename), parts[part].name)
        for part, found in probes.items()
        for probe in found
        if parts[part].video
        and not probe.video
        and len(clip_key(probe.filename)) == 3
    )
    rows = [
        (name, f"{start / 1000:.3f}", f"{end / 1000:.3f}", subset)
        for name, start, end, subset in wanted
    ]
    frame = pd.DataFrame(rows, columns=["id", "start", "end", "subset"])
    with atomic_path(os.path.join(output, WANTED_FILE)) as path:
        frame.to_csv(path, index=False, lineterminator="\n")


def surprises(parts, tables, counts, total, strangers, settings):
    """Sentences on what a user should know before training.

    Other numbers of clips than expected, events beyond their clips, films of
    the other layout and of no clip, clips in two subsets. `tables`, `counts`
    and `strangers` are by part, `total` by subset.
    """
    warnings = []
    for name, number in settings["expected_counts"].items():
        found, listed = total[name]["found"], total[name]["expected"]
        if found != number:
            warnings.append(
                f"{name}: {found} of {number} clips (expected_counts) were "
                f"found, its table lists {listed}"
            )
    (other,) = set(VIDEO_LAYOUTS) - {settings["video_layout"]}
    for part, found in counts.items():
        number = found["ignored"].get("films_of_the_other_layout", 0)
        if number:
            warnings.append(
                f"{part}: the films of {number} clips are named as for "
                f"video_layout: {other}"
            )
        warnings += _beyond(parts[part].tsv, tables[part], found["annotations"])
    for folder in dict.fromkeys(s.video for s in parts.values() if s.video):
        # Parts may share a folder: a film of one is no stranger.
        users = [part for part, s in parts.items() if s.video == folder]
        films = set.intersection(*(set(strangers[part]) for part in users))
        if films:
            clip = tables[users[0]]["filename"].iloc[0]
            named = clip_key(clip)[0] if other == "clip" else clip_stem(clip)
            warnings.append(
                f"{len(films)} films in {folder} are of no clip, such as "
                f"{os.path.basename(min(films))}; that of {clip} may be called "
                f"{named}.mp4"
            )
    owners = {}
    for part, table in tables.items():
        for key in {clip_key(clip) for clip in table["filename"]}:
            # Bare names, such as numbers, may well occur in two subsets.
            if len(key) == 3:
                owners.setdefault(key, []).append(part)
    pairs = [tuple(names) for names in owners.values() if len(names) > 1]
    for pair in sorted(set(pairs)):
        warnings.append(
            f"{pairs.count(pair)} clips are in each of {' and '.join(pair)}"
        )
    return warnings


def _beyond(path, table, counts):
    """Says that most events lie beyond their clips; stops if all do."""
    number, events = counts.get("beyond_dropped", 0), table.dropna()
    n_events = len(events) - counts.get("without_sound", 0)
    if 2 * number <= n_events:
        return []
    text = (
        f"{path}: {number} of {n_events} events lie beyond their clips, up to "
        f"{events['offset'].max():g}. Are these seconds?"
    )
    if number == n_events:
        raise PrepareError(text)
    return [text]


def report_text(subsets, warnings, note=""):
    """What was expected and found, and everything out of the ordinary.

    Markdown that is aligned for the screen: a table with a row per subset
    (name -> counts), the warnings, all counts that are not zero, the note.
    """
    shown = ["expected", "found", "missing_sound", "with_film", "without_film"]
    header = [x.replace("_", " ") for x in ("subset", *shown, *FILM_REASONS)]
    rows = []
    notes = [f"- WARNING: {warning}" for warning in warnings]
    for name, counts in subsets.items():
        reasons = counts["film_reasons"]
        cells = [counts[key] for key in shown]
        cells += [reasons.get(reason, 0) for reason in FILM_REASONS]
        rows.append([name, *map(str, cells)])
        for title in ("missing_reasons", "sound", "annotations", "ignored"):
            found = {k: n for k, n in counts[title].items() if n}
            parts = [f"{k.replace('_', ' ')} {n}" for k, n in found.items()]
            if parts:
                kind = title.replace("_reasons", " sound")
                notes.append(f"- {name}, {kind}: {', '.join(parts)}")
        for reason, number in reasons.items():
            if reason not in FILM_REASONS:
                notes.append(f"- {name}, films: {reason} {number}")
    notes += [f"- {note}"] if note else []
    columns = zip(header, *rows, strict=True)
    widths = [max(map(len, column)) for column in columns]
    rule = [":" + "-" * (widths[0] - 1)]
    rule += ["-" * (width - 1) + ":" for width in widths[1:]]
    lines = []
    for first, *others in [header, rule, *rows]:
        cells = [first.ljust(widths[0])]
        cells += [c.rjust(w) for c, w in zip(others, widths[1:], strict=True)]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join([*lines, "", *notes]).rstrip() + "\n"
