"""Processes that end with the one that started them.

This module imports nothing heavy: a process watches for its end before it
loads what it works with.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import multiprocessing.connection
import os
import pickle
import signal
import threading


def begin(lifeline, work):
    """Begins a process of a pool: as its initializer, by `initargs`.

    Arguments
    ---------
    lifeline : multiprocessing.connection.Connection
        One end of a pipe through which nothing is sent. When the other one is
        closed, by its process or by the death of that, whatever it dies of,
        this process ends, whatever it is doing.
    work : bytes
        A pickle of (function, arguments), to be called here; it may load
        much.
    """
    # Ctrl-C is for the first process, which ends these.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=[lifeline], daemon=True).start()
    function, arguments = pickle.loads(work)
    function(*arguments)


def end_with_first(worker=None):
    """Lets a loader's worker end with the process that started the loader.

    The parent of a worker started by forkserver is another process, which
    itself lasts as long as the worker. A `worker_init_fn`, of a worker of any
    number.
    """
    lifeline = multiprocessing.parent_process().sentinel
    threading.Thread(target=_end_with, args=[lifeline], daemon=True).start()


def _end_with(lifeline):
    """Waits for the other end to close, and ends this process."""
    multiprocessing.connection.wait([lifeline])
    os._exit(1)
