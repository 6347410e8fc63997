"""Make the built-in corpus: synthetic clips in the folder layout of DESED.

For trying the recipe from nothing and for tests. The clips have the names,
tables and gaps of the real corpus: some recorded clips lack a film, synthetic
(strong) clips never have one, some clips are short, some hold no event. Two
classes sound exactly alike and differ only in the picture: which of the two
a clip holds is a coin flip that its sound knows nothing of.

Example: python builtin_corpus.py --out DIR --seed 1

Authors
 * The speechbrain_mmsed authors, 2026
"""

import argparse
import collections
import concurrent.futures
import csv
import json
import os
import pathlib
import shutil
import string
import tempfile
import wave

import numpy as np
from tqdm import tqdm

from speechbrain_mmsed.dataio.synthetic import (
    N_KINDS,
    film_frames,
    mix_sounds,
    write_film,
)

CLASS_LABELS = (
    "Alarm_bell_ringing",
    "Blender",
    "Cat",
    "Dishes",
    "Dog",
    "Electric_shaver_toothbrush",
    "Frying",
    "Running_water",
    "Speech",
    "Vacuum_cleaner",
)
SAME_SOUND = ("Frying", "Running_water")
FOLDERS = {
    "strong": "train/synthetic20/soundscapes",
    "weak": "train/weak",
    "unlabelled": "train/unlabel_in_domain",
    "validation": "validation",
    "evaluation": "eval/public",
}
TABLES = {
    "strong": "train/synthetic20/soundscapes.tsv",
    "weak": "train/weak.tsv",
    "unlabelled": "train/unlabel_in_domain.tsv",
    "validation": "validation/validation.tsv",
    "evaluation": "eval/public.tsv",
}
DEFAULT_COUNTS = {
    "strong": 96,
    "weak": 96,
    "unlabelled": 64,
    "validation": 60,
    "evaluation": 60,
}
SAMPLE_RATE = 16000
SETTINGS_FILE = "builtin_corpus.json"
# Raised whenever the same settings give other clips.
GENERATOR_VERSION = 1

Clip = collections.namedtuple("Clip", "stem duration events film seed")


def make_builtin_corpus(
    data_folder,
    counts=None,
    seed=1,
    class_labels=CLASS_LABELS,
    same_sound=SAME_SOUND,
    missing_video=0.155,
    short=0.1,
    without_events=0.05,
    film_sound=False,
    n_threads=2,
    progress=True,
):
    """Write the corpus, or find that it is there already.

    It is written to a temporary folder beside `data_folder` and renamed, so
    that a corpus under its final name is always complete.

    Arguments
    ---------
    data_folder : str or pathlib.Path
        Folder to make; absent or empty, or a corpus of the same settings.
    counts : dict or None
        Clips per subset (strong, weak, unlabelled, validation, evaluation);
        None stands for DEFAULT_COUNTS, an absent subset for 0.
    seed : int
        The same settings give the same wav and tsv bytes.
    class_labels : sequence of str
        At most ten; the position decides upon sound and picture.
    same_sound : (str, str) or None
        The two classes that only the film tells apart. A clip never holds
        both; which one is decided by a coin, balanced over the subset.
    missing_video : float
        Share of the recorded (not strong) clips without a film.
    short : float
        Share of the recorded clips that last 5 to 9.9 s instead of 10 s.
    without_events : float
        Share of clips without events, in all subsets but the weak one.
    film_sound : bool
        Whether films get a sound track (0.1 s of work per film).
    n_threads : int
        Threads that write clips; the result does not depend on it.
    progress : bool
        Whether to show a progress bar.

    Returns
    -------
    dict
        "reused" (bool), "clips" and "films" (counts).

    Raises
    ------
    ValueError
        Unknown subset, more than ten labels, or an unusable pair.
    FileExistsError
        The folder holds something else.
    """
    counts = dict(DEFAULT_COUNTS if counts is None else counts)
    labels = list(class_labels)
    _check_settings(counts, labels, same_sound)
    data_folder = pathlib.Path(os.path.abspath(data_folder))
    settings = {
        "generator_version": GENERATOR_VERSION,
        "counts": {subset: counts.get(subset, 0) for subset in FOLDERS},
        "seed": seed,
        "class_labels": labels,
        "same_sound": list(same_sound) if same_sound else None,
        "missing_video": missing_video,
        "short": short,
        "without_events": without_events,
        "film_sound": film_sound,
    }
    shares = {
        "missing_video": missing_video,
        "short": short,
        "without_events": without_events,
    }
    plans = {
        subset: _plan_subset(subset, n, seed, labels, same_sound, shares)
        for subset, n in settings["counts"].items()
    }
    summary = {
        "reused": _is_complete(data_folder, settings),
        "clips": sum(len(plan) for plan in plans.values()),
        "films": sum(clip.film for plan in plans.values() for clip in plan),
    }
    if summary["reused"]:
        return summary

    data_folder.parent.mkdir(parents=True, exist_ok=True)
    partial = pathlib.Path(
        tempfile.mkdtemp(prefix=f".{data_folder.name}_", dir=data_folder.parent)
    )
    try:
        os.chmod(partial, 0o755)  # mkdtemp's folders are private
        sounds = {label: kind for kind, label in enumerate(labels)}
        pictures = dict(sounds)
        if same_sound:
            sounds[same_sound[1]] = sounds[same_sound[0]]
        for subset, plan in plans.items():
            _write_table(partial, subset, plan)
        jobs = [
            (FOLDERS[s], clip) for s, plan in plans.items() for clip in plan
        ]
        for folder in FOLDERS.values():
            (partial / "audio" / folder).mkdir(parents=True)
            (partial / "video" / folder).mkdir(parents=True)
        with concurrent.futures.ThreadPoolExecutor(n_threads) as pool:
            futures = [
                pool.submit(
                    _write_clip, partial, *job, sounds, pictures, film_sound
                )
                for job in jobs
            ]
            try:
                for future in tqdm(
                    concurrent.futures.as_completed(futures),
                    "built-in corpus",
                    len(futures),
                    disable=not progress,
                ):
                    future.result()
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise
        (partial / SETTINGS_FILE).write_text(json.dumps(settings, indent=1))
        # Another process may have been faster; its corpus is as good.
        if not _is_complete(data_folder, settings):
            os.replace(partial, data_folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return summary


def _check_settings(counts, labels, same_sound):
    unknown = sorted(set(counts) - set(FOLDERS))
    if unknown:
        raise ValueError(
            f"Unknown subsets {unknown} in counts; known: {list(FOLDERS)}."
        )
    if len(labels) > N_KINDS or len(set(labels)) < len(labels):
        raise ValueError(
            f"class_labels must be at most {N_KINDS} different names, "
            f"not {labels}."
        )
    if same_sound and (
        len(set(same_sound)) != 2 or not set(same_sound) <= set(labels)
    ):
        raise ValueError(
            f"same_sound must be two of the class labels, not {same_sound}."
        )


def _is_complete(data_folder, settings):
    """Whether this very corpus is there; an error if something else is."""
    if not data_folder.exists():
        return False
    found = data_folder / SETTINGS_FILE
    if found.is_file():
        present = json.loads(found.read_text())
        differing = [
            key
            for key in settings
            if present.get(key) != json.loads(json.dumps(settings[key]))
        ]
        if not differing:
            return True
        told = ", ".join(
            f"{key} {present.get(key)} instead of {settings[key]}"
            for key in differing
        )
        raise FileExistsError(
            f"{data_folder} holds a built-in corpus of other settings "
            f"({told}). Remove it or choose another folder."
        )
    if not data_folder.is_dir() or any(data_folder.iterdir()):
        raise FileExistsError(
            f"{data_folder} exists and is no built-in corpus (it lacks "
            f"{SETTINGS_FILE}). Choose another folder."
        )
    return False


def _plan_subset(subset, n_clips, seed, labels, same_sound, shares):
    """Decide upon every clip of a subset before anything is written."""
    number = list(FOLDERS).index(subset)
    rng = np.random.default_rng([seed, number])
    recorded = subset != "strong"

    def choose(share):
        size = int(round(share * n_clips))
        return set(rng.choice(n_clips, size, replace=False).tolist())

    short = choose(shares["short"] if recorded else 0)
    empty = choose(shares["without_events"] if subset != "weak" else 0)
    filmless = choose(shares["missing_video"] if recorded else 1)
    draw = _deck(labels, same_sound, rng)
    clips = []
    for index in range(n_clips):
        duration = 10.0
        if index in short:
            duration = round(rng.uniform(5, 9.9), 3)
        n_events = (
            0 if index in empty else rng.choice(3, p=[0.35, 0.4, 0.25]) + 1
        )
        events = _place_events(
            [next(draw) for _ in range(n_events)], duration, rng
        )
        stem = _clip_name(subset, index, rng)
        film = index not in filmless
        clips.append(Clip(stem, duration, events, film, [seed, number, index]))
    return _flip_coins(clips, same_sound, rng)


def _deck(labels, same_sound, rng):
    """Endless labels, every class about equally often.

    The pair stands in the deck three times under its first name: its two
    classes need more clips, as only films in weak clips teach them.
    """
    cards = list(labels)
    if same_sound:
        cards = [label for label in labels if label not in same_sound]
        cards += [same_sound[0]] * 3
    while True:
        for position in rng.permutation(len(cards)):
            yield cards[position]


def _place_events(labels, duration, rng, gap=0.5):
    """Give labels a time; events of one class stay apart by `gap` s."""
    events = []
    for label in labels:
        for _ in range(100):
            length = rng.uniform(0.5, 4)
            onset = round(rng.uniform(0, duration - length), 3)
            offset = round(min(onset + length, duration), 3)
            if all(
                other[2] != label
                or offset + gap <= other[0]
                or other[1] + gap <= onset
                for other in events
            ):
                events.append((onset, offset, label))
                break
    return sorted(events)


def _clip_name(subset, index, rng):
    """Names as in the real corpus, which differ between its subsets."""
    alphabet = string.ascii_letters + string.digits + "-_"
    identity = "".join(alphabet[i] for i in rng.integers(64, size=11))
    start = 10 * int(rng.integers(40))
    if subset == "strong":
        return str(index)
    if subset == "evaluation":
        return f"{identity}_{start}_{start + 10}"
    return f"Y{identity}_{start}.000_{start + 10}.000"


def _flip_coins(clips, same_sound, rng):
    """Rename the pair's events in half of its clips, at random."""
    if not same_sound:
        return clips
    first, second = same_sound
    paired = [
        index
        for index, clip in enumerate(clips)
        if any(event[2] == first for event in clip.events)
    ]
    coins = rng.permutation(np.arange(len(paired)) % 2)
    for index, coin in zip(paired, coins, strict=True):
        if coin:
            events = [
                (onset, offset, second if label == first else label)
                for onset, offset, label in clips[index].events
            ]
            clips[index] = clips[index]._replace(events=sorted(events))
    return clips


def _write_clip(root, folder, clip, sounds, pictures, film_sound):
    # Sorted by time, not by name: the order must not tell the pair apart.
    heard = sorted((a, b, sounds[label]) for a, b, label in clip.events)
    sound = mix_sounds(
        heard,
        round(clip.duration * SAMPLE_RATE),
        np.random.default_rng([*clip.seed, 0]),
        SAMPLE_RATE,
    )
    with wave.open(
        str(root / "audio" / folder / f"{clip.stem}.wav"), "wb"
    ) as f:
        f.setnchannels(1)
        f.setsampwidth(2)
        f.setframerate(SAMPLE_RATE)
        f.writeframes(sound.astype("<i2").tobytes())
    if clip.film:
        seen = [(a, b, pictures[label]) for a, b, label in clip.events]
        rng = np.random.default_rng([*clip.seed, 1])
        write_film(
            root / "video" / folder / f"{clip.stem}.mp4",
            film_frames(seen, clip.duration, rng),
            sound=sound if film_sound else None,
            sample_rate=SAMPLE_RATE,
        )


def _write_table(root, subset, clips):
    names = [f"{clip.stem}.wav" for clip in clips]
    if subset == "unlabelled":
        rows = [["filename"]] + [[name] for name in names]
    elif subset == "weak":
        rows = [["filename", "event_labels"]]
        for name, clip in zip(names, clips, strict=True):
            rows.append([name, ",".join(sorted({e[2] for e in clip.events}))])
    else:
        rows = [["filename", "onset", "offset", "event_label"]]
        for name, clip in zip(names, clips, strict=True):
            for onset, offset, label in clip.events:
                rows.append([name, f"{onset:.3f}", f"{offset:.3f}", label])
            if not clip.events:
                rows.append([name, "", "", ""])
    path = root / "metadata" / TABLES[subset]
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", newline="", encoding="utf-8") as handle:
        writer = csv.writer(handle, delimiter="\t", lineterminator="\n")
        writer.writerows(rows)


def _main():
    parser = argparse.ArgumentParser(
        description="Make the built-in corpus in the folder layout of DESED."
    )
    parser.add_argument("--out", required=True, help="folder to make")
    parser.add_argument("--seed", type=int, default=1)
    for subset, n_clips in DEFAULT_COUNTS.items():
        parser.add_argument(f"--{subset}", type=int, default=n_clips)
    parser.add_argument(
        "--film-sound", action="store_true", help="films with a sound track"
    )
    arguments = parser.parse_args()
    summary = make_builtin_corpus(
        arguments.out,
        {subset: getattr(arguments, subset) for subset in DEFAULT_COUNTS},
        arguments.seed,
        film_sound=arguments.film_sound,
    )
    done = "already complete" if summary["reused"] else "written"
    print(
        f"{arguments.out}: {summary['clips']} clips, "
        f"{summary['films']} films, {done}"
    )


if __name__ == "__main__":
    _main()
