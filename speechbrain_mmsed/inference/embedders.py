"""The networks that make the streams of films, as those of training did.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import threading

from speechbrain_mmsed.dataio.streams.description import IDENTITY, fingerprint
from speechbrain_mmsed.dataio.streams.embedding import FrameEmbedding
from speechbrain_mmsed.inference.results import DetectionError


class StreamEmbedders:
    """Builds the embedders of a detector's streams when first needed.

    The descriptions are those of `streams.json`; the builders, functions
    without arguments by the names of the streams.
    """

    def __init__(self, descriptions, builders, device="cpu"):
        self.descriptions = {d["name"]: d for d in descriptions}
        self.builders = dict(builders)
        self.device = device
        self._built = {}
        self._lock = threading.Lock()

    def get(self, name):
        """(FrameEmbedding, "") of a stream, or (None, why there is none).

        Raises a DetectionError if the embedder makes other features than
        those of training.
        """
        with self._lock:  # recordings are read by several threads
            if name not in self._built:
                self._built[name] = self._build(name)
            return self._built[name]

    def use(self, name, embedder):
        """Takes a FrameEmbedder that makes a stream's features of training."""
        self._built[name] = (self._checked(name, embedder), "")

    def _build(self, name):
        if name not in self.builders:
            return None, "streams.json does not say what makes it from a film"
        try:
            embedder = self.builders[name]()
        except Exception as error:  # whatever a user's own network raises
            text = " ".join(str(error).split())
            return None, f"{name} cannot be made: {text}"
        return self._checked(name, embedder), ""

    def _checked(self, name, embedder):
        """The embedder as a FrameEmbedding, if it is that of training."""
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
