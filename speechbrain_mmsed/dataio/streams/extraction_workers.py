"""Threads that read films and run image networks.

On a CPU one clip per processor, each on one thread, is faster than one clip
on all: the small layers of image networks do not split well, and decoding
does not at all. On a GPU the threads decode, and take turns at the network.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import concurrent.futures
import os

import torch

# Enough decoding threads to keep a GPU busy, where there are as many cores.
MAX_READERS = 8


class Workers:
    """A pool of threads; a context manager that yields the executor.

    Arguments
    ---------
    number : int or None
        Of threads. None: as many as torch uses on the CPU, which is one
        per processor unless OMP_NUM_THREADS says otherwise; for a GPU one
        per processor and at most 8.
    on_cpu : bool
        Whether the networks run on the CPU, too. Then the processors are
        divided among the threads.

    Example
    -------
    >>> with Workers(2, on_cpu=True) as pool:
    ...     pool.submit(abs, -3).result()
    3
    """

    def __init__(self, number=None, on_cpu=True):
        if number is not None and number < 1:
            raise ValueError(f"workers must be at least 1, not {number}")
        if number is None:
            number = torch.get_num_threads()
            if not on_cpu:
                number = min(os.cpu_count() or 1, MAX_READERS)
        self.number = number
        self.on_cpu = on_cpu
        # One more than are in work, so that no thread waits for a task.
        self.ahead = number + 1

    def __enter__(self):
        self._threads = torch.get_num_threads()
        share = max(1, self._threads // self.number)
        self._pool = concurrent.futures.ThreadPoolExecutor(
            self.number,
            initializer=torch.set_num_threads if self.on_cpu else None,
            initargs=(share,) if self.on_cpu else (),
        )
        return self._pool

    def __exit__(self, *exception):
        self._pool.shutdown(wait=True, cancel_futures=True)
        if self.on_cpu:
            # The last value set is what later threads start with.
            torch.set_num_threads(self._threads)
