"""What a corpus really holds: every sound and film opened once, and counted.

Durations come from here, since the tables of most corpora have none and
headers of damaged files are wrong.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import collections
import concurrent.futures
import dataclasses
import hashlib
import json
import os

from tqdm import tqdm

from speechbrain_mmsed.dataio.corpus.matching import (
    candidates,
    clip_key,
    in_other_layout,
    index_folder,
    list_folder,
    place_in_film,
)
from speechbrain_mmsed.dataio.corpus.preparation_report import check_cut_sound
from speechbrain_mmsed.dataio.corpus.tables import read_tag_table
from speechbrain_mmsed.dataio.media.sound import (
    SOUND_SUFFIXES,
    SoundInfo,
    probe_sound,
)

# A clip counts as shorter or longer than the nominal length beyond this.
LENGTH_MARGIN = 0.1


@dataclasses.dataclass(frozen=True)
class ClipProbe:
    """The files of a clip; a path is empty if no such file can be used."""

    filename: str  # as in the table
    wav: str
    sound: SoundInfo
    video: str
    video_status: str  # "present" or the reason why there is none
    video_start: float  # seconds into the film at which the clip begins


def probe_subset(subset, filenames, settings, probe_film):
    """Finds and opens the sound and the film of each clip of a Subset.

    `filenames` are the clips of its table, the rest is as in
    `prepare_corpus`. Returns a list of ClipProbe in their order, and counts
    by name. Shows a progress bar on a terminal.
    """
    sounds = index_folder(subset.audio, SOUND_SUFFIXES)
    films = index_folder(subset.video) if subset.video else None
    check_cut_sound(subset, sounds, filenames)

    def probe(filename):
        wav, sound = "", SoundInfo("absent")
        for path in candidates(sounds, filename):
            sound = probe_sound(path)
            if sound.status == "present":
                wav = os.path.abspath(path)
                break
        film = _probe_film(filename, wav, sound, films, settings, probe_film)
        return ClipProbe(filename, wav, sound, *film)

    with concurrent.futures.ThreadPoolExecutor(
        min(8, os.cpu_count() or 1)
    ) as pool:
        bar = tqdm(
            pool.map(probe, filenames),
            subset.name,
            len(filenames),
            disable=None,  # silent where the output is not a terminal
            unit="clip",
        )
        probes = list(bar)
    counts = _summarise(probes, settings)
    listed = {clip_key(filename) for filename in filenames}
    ignored = {"sounds_not_in_table": len(set(sounds) - listed)}
    other = in_other_layout(filenames, films or {}, settings["video_layout"])
    if other:
        ignored["films_of_the_other_layout"] = len(other)
    if subset.meta and os.path.isfile(subset.meta):
        extra = read_tag_table(subset.meta, with_tags=False)["filename"]
        ignored["clips_only_in_meta"] = len(set(map(clip_key, extra)) - listed)
    return probes, {**counts, "ignored": ignored}


def _probe_film(filename, wav, sound, films, settings, probe_film):
    """Path, status and start of the first film that can be used."""
    if films is None:
        return "", "not recorded", 0.0
    name, start = place_in_film(filename, settings["video_layout"])
    if name is None:
        return "", "no times in the name", 0.0
    # Without sound a clip is of no use, but its film is not wanted either.
    seconds = settings["clip_seconds"]
    if wav:
        seconds = min(sound.duration, seconds)
    status = "absent"
    for path in candidates(films, name):
        if probe_film is None:
            return os.path.abspath(path), "present", start
        info = probe_film(path, start, seconds)
        status = info.status
        if status == "present":
            shown = min(info.start + info.duration, seconds) - info.start
            if shown >= settings["min_video_coverage"] * seconds:
                return os.path.abspath(path), status, start
            status = f"too short: {max(shown, 0.0):.2f} of {seconds:.2f} s"
        elif not status.startswith(("absent", "unreadable")):
            status = f"unreadable: {status}"
    return "", status, 0.0


def _summarise(probes, settings):
    """Counts what was found, by name; reasons are counted by their kind."""
    shortest = settings["clip_seconds"] - LENGTH_MARGIN
    longest = settings["clip_seconds"] + LENGTH_MARGIN
    infos = [p.sound for p in probes if p.wav]
    missing = [p.sound.status for p in probes if not p.wav]
    no_film = [p.video_status for p in probes if p.wav and not p.video]
    return {
        "expected": len(probes),
        "found": len(infos),
        "missing_sound": len(missing),
        "missing_reasons": _kinds(missing),
        "with_film": len(infos) - len(no_film),
        "without_film": len(no_film),
        "film_reasons": _kinds(no_film),
        "sound": {
            "resampled": sum(
                s.sample_rate != settings["sample_rate"] for s in infos
            ),
            "down_mixed": sum(s.channels != 1 for s in infos),
            "silent": sum(s.silent for s in infos),
            "shorter": sum(s.duration < shortest for s in infos),
            "longer": sum(s.duration > longest for s in infos),
        },
        "found_seconds": round(sum(s.duration for s in infos), 3),
    }


def _kinds(reasons):
    """Number of each kind of reason: what stands before the colon."""
    kinds = (r.split(":")[0].split(" (")[0] for r in reasons)
    return dict(sorted(collections.Counter(kinds).items()))


def fingerprint(settings, files, folders):
    """Changes when anything changes that a preparation depends on.

    Of the files (which may be absent) the content counts, of the folders
    names, sizes and times of change. `settings` is for JSON.
    """
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
    for path in files:
        digest.update(f"\nfile {path}\n".encode())
        if os.path.isfile(path):
            with open(path, "rb") as handle:
                digest.update(hashlib.sha256(handle.read()).digest())
    for folder in folders:
        digest.update(f"\nfolder {folder} {os.path.isdir(folder)}\n".encode())
        for entry in list_folder(folder):
            try:
                state = entry.stat()
                line = f"{entry.name} {state.st_size} {state.st_mtime_ns}\n"
            except OSError:  # a link to nothing
                line = f"{entry.name} -\n"
            digest.update(line.encode("utf-8", "surrogateescape"))
    return digest.hexdigest()
