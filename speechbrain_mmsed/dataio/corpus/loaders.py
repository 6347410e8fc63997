"""Loaders whose workers have room, do not wait for ever, and fail in one line.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import contextlib
import os
import re

import numpy as np
import torch
from speechbrain.dataio.dataloader import SaveableDataLoader
from speechbrain.utils.logger import get_logger

from speechbrain_mmsed.files import ClearError
from speechbrain_mmsed.processes import end_with_first

logger = get_logger(__name__)

SHARED = "/dev/shm"  # through which workers hand over batches
PAGE = 4096  # of which each tensor there takes whole ones
TIMEOUT = 600  # seconds without a batch: a worker is stuck
# Arguments of a DataLoader that mean something only where workers read.
OF_WORKERS = (
    *("num_workers", "persistent_workers", "prefetch_factor", "timeout"),
    *("multiprocessing_context", "worker_init_fn"),
)
# What torch tells of an error in a worker: tracebacks, then the error.
TOLD = re.compile(
    r"in DataLoader worker process .*Traceback \(most[^\n]*\n(?: [^\n]*\n)*"
    r"([\w.]+): (.*)\Z|\A(DataLoader .*)",
    re.S,
)


class LoaderError(ClearError):
    """Clips that could not be loaded; says why, and what to do."""


def checked_loader(dataset, loader):
    """Arguments of a DataLoader with as many workers as have room.

    Arguments
    ---------
    dataset : torch.utils.data.Dataset
        Clips as dicts or tuples; the first one tells how large they are.
    loader : dict
        Arguments of its DataLoader.

    Returns
    -------
    dict
        With a `timeout` and the end of workers with this process, unless
        others are given, and with fewer workers if there are fewer
        processors, or if what they prepare exceeds the shared memory; that is
        told once.

    Example
    -------
    >>> checked_loader([{"x": torch.ones(3)}], {"num_workers": 1})["timeout"]
    600
    """
    asked = loader.get("num_workers", 0)
    if not asked:
        return loader
    # Of processes that train together, each has its workers.
    here = int(os.environ.get("LOCAL_WORLD_SIZE", 1))
    workers, told = min(asked, max(_processors() // here, 1)), ""
    if workers < asked:
        told = f"; there are {_processors()} processors for {here} processes"
    free, size = _free_shared(), here * _batch_bytes(dataset, loader)
    ahead = loader.get("prefetch_factor") or 2
    # One batch more, which is trained on.
    fits = max((free // max(size, 1) - 1) // ahead, 0)
    if fits < workers:
        told += (
            f"; {SHARED} has {free / 1e6:.1f} MB free, and {workers} workers "
            f"that prepare {ahead} batches of {size / 1e6:.1f} MB need "
            f"{size * (1 + workers * ahead) / 1e6:.1f} MB: give it more, as by "
            "docker run --shm-size"
        )
        workers = fits
    if told:
        logger.warning_once(f"num_workers is {workers}, not {asked}{told}.")
    if workers:
        own = {"timeout": TIMEOUT, "worker_init_fn": end_with_first}
        return {**own, **loader, "num_workers": workers}
    return {k: v for k, v in loader.items() if k not in OF_WORKERS}


class ClearLoader(SaveableDataLoader):
    """SpeechBrain's loader, with errors of `clear_loader_errors`."""

    def __iter__(self):
        with clear_loader_errors():
            yield from super().__iter__()


def make_loader(dataset, **loader):
    """A ClearLoader, of arguments that `checked_loader` looked at."""
    return ClearLoader(dataset, **checked_loader(dataset, loader))


@contextlib.contextmanager
def clear_loader_errors():
    """Turns what workers report into one line, unless it is a bug.

    Example
    -------
    >>> with clear_loader_errors():
    ...     raise RuntimeError("DataLoader timed out after 5 seconds")
    Traceback (most recent call last):
    ...
    speechbrain_mmsed.dataio.corpus.loaders.LoaderError: DataLoader timed out \
after 5 seconds: a worker is stuck, or memory is short: run again with \
--num_workers 0, which shows the clip; what is finished is kept
    """
    try:
        yield
    except (ClearError, OSError, RuntimeError) as error:
        found = TOLD.search(str(error))
        if found is None:
            raise
        name, said, of_torch = found.groups()
        if of_torch or re.search("shared memory|/torch_", said):
            raise LoaderError(
                f"{' '.join((of_torch or said).split())}: a worker is stuck, "
                "or memory is short: run again with --num_workers 0, which "
                "shows the clip; what is finished is kept"
            ) from error
        # Of several arguments, torch makes an error of another kind.
        plain = isinstance(error, RuntimeError)
        if plain and not name.startswith("speechbrain_mmsed."):
            raise
        raise LoaderError(said.strip()) from error


def _processors():
    """Number of processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _free_shared():
    """Bytes free in the memory of batches; endless where it is another."""
    try:
        found = os.statvfs(SHARED)
    except OSError:
        return 2**63
    return found.f_bavail * found.f_frsize


def _batch_bytes(dataset, loader):
    """Size of the tensors of a batch."""
    if "batch_sampler" in loader:
        clips = len(next(iter(loader["batch_sampler"]), []))
    else:
        clips = min(loader.get("batch_size") or 1, len(dataset))
    if not clips:
        return 0
    clip, arrays = dataset[0], (torch.Tensor, np.ndarray)
    values = clip.values() if isinstance(clip, dict) else clip
    held = [v for v in values if isinstance(v, arrays)]
    return sum(-(-clips * v.nbytes // PAGE) * PAGE for v in held)
