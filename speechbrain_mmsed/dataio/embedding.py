"""Runs a frame embedder over the pictures of a clip, quickly.

Stills and black screens are common in collected films, so pictures with the
same bytes are embedded once. Which precision and memory layout are fast
depends on the machine: without native support, bfloat16 on a processor is
ten times slower than float32. Since features of two precisions differ, a
stream that is begun keeps its own (`FrameEmbedding.adopt`).

Authors
 * The speechbrain_mmsed authors, 2026
"""

import contextlib
import logging
import threading

import numpy as np
import torch

logger = logging.getLogger(__name__)

PRECISIONS = ("auto", "fp32", "bf16")


def has_bf16(device):
    """Whether a device computes in bfloat16 and does not only emulate it.

    Arguments
    ---------
    device : str
        "cpu", "cuda", ...

    Returns
    -------
    native : bool

    Example
    -------
    >>> has_bf16("cpu") in (True, False)
    True
    """
    if torch.device(device).type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.ops.mkldnn._is_mkldnn_bf16_supported()


def choose_precision(precision, device, bf16_accurate=True):
    """Number format to compute in.

    Arguments
    ---------
    precision : str
        "fp32", "bf16", or "auto": bf16 where the device computes in it and
        the network bears it.
    device : str
        "cpu", "cuda", ...
    bf16_accurate : bool
        Whether the network is precise enough in bf16; if not, "auto" does
        not choose it.

    Returns
    -------
    precision : str
        "fp32" or "bf16".

    Example
    -------
    >>> choose_precision("fp32", "cpu")
    'fp32'
    """
    if precision not in PRECISIONS:
        raise ValueError(
            f"precision must be one of {PRECISIONS}, not {precision!r}"
        )
    if precision != "auto":
        return precision
    return "bf16" if bf16_accurate and has_bf16(device) else "fp32"


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
    batch_size : int
        Pictures at a time.
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
        batch_size=32,
        channels_last=True,
    ):
        self.device = torch.device(device)
        self.precision = choose_precision(
            precision, device, embedder.bf16_accurate
        )
        self.automatic = precision == "auto"
        self.batch_size = batch_size
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

    def adopt(self, precision):
        """Computes as the features of the stream so far.

        Arguments
        ---------
        precision : str
            "fp32" or "bf16".
        """
        self.precision = choose_precision(precision, self.device)
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
            parts = self._embed(frames[first])
        return np.concatenate(parts)[group]

    @torch.inference_mode()
    def _embed(self, frames):
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
                enabled=self.precision == "bf16",
            ):
                features = self.embedder(batch)
            parts.append(features.float().cpu().numpy())
        return parts
