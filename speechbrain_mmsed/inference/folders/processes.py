"""Detection in several processes, each with a detector of its own.

One process reads recordings ahead in threads and scores them in batches, which
keeps some processors busy. More of them need more processes, each with a model
in memory; that each takes some seconds to start pays only for thousands of
recordings.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import concurrent.futures
import multiprocessing
import os
import pickle
import threading
from concurrent.futures.process import BrokenProcessPool

from speechbrain_mmsed.inference.folders.run import Finder
from speechbrain_mmsed.processes import begin

# Recordings that a process takes at a time: enough to fill its batches.
CHUNK = 16


class ProcessFinder:
    """Finds, and writes what is found, in several processes.

    Arguments
    ---------
    model : tuple
        Arguments of `load_detector`.
    n_jobs : int
        Number of processes.
    outputs, **how
        As for a Finder.
    fallback : Finder
        Of this process, for what is left if a process dies.
    """

    def __init__(self, model, n_jobs, outputs, fallback, **how):
        self.n_jobs, self.fallback = n_jobs, fallback
        self._start = (model, n_jobs, outputs, how)

    def __call__(self, files):
        """Yields (Result, None) for each file, in order."""
        chunks = [files[i : i + CHUNK] for i in range(0, len(files), CHUNK)]
        # A forked process would share locks of this one's threads.
        context = multiprocessing.get_context("spawn")
        theirs, own = context.Pipe(duplex=False)
        pool = concurrent.futures.ProcessPoolExecutor(
            min(self.n_jobs, max(len(chunks), 1)),
            context,
            begin,
            (theirs, pickle.dumps((_load, self._start))),
        )
        done = 0
        try:
            for results in pool.map(_find, chunks):
                for result in results:
                    done += 1
                    yield result, None
            pool.shutdown()  # all is done: they end by themselves
        except BrokenProcessPool:
            # Killed, perhaps for want of memory: one process needs less.
            yield from self.fallback(files[done:])
        finally:
            own.close()
            pool.shutdown(cancel_futures=True)


def _load(model, n_jobs, outputs, how):
    """Once in each process: the detector."""
    global _finder
    import torch
    from tqdm import tqdm

    from speechbrain_mmsed.inference.loading import load_detector

    # Its own lock would be said to leak when this process is ended.
    tqdm.set_lock(threading.RLock())
    torch.set_num_threads(max(1, (os.cpu_count() or 1) // n_jobs))
    detector = load_detector(*model)
    _finder = Finder(detector, outputs, **{**how, "progress": False})


def _find(files):
    """Results of some recordings, in the process that `_load` prepared."""
    return [result for result, _ in _finder(files)]
