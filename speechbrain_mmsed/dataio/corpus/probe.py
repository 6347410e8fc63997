"""What a corpus really holds: every sound and film opened once, and counted.

Durations come from here, since the tables of most corpora have none and
headers of damaged files are wrong.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import collections
import concurrent.futures
import dataclasses
import os

from tqdm import tqdm

from speechbrain_mmsed.dataio.corpus.matching import clip_key
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


def probe_subset(subset, filenames, settings, match, probe_film):
    """Finds and opens the sound and the film of each clip of a Subset.

    `filenames` are the clips of its table, the rest is as in
    `prepare_corpus`. Returns a list of ClipProbe in their order, counts by
    name, and films of no clip. Shows a progress bar on a terminal.
    """
    sounds, strange_sounds = match(subset.audio, filenames, SOUND_SUFFIXES)
    check_cut_sound(subset, sounds)
    films, strange_films = {}, []
    if subset.video:
        films, strange_films = match(subset.video, filenames)

    def probe(filename):
        wav, sound = "", SoundInfo("absent")
        for path in sounds["clip"].get(filename, ()):
            sound = probe_sound(path)
            if sound.status == "present":
                wav = os.path.abspath(path)
                break
        seconds = settings["clip_seconds"]
        # Without sound a clip is of no use, but its film is not wanted either.
        seconds = min(sound.duration, seconds) if wav else seconds
        film = _probe_film(filename, seconds, films, settings, probe_film)
        return ClipProbe(filename, wav, sound, *film)

    threads = min(8, os.cpu_count() or 1)
    with concurrent.futures.ThreadPoolExecutor(threads) as pool:
        bar = tqdm(
            pool.map(probe, filenames),
            subset.name,
            len(filenames),
            disable=None,  # silent where the output is not a terminal
            unit="clip",
        )
        probes = list(bar)
    ignored = {"sounds_not_in_table": len(strange_sounds)}
    if films:
        own = films.pop(settings["video_layout"])
        (others,) = films.values()
        several = [paths for paths in own.values() if len(paths) > 1]
        if others := others.keys() - own.keys():
            ignored["films_of_the_other_layout"] = len(others)
        if several:
            ignored["clips_with_several_films"] = len(several)
    if subset.meta and os.path.isfile(subset.meta):
        extra = read_tag_table(subset.meta, with_tags=False)["filename"]
        more = {*map(clip_key, extra)} - {*map(clip_key, filenames)}
        ignored["clips_only_in_meta"] = len(more)
    counts = {**_summarise(probes, settings), "ignored": ignored}
    return probes, counts, strange_films


def _probe_film(filename, seconds, films, settings, probe_film):
    """Path, status and start of the first film that can be used, if any."""
    if not films:
        return "", "not recorded", 0.0
    key, layout, start = clip_key(filename), settings["video_layout"], 0.0
    if layout == "source":
        if len(key) == 1:
            return "", "no times in the name", 0.0
        start = key[1] / 1000
    status = "absent"
    for path in films[layout].get(filename, ()):
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
    rate, infos = settings["sample_rate"], [p.sound for p in probes if p.wav]
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
            "resampled": sum(s.sample_rate != rate for s in infos),
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
