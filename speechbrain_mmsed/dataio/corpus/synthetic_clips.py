"""Planned synthetic clips become sound files and films.

Two labels may share a sound while their pictures differ: only the film tells
them apart, which shows whether a system uses it.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import concurrent.futures
import wave

import numpy as np
from tqdm import tqdm

from speechbrain_mmsed.dataio.corpus.synthetic import N_KINDS, mix_sounds
from speechbrain_mmsed.dataio.corpus.synthetic_film import (
    film_frames,
    write_film,
)


def kinds_of_labels(labels, same_sound=None):
    """Kinds of sound and of picture that stand for the labels.

    Arguments
    ---------
    labels : list of str
        At most ten different names; the position is the kind.
    same_sound : (str, str) or None
        Two labels of which the second sounds like the first.

    Returns
    -------
    (dict, dict)
        label -> kind of sound; label -> kind of picture.

    Raises
    ------
    ValueError
        Too many labels, a label twice, or a pair that is not among them.

    Example
    -------
    >>> kinds_of_labels(["a", "b", "c"], ("a", "c"))[0]
    {'a': 0, 'b': 1, 'c': 0}
    """
    if len(labels) > N_KINDS or len(set(labels)) < len(labels):
        raise ValueError(
            f"class_labels must be at most {N_KINDS} different names, "
            f"not {labels}."
        )
    pictures = {label: kind for kind, label in enumerate(labels)}
    sounds = dict(pictures)
    if same_sound:
        if len(set(same_sound)) != 2 or not set(same_sound) <= set(labels):
            raise ValueError(
                f"same_sound must be two of the class labels {labels}, "
                f"not {same_sound}."
            )
        sounds[same_sound[1]] = sounds[same_sound[0]]
    return sounds, pictures


def write_clip(
    clip,
    wav,
    film,
    seed,
    sounds,
    pictures,
    sample_rate=16000,
    film_sound=False,
):
    """Write a planned clip: one wav and, if it has one, its film.

    Arguments
    ---------
    clip : PlannedClip
        What to write.
    wav, film : str or pathlib.Path
        Files to write; `film` is left alone if the clip has none.
    seed : list of int
        Draws sounds and pictures, independently of each other.
    sounds, pictures : dict
        label -> kind; two labels of one kind sound or look alike.
    sample_rate : int
        Samples per second.
    film_sound : bool
        Whether the film gets a sound track.
    """
    sound = mix_sounds(
        [(a, b, sounds[label]) for a, b, label in clip.events],
        round(clip.duration * sample_rate),
        np.random.default_rng([*seed, 0]),
        sample_rate,
    )
    with wave.open(str(wav), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(sample_rate)
        file.writeframes(sound.astype("<i2").tobytes())
    if clip.film:
        frames = film_frames(
            [(a, b, pictures[label]) for a, b, label in clip.events],
            clip.duration,
            np.random.default_rng([*seed, 1]),
        )
        track = sound if film_sound else None
        write_film(film, frames, sound=track, sample_rate=sample_rate)


def write_clips(
    jobs, sounds, pictures, film_sound=False, n_threads=2, progress=True
):
    """Write many clips by several threads; the files do not depend on that.

    Arguments
    ---------
    jobs : list of (PlannedClip, path, path, list of int)
        Clip, wav, film and seed, as for `write_clip`.
    sounds, pictures : dict
        label -> kind.
    film_sound : bool
        Whether films get a sound track.
    n_threads : int
        Number of threads.
    progress : bool
        Whether to show a progress bar.
    """
    with concurrent.futures.ThreadPoolExecutor(n_threads) as pool:
        futures = [
            pool.submit(
                write_clip, *job, sounds, pictures, film_sound=film_sound
            )
            for job in jobs
        ]
        done = concurrent.futures.as_completed(futures)
        try:
            for future in tqdm(
                done, "synthetic clips", len(jobs), disable=not progress
            ):
                future.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
