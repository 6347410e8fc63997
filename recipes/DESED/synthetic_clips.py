"""Synthetic clips: what happens in each, and its sound file and film.

A plan is made before anything is written, so that shares are met exactly and
classes come equally often however few clips there are. Two labels may share a
sound while their pictures differ: only the film tells them apart, which shows
whether a system uses it.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import concurrent.futures
import dataclasses
import wave

import numpy as np
from synthetic import (
    N_KINDS,
    SAMPLE_RATE,
    mix_sounds,
)
from synthetic_film import (
    film_frames,
    write_film,
)
from tqdm import tqdm


@dataclasses.dataclass
class PlannedClip:
    """One clip of a plan."""

    duration: float  # seconds
    events: list  # (onset, offset, label), in seconds, sorted
    film: bool  # whether the clip gets a film


def plan_clips(
    n_clips,
    labels,
    rng,
    same_sound=None,
    missing_video=0.0,
    short=0.0,
    without_events=0.0,
    clip_seconds=10.0,
):
    """Decide upon duration, events and film of each clip.

    A clip holds 1 to 3 events of 0.5 to 4 s; events of one class stay half a
    second apart, those of different classes may overlap.

    Arguments
    ---------
    n_clips : int
        Number of clips.
    labels : list of str
        Classes.
    rng : numpy.random.Generator
        Source of all decisions.
    same_sound : (str, str) or None
        Two classes of which a clip never holds both. Which one is decided by
        a coin that nothing else depends on, balanced over the clips.
    missing_video : float
        Share of clips without a film (met as exactly as rounding allows,
        like the other shares).
    short : float
        Share of clips that last 50 to 99 % of `clip_seconds`.
    without_events : float
        Share of clips without events.
    clip_seconds : float
        Duration of the other clips, 8 s or more.

    Returns
    -------
    list of PlannedClip
        n_clips plans.

    Example
    -------
    >>> plan = plan_clips(20, ["a", "b"], np.random.default_rng(0), short=0.1)
    >>> sum(clip.duration < 10 for clip in plan)
    2
    """

    def choose(share):
        size = int(round(share * n_clips))
        return set(rng.choice(n_clips, size, replace=False).tolist())

    is_short, is_empty = choose(short), choose(without_events)
    is_filmless = choose(missing_video)
    draw = _deck(labels, same_sound, rng)
    clips = []
    for index in range(n_clips):
        duration = clip_seconds
        if index in is_short:
            duration = round(clip_seconds * rng.uniform(0.5, 0.99), 3)
        n_events = rng.choice((1, 2, 3), p=(0.35, 0.4, 0.25))
        if index in is_empty:
            n_events = 0
        drawn = [next(draw) for _ in range(n_events)]
        events = _place_events(drawn, duration, rng)
        clips.append(PlannedClip(duration, events, index not in is_filmless))
    if same_sound:
        _flip_coins(clips, same_sound, rng)
    return clips


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


def write_clips(
    jobs, sounds, pictures, film_sound=False, n_threads=2, progress=True
):
    """Writes many clips by several threads; the files do not depend on that.

    Arguments
    ---------
    jobs : list of (PlannedClip, path, path, list of int)
        Clip, its wav, its film (not written if it has none), and a seed
        that draws sounds and pictures independently of each other.
    sounds, pictures : dict
        label -> kind, as from `kinds_of_labels`.
    film_sound : bool
        Whether films get a sound track.
    n_threads : int
        Number of threads.
    progress : bool
        Whether to show a progress bar.
    """

    def write(job):
        _write_clip(*job, sounds, pictures, film_sound)

    with concurrent.futures.ThreadPoolExecutor(n_threads) as pool:
        # After an error, map does not begin the other jobs.
        done = pool.map(write, jobs)
        list(tqdm(done, "synthetic clips", len(jobs), disable=not progress))


def _write_clip(clip, wav, film, seed, sounds, pictures, film_sound):
    """Writes a planned clip: one wav and, if it has one, its film."""
    sound = mix_sounds(
        [(a, b, sounds[label]) for a, b, label in clip.events],
        round(clip.duration * SAMPLE_RATE),
        np.random.default_rng([*seed, 0]),
    )
    with wave.open(str(wav), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes(sound.astype("<i2").tobytes())
    if clip.film:
        frames = film_frames(
            [(a, b, pictures[label]) for a, b, label in clip.events],
            clip.duration,
            np.random.default_rng([*seed, 1]),
        )
        write_film(film, frames, sound if film_sound else None)


def _deck(labels, same_sound, rng):
    """Endless labels, every class about equally often.

    The pair stands in the deck three times under its first name: its two
    classes need more clips, as only clips with a film teach them.
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
                other != label or offset + gap <= first or last + gap <= onset
                for first, last, other in events
            ):
                events.append((onset, offset, label))
                break
    return sorted(events)


def _flip_coins(clips, same_sound, rng):
    """Rename the pair's events in half of its clips, at random."""
    first, second = same_sound
    paired = [c for c in clips if any(e[2] == first for e in c.events)]
    coins = rng.permutation(np.arange(len(paired)) % 2)
    for clip, coin in zip(paired, coins, strict=True):
        if coin:
            clip.events = sorted(
                (onset, offset, second if label == first else label)
                for onset, offset, label in clip.events
            )
