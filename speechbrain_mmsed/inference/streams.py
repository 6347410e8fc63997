"""The streams beside the log-mel sound, for each window of a recording.

They come from a film or from the sound, through the embedder that made the
training's features, or from features that the caller has.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import os
from dataclasses import dataclass

import numpy as np

from speechbrain_mmsed.dataio.media.frames import grid_times
from speechbrain_mmsed.dataio.media.sound import SOUND_FILE_SUFFIXES
from speechbrain_mmsed.dataio.streams.clip_features import (
    ClipFeatureReader,
    ClipSoundReader,
)
from speechbrain_mmsed.dataio.streams.time_grid import to_grid
from speechbrain_mmsed.inference.results import DetectionError
from speechbrain_mmsed.inference.weights import StreamEmbedders

NO_FILM = "no video track"
# Seconds of a recording without a stream that are not worth a word.
HOLE = 0.5
# Passages that a status lists.
MOST_PARTS = 5


@dataclass
class StreamFeatures:
    """Features of a whole recording that were computed elsewhere.

    Arguments
    ---------
    vectors : numpy.ndarray
        (N, D).
    times : numpy.ndarray
        (N,) seconds, ascending: where the vectors stand.
    """

    vectors: np.ndarray
    times: np.ndarray


@dataclass
class StreamSetup:
    """What a detector's streams look like."""

    names: list
    widths: list  # D of each
    embedders: StreamEmbedders  # make features from films and sound
    n_frames: int  # feature vectors T of a window
    clip_seconds: float  # length of a window
    # A window of which a stream covers less does without it, as in the
    # preparation of the training data.
    min_coverage: float

    def check_names(self, names):
        """Raises a DetectionError for a name that is no stream."""
        unknown = sorted(set(names) - set(self.names))
        if unknown:
            raise DetectionError(
                f"streams {unknown} are not among those of the detector: "
                f"{self.names}"
            )

    def missing(self):
        """(T, D) zeros for each stream, read-only and without memory."""
        return [
            np.broadcast_to(np.float32(0), (self.n_frames, width))
            for width in self.widths
        ]


class RecordingStreams:
    """The streams of one recording, window by window.

    Arguments
    ---------
    setup : StreamSetup
        What the detector wants.
    film : str or None
        The film; None for a recording without one.
    features : dict or None
        Name of a stream -> StreamFeatures, or (T, D) for a recording of one
        window. Other streams come from the film or the sound.
    ignored : bool
        Whether the caller wants none of them.

    Raises
    ------
    DetectionError
        If a stream that is not of films is neither given nor can be made:
        every clip of the training had it.
    """

    def __init__(self, setup, film=None, features=None, ignored=False):
        if ignored:
            film, features = None, None
        self.setup, self.film, self.ignored = setup, film, ignored
        self.features = dict(features or {})
        setup.check_names(self.features)
        self._covered = {name: [] for name in setup.names}
        # Why a stream is absent, unless there is no film.
        self._reasons = {}
        self._times = grid_times(setup.n_frames, setup.clip_seconds)
        films, sounds = {}, {}
        for name in setup.names if not ignored else ():
            of_film = setup.embedders.kind(name) == "film"
            if name in self.features or (of_film and film is None):
                continue
            embedding, reason = setup.embedders.get(name)
            if embedding is not None:
                (films if of_film else sounds)[name] = embedding
            elif of_film:
                self._reasons[name] = reason
            else:
                raise DetectionError(needed(name, reason))
        sizes = setup.n_frames, setup.clip_seconds
        self._reader = ClipFeatureReader(films, *sizes, setup.min_coverage)
        self._listener = ClipSoundReader(sounds, *sizes)

    def window(self, window):
        """What there is beside the sound of a Window: features, available.

        (T, D) float32 of each stream, zeros where there is none; and for
        the sound and each stream whether it is there.
        """
        features = self.setup.missing()
        available = [True] + [False] * len(features)
        found = self._from_film(window) | self._from_sound(window)
        for name in self.features:
            found[name] = self._from_features(name, window)
        for name, (vectors, covered, reason) in found.items():
            if reason:
                self._reasons.setdefault(name, reason)
                continue
            index = self.setup.names.index(name)
            # Training reads them in half precision from disk.
            with np.errstate(over="ignore"):  # said below
                half = vectors.astype(np.float16)
            if not np.isfinite(half).all():
                raise DetectionError(
                    f"stream {name}: features that are not finite, or beyond "
                    f"the range of float16"
                )
            features[index] = half.astype(np.float32)
            available[1 + index] = True
            times = self._times[covered]
            inside = times[times < window.seconds]
            self._covered[name].append(window.begin + inside)
        return features, available

    def _from_film(self, window):
        """Name -> (features, covered, reason) of the film's streams."""
        names = list(self._reader.embeddings)
        if not names:
            return {}
        clip = {
            "video": self.film,
            "video_status": "present",
            "duration": window.seconds,
            "video_start": window.begin,
        }
        found = self._reader(self.film, clip, names)
        no_track = found.reason == "unreadable: no picture track"
        reason = NO_FILM if no_track else found.reason
        return {
            name: (found.features.get(name), found.covered, reason)
            for name in names
        }

    def _from_sound(self, window):
        """Name -> (features, covered, reason) of streams made of sound."""
        names = list(self._listener.embeddings)
        rate = self.setup.embedders.sample_rate
        sound = window.waveform[: round(window.seconds * rate)]
        covered = np.ones(self.setup.n_frames, bool)
        found = self._listener.embed(sound, names)
        return {name: (found[name], covered, "") for name in names}

    def _from_features(self, name, window):
        """(features, covered, reason) of a stream that was given."""
        given = self.features[name]
        width = self.setup.widths[self.setup.names.index(name)]
        if not isinstance(given, StreamFeatures):
            given = np.asarray(given)
            if given.shape != (self.setup.n_frames, width) or window.begin > 0:
                raise DetectionError(
                    f"stream {name} has shape {given.shape}, expected "
                    f"({self.setup.n_frames}, {width}) for a recording of "
                    f"{self.setup.clip_seconds:g} s at most, and "
                    f"StreamFeatures for a longer one"
                )
            return given, np.ones(self.setup.n_frames, bool), ""
        vectors, covered = to_grid(
            given.vectors, given.times, window.begin + self._times
        )
        if vectors.shape[1] != width:
            raise DetectionError(
                f"stream {name} has vectors of length {vectors.shape[1]}, "
                f"expected {width}"
            )
        inside = self._times < window.seconds
        if covered[inside].mean() < self.setup.min_coverage:
            return None, covered, "the features do not cover it"
        return vectors, covered, ""

    def statuses(self, duration):
        """Name -> what became of each stream in so many seconds, in words."""
        return {name: self._status(name, duration) for name in self._covered}

    def _status(self, name, duration):
        if self.ignored:
            return "ignored"
        covered = [times for times in self._covered[name] if len(times)]
        if not covered:
            return f"absent: {self._reasons.get(name, NO_FILM)}"
        times = np.unique(np.concatenate(covered))
        half = self._times[0]
        gaps = np.flatnonzero(np.diff(times) > 2 * half + HOLE)
        begins = times[np.append(0, gaps + 1)] - half
        ends = times[np.append(gaps, len(times) - 1)] + half
        begins, ends = np.maximum(begins, 0), np.minimum(ends, duration)
        if len(begins) == 1 and begins[0] + duration - ends[0] < HOLE:
            return "used"
        parts = [
            f"{begin:.1f}-{end:.1f} s"
            for begin, end in zip(begins, ends, strict=True)
        ]
        if len(parts) > MOST_PARTS:
            parts = [*parts[:MOST_PARTS], f"and {len(parts) - MOST_PARTS} more"]
        return f"partly covered {', '.join(parts)}"


def needed(name, reason):
    """Why there is no detection without a stream that every clip has."""
    return (
        f"stream {name}: {reason}. Each clip of the training "
        f"had it: put its weights where the detector's hyperparams.yaml "
        f"names them, give its features, or leave out all streams by "
        f"primary_weight 1"
    )


def film_of(path):
    """A recording's own path if it may hold a film, else None."""
    ending = os.path.splitext(path)[1].lower()
    return None if ending in SOUND_FILE_SUFFIXES else path
