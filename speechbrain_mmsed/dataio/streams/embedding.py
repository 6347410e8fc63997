"""Runs an embedder over the pictures or the sound of a clip, quickly.

Stills and black screens are common in collected films, so equal pictures are
embedded once. bfloat16 halves the time where a device computes in it, and is
ten times slower where a processor only emulates it. Most networks bear it; in
some, of which EfficientNet is one, small differences of large numbers matter.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import contextlib
import logging
import threading

import numpy as np
import torch

from speechbrain_mmsed.dataio.media.frames import resized
from speechbrain_mmsed.dataio.media.sound import resampler

logger = logging.getLogger(__name__)

# Pictures at a time. On a processor the maps of a few pictures fit into its
# cache; a GPU wants more to do.
BATCH_SIZES = {"cpu": 4, "cuda": 64}
PRECISIONS = ("auto", "fp32", "bf16")
# Smallest cosine on the test pictures with which bfloat16 is chosen: half of
# the deviation that is allowed on films (0.999). Networks that bear it are
# ten times better, EfficientNet-Lite0 is ten times worse.
MIN_COSINE = 0.9995
# Side of the test pictures.
SIDE = 256


def distinct_frames(frames):
    """Finds pictures that are equal byte for byte.

    Arguments
    ---------
    frames : np.ndarray
        (N, H, W, 3) uint8.

    Returns
    -------
    first, group : np.ndarray
        (M,) index of the first of each group of equal pictures, and (N,)
        group of each picture: frames[first][group] equals frames.

    Example
    -------
    >>> first, group = distinct_frames(np.array([[7], [8], [7]], np.uint8))
    >>> first.tolist(), group.tolist()
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
        Where to compute: "cpu", "cuda", ...
    precision : str
        "fp32", "bf16", or "auto": bf16 where the device computes in it and
        the network bears it, by its `bf16_accurate` or as measured.
    batch_size : int or None
        Pictures at a time; None: what is fast on the device.
    channels_last : bool
        Memory layout of the network.

    Example
    -------
    >>> from speechbrain_mmsed.lobes.visual import ColourHistogramEmbedder
    >>> embed = FrameEmbedding(ColourHistogramEmbedder())
    >>> embed(np.zeros((5, 64, 64, 3), np.uint8)).shape
    (5, 64)
    """

    def __init__(
        self,
        embedder,
        device="cpu",
        precision="fp32",
        batch_size=None,
        channels_last=True,
    ):
        if precision not in PRECISIONS:
            raise ValueError(
                f"precision must be one of {PRECISIONS}, not {precision!r}"
            )
        self.device = torch.device(device)
        on_cpu = self.device.type == "cpu"
        self.batch_size = batch_size or BATCH_SIZES.get(self.device.type, 32)
        # Threads share a processor's cores, but take turns at a GPU's memory.
        self._turn = contextlib.nullcontext() if on_cpu else threading.Lock()
        layouts = {True: torch.channels_last, False: torch.contiguous_format}
        self._layout = {"memory_format": layouts[channels_last]}
        self.embedder = embedder.eval().to(self.device, **self._layout)
        self.precision, self.automatic = precision, precision == "auto"
        if self.automatic:
            self.precision = "bf16" if self._bears_bf16() else "fp32"

    def description(self):
        """What decides on the features; see `FrameEmbedder.description`."""
        return self.embedder.description()

    def adopt(self, precision):
        """Computes in the precision of the features so far, fp32 or bf16."""
        self.precision = precision
        if self.precision == "bf16" and not _has_bf16(self.device):
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
        np.ndarray
            (N, D) float32.
        """
        first, group = distinct_frames(frames)
        with self._turn:
            return self._embed(frames[first], self.precision)[group]

    def _bears_bf16(self):
        """Whether bfloat16 is fast here and harmless to the network."""
        if not _has_bf16(self.device):
            return False
        if self.embedder.bf16_accurate is not None:
            return self.embedder.bf16_accurate
        size, reduce = self.embedder.frame_size, self.embedder.reduce
        frames = np.stack([reduce(resized(p, size)) for p in _test_pictures()])
        exact, half = (self._embed(frames, p) for p in ("fp32", "bf16"))
        return cosines(exact, half).min() >= MIN_COSINE

    @torch.inference_mode()
    def _embed(self, frames, precision):
        """(N, h, w, 3) -> (N, D) float32."""
        # Of the whole clip: some networks scale by the largest value.
        pictures = torch.from_numpy(frames).to(self.device)
        pictures, parts = self.embedder.preprocess(pictures), []
        for batch in pictures.split(self.batch_size):
            with torch.autocast(
                self.device.type, torch.bfloat16, precision == "bf16"
            ):
                features = self.embedder(batch.contiguous(**self._layout))
            parts.append(features.float().cpu().numpy())
        return np.concatenate(parts)


class SoundEmbedding:
    """A sound embedder placed on a device; the twin of `FrameEmbedding`.

    It hears what the network's own front end does: a clip, or a window of a
    recording, at the rate of the corpus and divided by its peak.

    Arguments
    ---------
    embedder : SoundEmbedder
        The network.
    device : str
        Where to compute: "cpu", "cuda", ...
    sample_rate : int
        Hz of the sound that is given; resampled to the embedder's own.
    """

    # Sound networks are small; nothing is gained by half precision.
    precision, automatic = "fp32", False

    def __init__(self, embedder, device="cpu", sample_rate=16000):
        self.embedder = embedder.eval().to(device)
        self.device, self.sample_rate = torch.device(device), sample_rate

    def adopt(self, precision):
        """Nothing to choose: features are made in fp32."""

    def description(self):
        """What decides on the features; see `SoundEmbedder.description`."""
        found = self.embedder.description()
        heard = f"{found['preprocessing']}; of {self.sample_rate} Hz, peak 1"
        return {**found, "preprocessing": heard}

    @torch.inference_mode()
    def __call__(self, waveform):
        """(N, D) float32 and their times (N,) s, of a (samples,) waveform."""
        rate = self.embedder.sample_rate
        waveform = torch.as_tensor(waveform, dtype=torch.float32)
        if rate != self.sample_rate:
            waveform = resampler(self.sample_rate, rate)(waveform)
        features, times = self.embedder(waveform.to(self.device))
        return features.float().cpu().numpy(), np.asarray(times, float)


def placed(embedder, device, sample_rate=16000, **how):
    """An embedder on a device, as its kind wants it.

    `how` is the rest of what `FrameEmbedding` takes.
    """
    if embedder.kind == "sound":
        return SoundEmbedding(embedder, device, sample_rate)
    return FrameEmbedding(embedder, device, **how)


def cosines(a, b):
    """Cosine of each pair of rows of two (N, D) arrays, (N,).

    It is 0 where one of the two is all zeros, 1 where both are.

    Example
    -------
    >>> cosines(np.array([[3.0, 0.0]]), np.array([[1.0, 0.0]])).tolist()
    [1.0]
    """
    norms = np.linalg.norm(a, axis=1), np.linalg.norm(b, axis=1)
    cosine = (a * b).sum(1) / np.maximum(norms[0] * norms[1], 1e-12)
    return np.where((norms[0] == 0) & (norms[1] == 0), 1.0, cosine)


def _has_bf16(device):
    """Whether a device computes in bfloat16 and does not only emulate it."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.ops.mkldnn._is_mkldnn_bf16_supported()


def _test_pictures():
    """Black, and noise of more or less steep spectra, as photographs have."""
    rng = np.random.default_rng(0)
    along = np.fft.fftfreq(SIDE)
    frequency = np.hypot(along[:, None], along)
    frequency[0, 0] = 1.0 / SIDE
    pictures = [np.zeros((SIDE, SIDE, 3), np.uint8)]
    for power in (0.5, 1.0, 1.5):
        noise = rng.standard_normal((3, SIDE, SIDE))
        noise[1:] = 0.7 * noise[0] + 0.3 * noise[1:]  # colours go together
        smooth = np.fft.ifft2(np.fft.fft2(noise) / frequency**power).real
        smooth = 127.0 + 60.0 * (smooth - smooth.mean()) / smooth.std()
        smooth = np.clip(smooth, 0, 255).astype(np.uint8)
        pictures.append(smooth.transpose(1, 2, 0))
    return pictures
