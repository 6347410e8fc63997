"""One clip's feature vectors at the times the network looks at.

They come from the clip's film, which is decoded once for all networks
(section 2.1 of the paper asks for 64 pictures per clip), from its sound, or
from vectors that another tool computed at a rate of its own.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import dataclasses
import os
import time

import numpy as np

from speechbrain_mmsed.dataio.media.frames import (
    MediaError,
    grid_times,
    read_frames_at_sizes,
)
from speechbrain_mmsed.dataio.media.sound import SoundError, read_sound
from speechbrain_mmsed.dataio.streams.time_grid import to_grid
from speechbrain_mmsed.lobes.frontend import peak_normalise


@dataclasses.dataclass
class ClipFeatures:
    """What came out of one clip."""

    clip_id: str
    source: str  # what the outcome depends on; see `ClipRow`
    # Stream name -> (T, D) float32; empty if there is a reason.
    features: dict = dataclasses.field(default_factory=dict)
    reason: str = ""
    covered_seconds: float = 0.0
    covered: np.ndarray | None = None  # (T,) bool, if the film was read
    reading: float = 0.0  # seconds spent on decoding
    network: float = 0.0  # and on embedding


class ClipFeatureReader:
    """Looks at the film of a clip and embeds what it shows.

    Arguments
    ---------
    embeddings : dict
        Stream name -> FrameEmbedding.
    n_frames : int
        Feature vectors T per clip.
    clip_seconds : float
        Nominal length of a clip.
    min_coverage : float
        A clip of whose length (at most `clip_seconds`) the film shows a
        smaller fraction counts as having no film.

    Example
    -------
    >>> reader = ClipFeatureReader({})
    >>> reader("a", {"video": "", "video_status": "absent"}, []).reason
    'absent'
    """

    def __init__(
        self, embeddings, n_frames=64, clip_seconds=10.0, min_coverage=0.5
    ):
        self.embeddings = embeddings
        self.clip_seconds = clip_seconds
        self.min_coverage = min_coverage
        self.times = grid_times(n_frames, clip_seconds)

    def length(self, clip):
        """Seconds of a clip that the network sees."""
        return min(clip["duration"], self.clip_seconds)

    def __call__(self, clip_id, clip, streams):
        """Features of one clip; what cannot be had is a reason, no exception.

        Arguments
        ---------
        clip_id : str
            The clip.
        clip : dict
            With "video" (path or ""), "video_status", "duration" (s) and
            perhaps "video_start" (s), as in the corpus' manifests.
        streams : list of str
            Which streams to make.

        Returns
        -------
        ClipFeatures
        """
        result = ClipFeatures(clip_id, source_of(clip))
        if not clip["video"]:
            result.reason = clip["video_status"]
            return result
        begin = time.perf_counter()
        embedders = [self.embeddings[stream].embedder for stream in streams]
        sizes = [embedder.frame_size for embedder in embedders]
        reducers = [embedder.reduce for embedder in embedders]
        start = clip.get("video_start", 0.0)
        try:
            frames, result.covered = read_frames_at_sizes(
                clip["video"], self.times, sizes, reducers, start
            )
            result.covered_seconds, result.reason = coverage(
                result.covered, self.times, self.length(clip), self.min_coverage
            )
        except MediaError as error:
            result.reason = error.reason
        middle = time.perf_counter()
        if not result.reason:
            for index, stream in enumerate(streams):
                pictures, frames[index] = frames[index], None
                result.features[stream] = self.embeddings[stream](pictures)
        result.reading = middle - begin
        result.network = time.perf_counter() - middle
        return result


class ClipSoundReader:
    """Listens to the sound of a clip; the twin of `ClipFeatureReader`.

    Arguments
    ---------
    embeddings : dict
        Stream name -> SoundEmbedding, all of one sample rate.
    n_frames, clip_seconds
        As of `ClipFeatureReader`.
    """

    def __init__(self, embeddings, n_frames=64, clip_seconds=10.0):
        self.embeddings = embeddings
        self.clip_seconds = clip_seconds
        self.times = grid_times(n_frames, clip_seconds)

    def __call__(self, clip_id, clip, streams):
        """Features of one clip with "wav", a path; else as its twin."""
        result = ClipFeatures(clip_id, source_of(clip, "sound"))
        begin = time.perf_counter()
        rate = self.embeddings[streams[0]].sample_rate
        try:
            n_samples = round(self.clip_seconds * rate)
            sound = read_sound(clip["wav"], rate, n_samples)
        except SoundError as error:
            result.reason = error.reason
            return result
        middle = time.perf_counter()
        result.features = self.embed(peak_normalise(sound).numpy(), streams)
        result.covered_seconds = len(sound) / rate
        result.reading = middle - begin
        result.network = time.perf_counter() - middle
        return result

    def embed(self, waveform, streams):
        """Stream name -> (T, D), of (samples,) sound divided by its peak."""
        features = {}
        for stream in streams:
            vectors, times = self.embeddings[stream](waveform)
            features[stream], _ = to_grid(
                vectors, times, self.times, spacing=self.clip_seconds
            )
        return features


def source_of(clip, kind="film"):
    """What the outcome for a clip is derived from; another: do it again."""
    path = clip["wav" if kind == "sound" else "video"]
    if not path:
        return clip["video_status"]
    try:
        source = f"{os.path.getsize(path)} bytes"
    except OSError:
        return "absent"
    start = 0.0 if kind == "sound" else clip.get("video_start", 0.0)
    return source if not start else f"{source} from {start:g} s"


def coverage(covered, times, length, min_coverage):
    """Seconds of a clip that are covered; why that is too little, or ""."""
    within = times < length
    fraction = float(covered[within].mean()) if within.any() else 0.0
    seconds = fraction * length
    short = f"too short: {seconds:.2f} of {length:.2f} s"
    return seconds, short if fraction < min_coverage else ""
