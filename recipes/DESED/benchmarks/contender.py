"""One of several ways to train that a benchmark measures in turns.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import collections
import pathlib
import sys
import time
import warnings

import torch

ROOT = pathlib.Path(__file__).resolve().parents[3]


class Contender:
    """One way to train, with what was measured of it.

    Arguments
    ---------
    title : str
        Its name in the table.
    build : callable
        Makes the training, an object with `student` and `step(batch)`.
    batches : list
        Batches to train on, each of them once to warm up.
    """

    def __init__(self, title, build, batches):
        self.title, self.batches = title, batches
        self.times, self.peak, self.n_steps = [], 0, 0
        before = _allocated()
        self.training = build()
        self.first_seconds = self._seconds(1)
        self._seconds(len(batches) - 1)
        self.resident = _allocated() - before

    def run(self, n_steps):
        """A round: notes milliseconds a step, and the largest memory."""
        if torch.cuda.is_available():
            torch.cuda.reset_peak_memory_stats()
        before = _allocated()
        self.times.append(1000 * self._seconds(n_steps) / n_steps)
        if torch.cuda.is_available():
            grown = torch.cuda.max_memory_allocated() - before
            self.peak = max(self.peak, self.resident + grown)

    def waits(self, n_steps):
        """Place in the code -> how often a step waits there for the card."""
        places = collections.Counter()

        def note(message, *about):
            if "synchronizing CUDA" in str(message):
                places[_caller(sys._getframe(1))] += 1

        with warnings.catch_warnings():
            warnings.simplefilter("always")
            warnings.showwarning = note
            torch.cuda.set_sync_debug_mode("warn")
            try:
                for _ in range(n_steps):
                    self._step()
            finally:
                torch.cuda.set_sync_debug_mode("default")
        return {place: n / n_steps for place, n in places.most_common()}

    def _seconds(self, n_steps):
        """How long some steps take, to the end of what the card does."""
        begin = time.perf_counter()
        for _ in range(n_steps):
            self._step()
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        return time.perf_counter() - begin

    def _step(self):
        """The next batch."""
        self.training.step(self.batches[self.n_steps % len(self.batches)])
        self.n_steps += 1


def _caller(frame):
    """The innermost place that is neither torch's nor that of warnings."""
    torch_folder = pathlib.Path(torch.__file__).parent
    path = pathlib.Path(frame.f_code.co_filename)
    while path.is_relative_to(torch_folder) or "warnings" in path.stem:
        frame = frame.f_back
        path = pathlib.Path(frame.f_code.co_filename)
    if path.is_relative_to(ROOT):
        name = str(path.relative_to(ROOT))
    else:
        name = "/".join(path.parts[-2:])
    return f"{name}:{frame.f_lineno}"


def _allocated():
    """Bytes of tensors on the card."""
    return torch.cuda.memory_allocated() if torch.cuda.is_available() else 0
