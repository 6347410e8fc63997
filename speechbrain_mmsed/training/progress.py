"""What is reported of a run while it trains: averages, quick F1s and curves.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import json
import time

import torch
from speechbrain.utils.checkpoints import (
    mark_as_loader,
    mark_as_saver,
    register_checkpoint_hooks,
)
from speechbrain.utils.distributed import if_main_process


@register_checkpoint_hooks
class TrainingProgress:
    """Averages of the present stage and the time that was trained.

    A run that resumes from a checkpoint has the averages of the part of the
    epoch that is behind it, and the time of all its parts.

    Example
    -------
    >>> progress = TrainingProgress()
    >>> progress.track({"loss": 1.0})
    >>> progress.track({"loss": 2.0})
    >>> progress.averages()
    {'loss': 1.5}
    """

    def __init__(self):
        self.train_stats = {}
        self._totals = {}
        self._seconds, self._started = 0.0, None

    def start(self):
        """Starts the clock, once a checkpoint was recovered."""
        self._started = time.monotonic()

    @property
    def seconds(self):
        """Time of training, validation included, over all parts of the run."""
        if self._started is None:
            return self._seconds
        return self._seconds + time.monotonic() - self._started

    def clear(self):
        """Forgets the averages: a new stage begins."""
        self._totals = {}

    def track(self, values):
        """Adds scalars by name to the averages; a card's stay there."""
        for name, value in values.items():
            if isinstance(value, torch.Tensor):
                value = value.detach().double()
            total, count = self._totals.get(name, (0.0, 0))
            self._totals[name] = (total + value, count + 1)

    def averages(self):
        """The stage's averages so far, a dict of floats."""
        return {
            name: float(total) / count
            for name, (total, count) in self._totals.items()
        }

    @mark_as_saver
    def save(self, path):
        """Writes all of it as JSON, on the main process."""
        if not if_main_process():
            return
        content = {
            "train_stats": self.train_stats,
            "totals": {k: (float(s), n) for k, (s, n) in self._totals.items()},
            "seconds": self.seconds,
        }
        with open(path, "w", encoding="utf-8") as file:
            json.dump(content, file)

    @mark_as_loader
    def load(self, path, end_of_epoch):
        """Reads what `save` wrote; the clock stands until `start`."""
        del end_of_epoch
        with open(path, encoding="utf-8") as file:
            content = json.load(file)
        self.train_stats = content["train_stats"]
        self._totals = {k: tuple(v) for k, v in content["totals"].items()}
        self._seconds, self._started = content["seconds"], None


class MonitorF1:
    """Micro F1 at threshold 0.5 of clips and frames, for each model.

    For watching a run only: without post-processing, and no reported figure.

    Example
    -------
    >>> monitor = MonitorF1()
    >>> said, weak = torch.tensor([[2.0, -2.0]]), torch.ones(1, 2)
    >>> monitor.append("student", (said, said[None]), weak, weak[None])
    >>> round(monitor.summarize()["student_clip_f1"], 4)
    0.6667
    """

    def __init__(self):
        self._counts = {}

    def append(self, model, logits, weak, strong):
        """Counts a batch.

        Arguments
        ---------
        model : str
            Its name.
        logits : tuple of torch.Tensor
            Clip logits (B, C) and frame logits (B, T, C).
        weak, strong : torch.Tensor
            Labels of the same shapes, 0 or 1.
        """
        for kind, said, true in zip(
            ("clip", "frame"), logits, (weak, strong), strict=True
        ):
            said, true = said > 0, true > 0.5
            hits, errors = int((said & true).sum()), int((said ^ true).sum())
            name = f"{model}_{kind}_f1"
            before = self._counts.get(name, (0, 0))
            self._counts[name] = before[0] + hits, before[1] + errors

    def summarize(self):
        """The F1s so far, 0.0 while nothing was said and nothing was there."""
        return {
            name: 2 * hits / max(2 * hits + errors, 1)
            for name, (hits, errors) in self._counts.items()
        }
