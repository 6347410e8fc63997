"""Make the built-in corpus: synthetic clips in the folder layout of DESED.

The clips have the names, tables and gaps of the real corpus: some recorded
clips have no film, synthetic (strong) clips never have one, some are short,
some hold no event. Two classes sound exactly alike and differ only in the
picture: which one a clip holds is a coin flip its sound knows nothing of.

Example: python builtin_corpus.py --out DIR --seed 1

Authors
 * The speechbrain_mmsed authors, 2026
"""

import argparse
import csv
import pathlib
import string

import numpy as np
from desed_dcase2020 import FOLDERS as SUBSETS
from synthetic_clips import (
    kinds_of_labels,
    plan_clips,
    write_clips,
)

from speechbrain_mmsed.dataio.corpus.settings_folder import (
    is_complete,
    written_at_once,
)
from speechbrain_mmsed.files import run_program

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
DEFAULT_COUNTS = dict(zip(SUBSETS, (96, 120, 40, 60, 60), strict=True))
SETTINGS_FILE = "builtin_corpus.json"
# Raised whenever the same settings give other clips.
GENERATOR_VERSION = 1


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
    settings = {
        "generator_version": GENERATOR_VERSION,
        "counts": dict.fromkeys(SUBSETS, 0)
        | dict(DEFAULT_COUNTS if counts is None else counts),
        "seed": seed,
        "class_labels": list(class_labels),
        "same_sound": list(same_sound) if same_sound else None,
        "missing_video": missing_video,
        "short": short,
        "without_events": without_events,
        "film_sound": film_sound,
    }
    unknown = sorted(set(settings["counts"]) - set(SUBSETS))
    if unknown:
        raise ValueError(
            f"Unknown subsets {unknown} in counts; known: {list(SUBSETS)}."
        )
    kinds = kinds_of_labels(settings["class_labels"], settings["same_sound"])
    plans = {subset: _plan_subset(subset, settings) for subset in SUBSETS}
    data_folder = pathlib.Path(data_folder)
    summary = {
        "reused": is_complete(data_folder, settings, SETTINGS_FILE),
        "clips": sum(len(plan) for plan in plans.values()),
        "films": sum(
            clip.film for plan in plans.values() for clip in plan.values()
        ),
    }
    if not summary["reused"]:
        with written_at_once(data_folder, settings, SETTINGS_FILE) as partial:
            _write_corpus(partial, plans, settings, kinds, n_threads, progress)
    return summary


def _plan_subset(subset, settings):
    """Clips of a subset: file name without ending -> PlannedClip."""
    recorded = subset != "strong"
    rng = np.random.default_rng([settings["seed"], list(SUBSETS).index(subset)])
    clips = plan_clips(
        settings["counts"][subset],
        settings["class_labels"],
        rng,
        settings["same_sound"],
        missing_video=settings["missing_video"] if recorded else 1.0,
        short=settings["short"] if recorded else 0.0,
        # The real table of weak clips holds only clips with a label.
        without_events=settings["without_events"] if subset != "weak" else 0,
    )
    return {
        _clip_name(subset, index, rng): clip for index, clip in enumerate(clips)
    }


def _clip_name(subset, index, rng):
    """Names as in the real corpus, which differ between its subsets."""
    if subset == "strong":
        return str(index)
    alphabet = string.ascii_letters + string.digits + "-_"
    identity = "".join(alphabet[i] for i in rng.integers(64, size=11))
    start = 10 * int(rng.integers(40))
    if subset == "evaluation":
        return f"{identity}_{start}_{start + 10}"
    return f"Y{identity}_{start}.000_{start + 10}.000"


def _write_corpus(root, plans, settings, kinds, n_threads, progress):
    jobs = []
    for subset, plan in plans.items():
        folder, table = SUBSETS[subset]
        _write_table(root / "metadata" / table, subset, plan)
        for kind in ("audio", "video"):
            (root / kind / folder).mkdir(parents=True)
        for index, (name, clip) in enumerate(plan.items()):
            wav = root / "audio" / folder / f"{name}.wav"
            film = root / "video" / folder / f"{name}.mp4"
            seed = [settings["seed"], list(SUBSETS).index(subset), index]
            jobs.append((clip, wav, film, seed))
    write_clips(
        jobs,
        *kinds,
        film_sound=settings["film_sound"],
        n_threads=n_threads,
        progress=progress,
    )


def _write_table(path, subset, plan):
    if subset == "unlabelled":
        rows = [["filename"], *([f"{name}.wav"] for name in plan)]
    elif subset == "weak":
        rows = [["filename", "event_labels"]]
        for name, clip in plan.items():
            tags = sorted({label for _, _, label in clip.events})
            rows.append([f"{name}.wav", ",".join(tags)])
    else:
        rows = [["filename", "onset", "offset", "event_label"]]
        for name, clip in plan.items():
            for onset, offset, label in clip.events:
                times = f"{onset:.3f}", f"{offset:.3f}"
                rows.append([f"{name}.wav", *times, label])
            if not clip.events:
                rows.append([f"{name}.wav", "", "", ""])
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
    try:
        summary = make_builtin_corpus(
            arguments.out,
            {subset: getattr(arguments, subset) for subset in DEFAULT_COUNTS},
            arguments.seed,
            film_sound=arguments.film_sound,
        )
    except (ValueError, OSError) as error:
        parser.exit(1, f"{parser.prog}: {error}\n")
    done = "already complete" if summary["reused"] else "written"
    print(
        f"{arguments.out}: {summary['clips']} clips, "
        f"{summary['films']} films, {done}"
    )


if __name__ == "__main__":
    run_program("builtin_corpus.py", _main)
