"""The streams beside the sound, for each window of a recording.

They come from a film, through the embedder that made the training's
features, or from features that the caller has.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import os
import threading

import numpy as np

from speechbrain_mmsed.dataio.clip_features import ClipFeatureReader
from speechbrain_mmsed.dataio.embedding import FrameEmbedding
from speechbrain_mmsed.dataio.sound import SOUND_FILE_SUFFIXES
from speechbrain_mmsed.dataio.stream_description import (
    IDENTITY,
    fingerprint,
)
from speechbrain_mmsed.inference.errors import DetectionError

NO_FILM = "no video track"


class StreamEmbedders:
    """Builds the embedders of a detector's streams when first needed.

    Arguments
    ---------
    descriptions : list of dict
        For each stream of the detector "name" and what made its features
        in training, as in `streams.json`.
    builders : dict
        Name -> function without arguments that builds the embedder.
    device : str
        Where to compute.
    """

    def __init__(self, descriptions, builders, device="cpu"):
        self.descriptions = {d["name"]: d for d in descriptions}
        self.builders = dict(builders)
        self.device = device
        self._built = {}
        self._lock = threading.Lock()

    def get(self, name):
        """The embedder of a stream and why there is none.

        Arguments
        ---------
        name : str
            The stream.

        Returns
        -------
        embedding : FrameEmbedding or None
        reason : str
            Empty if there is one.

        Raises
        ------
        DetectionError
            If the embedder makes other features than those of training.
        """
        with self._lock:  # recordings are read by several threads
            if name not in self._built:
                self._built[name] = self._build(name)
            return self._built[name]

    def use(self, name, embedder):
        """Takes a given embedder for a stream.

        Arguments
        ---------
        name : str
            The stream.
        embedder : FrameEmbedder
            Must make the features of training.
        """
        self._built[name] = (self._checked(name, embedder), "")

    def _build(self, name):
        if name not in self.builders:
            return None, f"nothing says how to make {name}"
        try:
            embedder = self.builders[name]()
        except Exception as error:  # whatever a user's own network raises
            text = " ".join(str(error).split())
            return None, f"{name} cannot be made: {text}"
        return self._checked(name, embedder), ""

    def _checked(self, name, embedder):
        stored = self.descriptions[name]
        made = {
            **embedder.description(),
            "width": embedder.width,
            "n_frames": stored["n_frames"],
            "clip_seconds": stored["clip_seconds"],
            # Chosen by what computed it, and kept below.
            "precision": stored.get("precision"),
        }
        if fingerprint(made) != fingerprint(stored):
            differing = "; ".join(
                f"{key} was {stored.get(key)!r} in training and is "
                f"{made.get(key)!r} now"
                for key in IDENTITY
                if stored.get(key) != made.get(key)
            )
            raise DetectionError(
                f"stream {name}: its features have the fingerprint "
                f"{fingerprint(made)}, but the network was trained on "
                f"{fingerprint(stored)}: {differing}. Use the embedder and "
                f"weights of training, or remove the video"
            )
        precision = stored.get("precision") or "fp32"
        return FrameEmbedding(embedder, self.device, precision)


class FilmStreams:
    """Features of a film for windows of a recording.

    Arguments
    ---------
    names : list of str
        The detector's streams.
    widths : list of int
        Their widths.
    embedders : StreamEmbedders
        Where their embedders come from.
    path : str or None
        The film; None for a recording without one.
    n_frames : int
        Feature vectors T of a window.
    clip_seconds : float
        Length of a window.
    min_coverage : float
        A window of which the film shows less counts as having none, as in
        the preparation of the training data.
    frame_hop : float
        Seconds of a frame.
    """

    def __init__(
        self,
        names,
        widths,
        embedders,
        path,
        n_frames,
        clip_seconds,
        min_coverage,
        frame_hop,
    ):
        self.names, self.path, self.frame_hop = list(names), path, frame_hop
        self._zeros = [np.zeros((n_frames, w), np.float32) for w in widths]
        self._reasons = {}
        self._covered = {name: [] for name in self.names}
        embeddings = {}
        for name in self.names:
            if path is None:
                self._reasons[name] = NO_FILM
                continue
            embedding, reason = embedders.get(name)
            if embedding is None:
                self._reasons[name] = reason
            else:
                embeddings[name] = embedding
        self._reader = ClipFeatureReader(
            embeddings, n_frames, clip_seconds, min_coverage
        )

    def window(self, window):
        """Features of one window.

        Arguments
        ---------
        window : Window
            Says which part of the recording.

        Returns
        -------
        features : list of numpy.ndarray
            For each stream (T, D) float32, zeros where there is none.
        available : list of bool
            For the sound and each stream.
        """
        features, available = list(self._zeros), [True]
        available += [False] * len(self.names)
        streams = list(self._reader.embeddings)
        if not streams:
            return features, available
        start = window.begin
        clip = {
            "video": self.path,
            "video_status": "present",
            "duration": window.seconds,
            "video_start": start,
        }
        found = self._reader(str(self.path), clip, streams)
        for name in streams:
            if found.reason:
                no_track = found.reason == "unreadable: no picture track"
                reason = NO_FILM if no_track else found.reason
                self._reasons.setdefault(name, reason)
                continue
            index = self.names.index(name)
            # Training reads them in half precision from disk.
            half = found.features[name].astype(np.float16)
            features[index] = half.astype(np.float32)
            available[1 + index] = True
            length = self._reader.length(clip)
            self._covered[name].append(
                (start, start + length, found.covered_seconds >= length - 0.2)
            )
        return features, available

    def statuses(self, duration):
        """What became of each stream, for people.

        Arguments
        ---------
        duration : float
            Seconds of the recording.

        Returns
        -------
        dict
            Name -> text.
        """
        return {name: self._status(name, duration) for name in self.names}

    def _status(self, name, duration):
        spans = self._covered[name]
        if not spans:
            return f"absent: {self._reasons.get(name, NO_FILM)}"
        joined = [list(spans[0])]
        for begin, end, whole in spans[1:]:
            if begin <= joined[-1][1]:
                joined[-1][1] = end
                joined[-1][2] &= whole
            else:
                joined.append([begin, end, whole])
        begin, end, whole = joined[0]
        if len(joined) == 1 and begin == 0 and end >= duration - 0.2 and whole:
            return "used"
        parts = ", ".join(
            f"{begin:.1f}-{end:.1f} s" for begin, end, _ in joined
        )
        return f"partly covered {parts}"


class GivenStreams:
    """Features of clips that the caller has.

    Arguments
    ---------
    names : list of str
        The detector's streams.
    widths : list of int
        Their widths.
    n_frames : int
        Feature vectors T of a clip.
    given : dict
        Name -> for each clip (T, D) features or None.

    Raises
    ------
    DetectionError
        If a name is unknown.

    Example
    -------
    >>> given = GivenStreams(["a"], [3], 64, {"a": [None, np.ones((64, 3))]})
    >>> given.clip(0)[1], given.clip(1)[1]
    ([True, False], [True, True])
    """

    def __init__(self, names, widths, n_frames, given):
        unknown = sorted(set(given) - set(names))
        if unknown:
            raise DetectionError(
                f"streams {unknown} are not among those of the detector: "
                f"{names}"
            )
        self.names, self.given = list(names), given
        self.shapes = [(n_frames, width) for width in widths]

    def clip(self, number):
        """Features and availability of one clip.

        Arguments
        ---------
        number : int
            Its number.

        Returns
        -------
        features : list of numpy.ndarray
            For each stream (T, D) float32, zeros where there is none.
        available : list of bool
            For the sound and each stream.

        Raises
        ------
        DetectionError
            If features have another shape.
        """
        features, available = [], [True]
        for name, shape in zip(self.names, self.shapes, strict=True):
            found = self.given.get(name)
            found = None if found is None else found[number]
            available.append(found is not None)
            if found is None:
                found = np.zeros(shape, np.float32)
            features.append(np.asarray(found, dtype=np.float32))
            if features[-1].shape != shape:
                raise DetectionError(
                    f"stream {name} of clip {number} has shape "
                    f"{features[-1].shape}, expected {shape}"
                )
        return features, available


def film_of(path):
    """The film in a recording's own file, if it may hold one.

    Arguments
    ---------
    path : str
        The recording.

    Returns
    -------
    str or None
        The path itself unless its ending is that of plain sound.
    """
    ending = os.path.splitext(path)[1].lower()
    return None if ending in SOUND_FILE_SUFFIXES else path
