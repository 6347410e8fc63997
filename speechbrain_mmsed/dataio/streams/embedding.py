"""Runs a frame embedder over the pictures of a clip, quickly.

Stills and black screens are common in collected films, so pictures with the
same bytes are embedded once. Which precision is fast depends on the machine
(`precision.py`). Since features of two precisions differ, a stream that is
begun keeps its own (`FrameEmbedding.adopt`).

Authors
 * The speechbrain_mmsed authors, 2026
"""

import contextlib
import logging
import threading

import numpy as np
import torch

from speechbrain_mmsed.dataio.media.pictures import resized
from speechbrain_mmsed.dataio.streams.precision import (
    choose_precision,
    has_bf16,
)

logger = logging.getLogger(__name__)

# Pictures at a time. On a processor the maps of a few pictures fit into its
# cache; a GPU wants more to do.
BATCH_SIZES = {"cpu": 4, "cuda": 64}


def distinct_frames(frames):
    """Finds pictures that are equal byte for byte.

    Arguments
    ---------
    frames : np.ndarray
        (N, H, W, 3) uint8.

    Returns
    -------
    first : np.ndarray
        (M,) index of the first of each group of equal pictures.
    group : np.ndarray
        (N,) group of each picture; frames[first][group] equals frames.

    Example
    -------
    >>> frames = np.array([7, 8, 7], np.uint8).reshape(3, 1, 1, 1)
    >>> distinct_frames(frames)[0].tolist(), distinct_frames(frames)[1].tolist()
    ([0, 1], [0, 1, 0])
    """
    groups, first = {}, []
    group = np.empty(len(frames), dtype=int)
    for index, frame in enumerate(frames):
        # A dict compares the bytes themselves when two hashes agree.
        group[index] = groups.setdefault(frame.tobytes(), len(first))
        if group[index] == len(first):
            first.append(index)
    return np.array(first, dtype=int), group


class FrameEmbedding:
    """An embedder placed on a device, with batching and precision.

    Arguments
    ---------
    embedder : FrameEmbedder
        The network.
    device : str
        Where to compute.
    precision : str
        "fp32", "bf16" or "auto"; see `choose_precision`.
    batch_size : int or None
        Pictures at a time; None: what is fast on the device.
    channels_last : bool
        Memory layout of the network.

    Example
    -------
    >>> from speechbrain_mmsed.lobes.visual import EfficientNetLite0Embedder
    >>> embed = FrameEmbedding(EfficientNetLite0Embedder(image_size=64))
    >>> embed(np.zeros((64, 64, 64, 3), np.uint8)).shape
    (64, 1280)
    """

    def __init__(
        self,
        embedder,
        device="cpu",
        precision="fp32",
        batch_size=None,
        channels_last=True,
    ):
        self.device = torch.device(device)
        self.batch_size = batch_size or BATCH_SIZES.get(self.device.type, 32)
        # Threads share a processor's cores, but a GPU's memory they take
        # turns at.
        self._turn = contextlib.nullcontext()
        if self.device.type != "cpu":
            self._turn = threading.Lock()
        self.layout = torch.contiguous_format
        if channels_last:
            self.layout = torch.channels_last
        self.embedder = embedder.eval().to(
            self.device, memory_format=self.layout
        )
        self.automatic = precision == "auto"
        self.precision = choose_precision(
            precision, self._as_read, device, embedder.bf16_accurate
        )

    def adopt(self, precision):
        """Computes as the features of the stream so far.

        Arguments
        ---------
        precision : str
            "fp32" or "bf16".
        """
        self.precision = precision
        if self.precision == "bf16" and not has_bf16(self.device):
            logger.warning(
                "The stream was begun in bf16, and is continued in it, but "
                "this %s only emulates bf16, which is slow. Extract it on "
                "machines like the first, or remove its folder and set "
                "precision: fp32",
                self.device.type,
            )

    def __call__(self, frames):
        """Embeds pictures.

        Arguments
        ---------
        frames : np.ndarray
            (N, h, w, 3), RGB, read at the embedder's `frame_size` and
            through its `reduce`.

        Returns
        -------
        features : np.ndarray
            (N, D) float32.
        """
        first, group = distinct_frames(frames)
        with self._turn:
            parts = self._embed(frames[first], self.precision)
        return np.concatenate(parts)[group]

    def _as_read(self, pictures, precision):
        """Features of pictures as decoded, in a precision to be tried."""
        size, reduce = self.embedder.frame_size, self.embedder.reduce
        frames = np.stack([reduce(resized(p, size)) for p in pictures])
        return np.concatenate(self._embed(frames, precision))

    @torch.inference_mode()
    def _embed(self, frames, precision):
        """(N, h, w, 3) -> batches of (n, D) float32."""
        # Of the whole clip: some networks scale by the largest value.
        pictures = self.embedder.preprocess(
            torch.from_numpy(frames).to(self.device)
        )
        parts = []
        for batch in pictures.split(self.batch_size):
            batch = batch.contiguous(memory_format=self.layout)
            with torch.autocast(
                self.device.type,
                dtype=torch.bfloat16,
                enabled=precision == "bf16",
            ):
                features = self.embedder(batch)
            parts.append(features.float().cpu().numpy())
        return parts
