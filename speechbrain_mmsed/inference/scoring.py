"""From windows of recordings to the scores of each recording.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import collections
import contextlib
import functools
import itertools
import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from tqdm import tqdm

from speechbrain_mmsed.inference.reading import End, Readers

# Windows at a time: more do not fit a processor's caches.
BATCH_SIZE = 4


class Stitcher:
    """Joins the scores of windows to those of the recording.

    With `tags_of_frames` the scores of the whole are the largest of the frames
    that are kept, and not of the windows.
    """

    def __init__(self, n_classes, tags_of_frames=False):
        self.tags_of_frames = tags_of_frames
        self.done = 0  # frames that are final so far
        self.clip = np.zeros(n_classes, np.float32)  # largest so far
        self._rows = [np.zeros((0, n_classes), np.float32)]

    def add(self, window, clip, frame):
        """Adds the (C,) and (T, C) scores of the next window."""
        rows = np.arange(self.done, window.until) - window.start
        # The last window stands for half a frame more at most.
        rows = np.minimum(rows, len(frame) - 1)
        self.done = window.until
        rows = np.asarray(frame, np.float32)[rows]
        if self.tags_of_frames:
            clip = rows.max(axis=0, initial=0.0)
        self.clip = np.maximum(self.clip, clip)
        self._rows.append(rows)

    def take(self):
        """(n, C) float32, the frames that are final since the last call."""
        rows, self._rows = self._rows, self._rows[:1]
        return np.concatenate(rows)


@contextlib.contextmanager
def _progress(paths, shown):
    """A bar over files, or over the seconds of a single long one.

    It appears after a second. It is called with the windows of a batch and
    the number of recordings that end with it.
    """
    what = {"unit": " files", "total": len(paths)}
    if single := len(paths) == 1:
        what = {"unit": " s", "desc": os.path.basename(paths[0])}
    disable = None if shown is None else not shown
    with tqdm(disable=disable, delay=1.0, **what) as bar:

        def update(windows, n_ended):
            if not single:
                bar.update(n_ended)
            elif windows:
                last = windows[-1]
                bar.update(round(last.begin + last.seconds - bar.n))

        yield update


@contextlib.contextmanager
def _scoring_threads(device):
    """A pool of threads that score batches side by side, and its size.

    Several small batches at once, each on one core, are faster than one
    whose every operation is divided among the cores.
    """
    on_cpu = torch.device(device).type == "cpu"
    n_threads = torch.get_num_threads() if on_cpu else 1
    alone = functools.partial(torch.set_num_threads, 1)
    try:
        with ThreadPoolExecutor(
            n_threads, initializer=alone if n_threads > 1 else None
        ) as pool:
            yield pool, n_threads
    finally:
        if n_threads > 1:
            # Threads that others start later shall have what they had.
            torch.set_num_threads(n_threads)


def score_recordings(model, paths, sources, weight, progress=None):
    """Scores recordings in their order, in batches that may span several.

    For each of the paths there is a source: a function without arguments
    that gives what `read_windows` yields. For each of them comes a Stitcher
    with the scores of all windows, and the recording's End.
    """
    scorer = functools.partial(model.score_windows, weight=weight)
    n_readers = min(len(paths), max(2, (os.cpu_count() or 2) // 2), 8)
    n_readers = max(1, n_readers)  # one says that there is no recording
    batch, unfinished, pending = [], [], collections.deque()

    def settle():
        """Takes the scores of the oldest batch; gives what is complete."""
        future, items, finished = pending.popleft()
        if items:
            for item, *scores in zip(items, *future.result(), strict=True):
                item[3].add(item[0], *scores)
        update([item[0] for item in items], len(finished))
        return finished

    def send():
        """Gives a batch to a thread, with the recordings that it ends."""
        items = batch.copy()
        batch.clear()
        future = None
        if items:
            future = pool.submit(scorer, [item[:3] for item in items])
        finished = list(itertools.takewhile(lambda pair: pair[1], unfinished))
        del unfinished[: len(finished)]
        pending.append((future, items, finished))

    with (
        _progress(paths, progress) as update,
        Readers(sources, n_readers) as readers,
        _scoring_threads(model.device) as (pool, n_threads),
    ):
        for items in readers:
            recording = [model.new_stitcher(), None]
            unfinished.append(recording)
            for item in items:
                if isinstance(item, End):
                    recording[1] = item
                    continue
                batch.append((*item, recording[0]))
                if len(batch) >= BATCH_SIZE:
                    send()
                while len(pending) > n_threads:
                    yield from settle()
        send()  # what is left
        while pending:
            yield from settle()
