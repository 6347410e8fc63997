"""From windows of recordings to the scores of each recording.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import collections
import contextlib
import functools
import itertools
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
import torch

from speechbrain_mmsed.inference.reading import End
from speechbrain_mmsed.inference.windows import Stitcher
from speechbrain_mmsed.nnet.fusion import renormalise, split_remainder


class WindowScorer:
    """The network on batches of windows.

    Arguments
    ---------
    network : MultiEncoder
        In eval mode.
    frontend : LogMelFrontend
        Makes its input.
    device : str
        Where both are.
    half : bool
        Whether log-mel features are rounded to half precision, as those
        that a cache on disk keeps for training.
    """

    def __init__(self, network, frontend, device="cpu", half=False):
        self.network, self.frontend, self.half = network, frontend, half
        self.device = torch.device(device)

    @torch.inference_mode()
    def __call__(self, waveforms, features, available, primary_weight):
        """Probabilities of a batch of windows.

        Arguments
        ---------
        waveforms : list of numpy.ndarray
            B times (n_samples,).
        features : list of list of numpy.ndarray
            For each window, (T, D) of each stream.
        available : list of list of bool
            For each window, whether it has the sound and each stream.
        primary_weight : float
            Weight of the sound; the rest is split equally.

        Returns
        -------
        clip : numpy.ndarray
            (B, C) float32.
        frame : numpy.ndarray
            (B, T, C) float32.
        """
        batch = torch.from_numpy(np.stack(waveforms)).to(self.device)
        streams = [
            torch.from_numpy(np.stack(stream)).to(self.device)
            for stream in zip(*features, strict=True)
        ]
        available = torch.tensor(available, device=self.device)
        weights = split_remainder(primary_weight, available.shape[1])
        weights = renormalise(weights.to(self.device), available)
        log_mel = self.frontend.log_mel(batch)
        if self.half:
            log_mel = log_mel.half().float()
        outputs = self.network(
            self.frontend.standardise(log_mel), streams, available, weights
        )
        return tuple(
            logits.float().sigmoid().cpu().numpy() for logits in outputs
        )


@dataclass
class Assembly:
    """Scores of one recording, while they come in window by window.

    Arguments
    ---------
    stitcher : Stitcher
        Joins the windows.
    """

    stitcher: Stitcher = field(default_factory=Stitcher)
    rows: list = field(default_factory=list)
    clip: np.ndarray | None = None

    def add(self, window, clip, frame):
        """Takes the scores of the next window; returns the final frames."""
        rows = self.stitcher.add(window, frame)
        self.rows.append(rows)
        self.clip = clip if self.clip is None else np.maximum(self.clip, clip)
        return rows


@contextlib.contextmanager
def scoring_threads(device):
    """Threads that score batches side by side, each on one core.

    Several small batches at once are faster than one whose every operation
    is divided among the cores.

    Arguments
    ---------
    device : torch.device
        On a GPU there is one thread.

    Yields
    ------
    pool : concurrent.futures.ThreadPoolExecutor
    n_threads : int
    """
    n_threads = torch.get_num_threads() if device.type == "cpu" else 1
    alone = functools.partial(torch.set_num_threads, 1)
    initializer = alone if n_threads > 1 else None
    pool = ThreadPoolExecutor(n_threads, initializer=initializer)
    try:
        with pool:
            yield pool, n_threads
    finally:
        if n_threads > 1:
            # Threads that others start later shall have what they had.
            torch.set_num_threads(n_threads)


def score_recordings(readers, scorer, device, batch_size, meter):
    """Scores recordings in their order, in batches that may span several.

    Arguments
    ---------
    readers : Readers
        Started.
    scorer : callable
        List of (Window, features, available) to clip and frame scores.
    device : torch.device
        Where it computes.
    batch_size : int
        Windows at a time.
    meter : callable
        Told the windows of a batch and how many recordings ended with it.

    Yields
    ------
    assembly : Assembly
        Scores of all windows of the next recording.
    end : End
        Its duration and streams, or why it was not read.
    """
    batch, open_recordings, pending = [], [], collections.deque()

    def settle():
        """Takes the scores of the oldest batch; gives what is complete."""
        future, items, finished = pending.popleft()
        if items:
            for item, clip, frame in zip(items, *future.result(), strict=True):
                item[3].add(item[0], clip, frame)
        meter([item[0] for item in items], len(finished))
        return finished

    def send():
        """Gives a batch to a thread, with the recordings that it ends."""
        items = batch.copy()
        batch.clear()
        future = None
        if items:
            future = pool.submit(scorer, [item[:3] for item in items])
        finished = list(
            itertools.takewhile(lambda pair: pair[1], open_recordings)
        )
        del open_recordings[: len(finished)]
        pending.append((future, items, finished))

    with scoring_threads(device) as (pool, n_threads):
        for items in readers:
            recording = [Assembly(), None]
            open_recordings.append(recording)
            for item in items:
                if isinstance(item, End):
                    recording[1] = item
                    continue
                batch.append((*item, recording[0]))
                if len(batch) >= batch_size:
                    send()
                while len(pending) > n_threads:
                    yield from settle()
        send()  # what is left
        while pending:
            yield from settle()
