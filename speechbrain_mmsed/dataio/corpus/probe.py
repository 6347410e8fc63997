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

from speechbrain_mmsed.dataio.corpus.matching import candidates, list_folder
from speechbrain_mmsed.dataio.corpus.video_layout import NO_TIMES, place_in_film
from speechbrain_mmsed.dataio.media.sound import SoundInfo, probe_sound

NOT_RECORDED = "not recorded"

# A clip counts as shorter or longer than the nominal length beyond this.
LENGTH_MARGIN = 0.1


@dataclasses.dataclass(frozen=True)
class ClipProbe:
    """The files of a clip.

    Arguments
    ---------
    filename : str
        As in the table.
    wav : str
        Path of the sound; empty if there is none that can be used.
    sound : SoundInfo
        What it holds.
    video : str
        Path of the film; empty if there is none that can be used.
    video_status : str
        "present" or the reason why there is none.
    video_start : float
        Seconds into the film at which the clip begins.
    """

    filename: str
    wav: str
    sound: SoundInfo
    video: str
    video_status: str
    video_start: float = 0.0


def probe_clip(
    filename, sounds, films, clip_seconds, min_coverage, video_layout="clip"
):
    """Finds and opens the sound and the film of one clip.

    Arguments
    ---------
    filename : str
        As in the table.
    sounds : dict
        Sound files, as from `index_folder`.
    films : dict or None
        Films likewise; None if the subset was never filmed.
    clip_seconds : float
        Nominal length of a clip; longer ones are cut there.
    min_coverage : float
        A film that shows less than this fraction of the clip is too short.
    video_layout : str
        "clip": films are named as the clips are; "source": whole films,
        named by the video's id.

    Returns
    -------
    ClipProbe
    """
    wav, sound = "", SoundInfo("absent")
    for wav in candidates(sounds, filename):
        sound = probe_sound(wav)
        if sound.status == "present":
            break
    else:
        wav = ""
    # Without sound a clip is of no use, but its film is not wanted either.
    seconds = min(sound.duration, clip_seconds) if wav else clip_seconds
    wav = wav and os.path.abspath(wav)
    name, start = place_in_film(filename, video_layout)
    film = _probe_film(name, films, start, seconds, min_coverage)
    return ClipProbe(filename, wav, sound, *film)


def _probe_film(name, films, start, seconds, min_coverage):
    """Path, status and start of the first film that can be used."""
    if films is None:
        return "", NOT_RECORDED, 0.0
    if name is None:
        return "", NO_TIMES, 0.0
    from speechbrain_mmsed.dataio.media.frames import probe_video

    status = "absent"
    for path in candidates(films, name):
        info = probe_video(path, start, seconds)
        status = info.status
        if status == "present":
            shown = min(info.start + info.duration, seconds) - info.start
            if shown >= min_coverage * seconds:
                return os.path.abspath(path), status, start
            status = f"too short: {max(shown, 0.0):.2f} of {seconds:.2f} s"
        elif not status.startswith(("absent", "unreadable")):
            status = f"unreadable: {status}"
    return "", status, 0.0


def probe_clips(filenames, n_threads=None, description="", **settings):
    """`probe_clip` for many clips, with a progress bar on a terminal.

    Arguments
    ---------
    filenames : list of str
        Clips.
    n_threads : int or None
        None: one per processor, at most 8.
    description : str
        In front of the bar.
    **settings
        sounds, films, clip_seconds, min_coverage, video_layout of
        `probe_clip`.

    Returns
    -------
    list of ClipProbe
        In the order of `filenames`.
    """
    n_threads = n_threads or min(8, os.cpu_count() or 1)
    with concurrent.futures.ThreadPoolExecutor(n_threads) as pool:
        results = pool.map(lambda name: probe_clip(name, **settings), filenames)
        return list(
            # disable=None: silent where the output is not a terminal.
            tqdm(
                results, description, len(filenames), disable=None, unit="clip"
            )
        )


def summarise(probes, sample_rate, clip_seconds):
    """Counts what was found.

    Arguments
    ---------
    probes : list of ClipProbe
        Clips of a subset.
    sample_rate : int
        Wanted rate in Hz; other rates will be resampled.
    clip_seconds : float
        Nominal length.

    Returns
    -------
    dict
        Counts: expected, found, missing_sound, with_film, without_film;
        by reason: missing_reasons, film_reasons; sound: resampled,
        down_mixed, silent, shorter, longer; and found_seconds.
    """
    found = [p for p in probes if p.wav]
    missing = [p.sound.status for p in probes if not p.wav]
    no_film = [p.video_status for p in found if not p.video]
    infos = [p.sound for p in found]
    return {
        "expected": len(probes),
        "found": len(found),
        "missing_sound": len(missing),
        "missing_reasons": _kinds(missing),
        "with_film": len(found) - len(no_film),
        "without_film": len(no_film),
        "film_reasons": _kinds(no_film),
        "sound": {
            "resampled": sum(s.sample_rate != sample_rate for s in infos),
            "down_mixed": sum(s.channels != 1 for s in infos),
            "silent": sum(s.silent for s in infos),
            "shorter": sum(
                s.duration < clip_seconds - LENGTH_MARGIN for s in infos
            ),
            "longer": sum(
                s.duration > clip_seconds + LENGTH_MARGIN for s in infos
            ),
        },
        "found_seconds": round(sum(s.duration for s in infos), 3),
    }


def _kinds(reasons):
    """Number of each kind of reason: what stands before the colon."""
    kinds = (r.split(":")[0].split(" (")[0] for r in reasons)
    return dict(sorted(collections.Counter(kinds).items()))


def fingerprint(settings, files, folders):
    """Changes when anything changes that a preparation depends on.

    Arguments
    ---------
    settings : dict
        Arguments; anything that JSON can hold.
    files : list of str
        Files whose content counts; they may be absent.
    folders : list of str
        Folders of which names, sizes and times of change count.

    Returns
    -------
    str
        Hexadecimal digest.
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
