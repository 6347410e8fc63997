"""What a training run has done so far, as a part of its checkpoints.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import json
import time

from speechbrain.utils.checkpoints import (
    mark_as_loader,
    mark_as_saver,
    register_checkpoint_hooks,
)
from speechbrain.utils.distributed import if_main_process


@register_checkpoint_hooks
class TrainingProgress:
    """Averages of the present stage and the time that was trained.

    A run that goes on from a checkpoint has the averages of the part of the
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
        """Adds figures to the averages of the stage.

        Arguments
        ---------
        values : dict of float
            By name.
        """
        for name, value in values.items():
            total, count = self._totals.get(name, (0.0, 0))
            self._totals[name] = (total + value, count + 1)

    def averages(self):
        """The stage's averages so far.

        Returns
        -------
        dict of float
            By name.
        """
        return {
            name: total / count for name, (total, count) in self._totals.items()
        }

    @mark_as_saver
    def save(self, path):
        """Writes all of it as JSON, on the main process.

        Arguments
        ---------
        path : str or pathlib.Path
            File within the checkpoint.
        """
        if not if_main_process():
            return
        content = {
            "train_stats": self.train_stats,
            "totals": self._totals,
            "seconds": self.seconds,
        }
        with open(path, "w", encoding="utf-8") as file:
            json.dump(content, file)

    @mark_as_loader
    def load(self, path, end_of_epoch):
        """Reads what `save` wrote; the clock stands until `start`.

        Arguments
        ---------
        path : str or pathlib.Path
            File within the checkpoint.
        end_of_epoch : bool
            Not needed.
        """
        del end_of_epoch
        with open(path, encoding="utf-8") as file:
            content = json.load(file)
        self.train_stats = content["train_stats"]
        self._totals = {k: tuple(v) for k, v in content["totals"].items()}
        self._seconds, self._started = content["seconds"], None
