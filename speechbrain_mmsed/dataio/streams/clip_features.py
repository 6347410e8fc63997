"""From the film of one clip to its feature vectors, for several networks.

One decoding pass serves all networks (section 2.1 of the paper asks for 64
pictures per clip). What cannot be had is a reason, not an exception.

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


@dataclasses.dataclass
class ClipFeatures:
    """What came out of one clip.

    Arguments
    ---------
    clip_id : str
        The clip.
    source : str
        What the outcome depends on; see `stream_manifest.ClipRow`.
    features : dict
        Stream name -> (T, D) float32; empty if there is a reason.
    reason : str
        Why there are no features; empty otherwise.
    covered_seconds : float
        How much of the clip the film shows.
    covered : np.ndarray or None
        (T,) bool, at which of the times; None if the film was not read.
    reading, network : float
        Seconds spent on decoding and on embedding.
    """

    clip_id: str
    source: str
    features: dict = dataclasses.field(default_factory=dict)
    reason: str = ""
    covered_seconds: float = 0.0
    covered: np.ndarray | None = None
    reading: float = 0.0
    network: float = 0.0


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
    >>> clip = {"video": "", "video_status": "absent", "duration": 10.0}
    >>> reader("weak/a", clip, []).reason
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
        """Features of one clip.

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
        try:
            frames = self._look(clip, streams, result)
        except MediaError as error:
            result.reason, frames = error.reason, []
        middle = time.perf_counter()
        if not result.reason:
            for index, stream in enumerate(streams):
                pictures, frames[index] = frames[index], None
                result.features[stream] = self.embeddings[stream](pictures)
        result.reading = middle - begin
        result.network = time.perf_counter() - middle
        return result

    def _look(self, clip, streams, result):
        """Pictures for each stream; notes the coverage."""
        embedders = [self.embeddings[s].embedder for s in streams]
        frames, covered = read_frames_at_sizes(
            clip["video"],
            self.times,
            [embedder.frame_size for embedder in embedders],
            [embedder.reduce for embedder in embedders],
            start=clip.get("video_start", 0.0),
        )
        length = self.length(clip)
        result.covered = covered
        within = self.times < length
        fraction = covered[within].mean() if within.any() else 0.0
        result.covered_seconds = float(fraction) * length
        if fraction < self.min_coverage:
            result.reason = (
                f"too short: {result.covered_seconds:.2f} of {length:.2f} s"
            )
        return frames


def source_of(clip):
    """What the outcome for a clip is derived from.

    Arguments
    ---------
    clip : dict
        A row of a manifest.

    Returns
    -------
    source : str
        The film's size and where the clip begins in it, or why there is
        no film. Another source means doing the clip again.

    Example
    -------
    >>> source_of({"video": "", "video_status": "not recorded"})
    'not recorded'
    """
    if not clip["video"]:
        return clip["video_status"]
    try:
        source = f"{os.path.getsize(clip['video'])} bytes"
    except OSError:
        return "absent"
    start = clip.get("video_start", 0.0)
    return source if not start else f"{source} from {start:g} s"
