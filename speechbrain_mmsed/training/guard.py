"""A Brain whose weights stay finite, and that ends well when it is told to.

SpeechBrain steps with gradients that are not finite until its patience is
exhausted, and by then the weights are lost; a signal ends it between two
checkpoints. Here such a step is left out and its clips are named, and SIGTERM
or Ctrl-C saves a checkpoint first.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import contextlib
import signal
import threading

import speechbrain as sb
import torch
from speechbrain.utils.logger import get_logger

from speechbrain_mmsed.dataio.corpus.loaders import (
    checked_loader,
    clear_loader_errors,
)
from speechbrain_mmsed.files import ClearError
from speechbrain_mmsed.problems import listed

logger = get_logger(__name__)

SIGNALS = (signal.SIGTERM, signal.SIGINT)


class NonFiniteError(ClearError):
    """Too many steps with values that are not finite; names the clips."""


class Interrupted(ClearError):
    """A signal ended the training; says where it goes on."""


def guarded(brain_class):
    """A kind of `MeanTeacherBrain` with the steps and signals of `StepGuard`.

    Example
    -------
    >>> guarded(sb.Brain).__mro__[1].__name__
    'StepGuard'
    """
    return type(brain_class.__name__, (StepGuard, brain_class), {})


class StepGuard:
    """What `guarded` puts before a Brain; arguments are those of the Brain.

    A step is bad if a gradient or a buffer is not finite, which follows from a
    loss that is not. Weights, optimiser, teacher, buffers and averages then
    remain as before it. More of them in an epoch than `nonfinite_patience` are
    a `NonFiniteError`, after a checkpoint.
    """

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.nonfinite_count = 0
        self._window, self._kept, self._skipped = [], None, False
        self._signal, self._train_end, self._between = None, None, True
        self._valid_batches = self._bad_batches = 0

    def fit(self, *args, **kwargs):
        """As of Brain; SIGTERM or SIGINT save, and are an `Interrupted`."""
        with _noted_signals(self._note_signal), clear_loader_errors():
            try:
                super().fit(*args, **kwargs)
            except RuntimeError:
                # The same signal may have ended the workers of the loader.
                if self._signal is None or self._window:
                    raise
            if self._signal is not None:
                self._leave()

    def make_dataloader(self, dataset, stage, **loader):
        """As of Brain, with as many workers as have room."""
        loader = checked_loader(dataset, loader)
        return super().make_dataloader(dataset, stage, **loader)

    def total_loss(self, *args):
        """As of the Brain; one that is not finite spoils the gradients."""
        loss = super().total_loss(*args)
        return loss * (1.0 + 0.0 * loss.detach())

    def on_fit_batch_start(self, batch, should_step):
        """Remembers what a bad step would spoil."""
        super().on_fit_batch_start(batch, should_step)
        if not self._window:
            self._keep()
        self._window.append(batch)

    def check_loss_isfinite(self, loss):
        """Waits for the gradients, unless these are scaled for float16."""
        if self.scaler.is_enabled():
            self._count_if_bad(loss)

    def optimizers_step(self):
        """Steps, or leaves out a step that would spoil the weights."""
        if not self.scaler.is_enabled():
            gradients = [
                p.grad for p in self.modules.parameters() if p.grad is not None
            ]
            # Variances overflow before any gradient does.
            largest = torch._foreach_norm(gradients + self._buffers, torch.inf)
            self._count_if_bad(torch.stack(largest).max())
        # The scaler of float16 leaves out such steps itself, and learns.
        if self._skipped and not self.scaler.is_enabled():
            self.zero_grad(set_to_none=True)
        else:
            super().optimizers_step()

    def on_fit_batch_end(self, batch, outputs, loss, should_step):
        """The teacher follows a step that was made."""
        step = should_step and not self._skipped
        super().on_fit_batch_end(batch, outputs, loss, step)
        if should_step:
            self._window, self._skipped = [], False

    def update_average(self, loss, avg_loss):
        """As of Brain; counts validation losses that are not finite."""
        if self._train_end is not None:
            self._valid_batches += 1
            self._bad_batches += not torch.isfinite(loss)
            if self._signal is not None and self.n_processes == 1:
                self._leave()
        return super().update_average(loss, avg_loss)

    def on_stage_start(self, stage, epoch=None):
        """As of the Brain."""
        super().on_stage_start(stage, epoch)
        self._valid_batches = self._bad_batches = 0
        if stage == sb.Stage.TRAIN:
            self._train_end, self._between, self._window = None, False, []

    def on_stage_end(self, stage, stage_loss, epoch=None):
        """As of the Brain; no loss at all is not a loss of zero."""
        if stage == sb.Stage.TRAIN:
            totals = self.progress._totals
            self._train_end = self.step, self.avg_train_loss, totals
        elif self._bad_batches:
            logger.warning(
                f"epoch {epoch}: the loss of {self._bad_batches} of "
                f"{self._valid_batches} validation batches is not finite; "
                "the average is over the others."
            )
            if self._bad_batches == self._valid_batches:
                stage_loss = float("nan")
        super().on_stage_end(stage, stage_loss, epoch)
        # Between two epochs the checkpoint of the first is all there is.
        self._between = stage == sb.Stage.VALID

    def _keep(self):
        """Copies buffers on the device, where nothing waits for it."""
        self._totals = self.progress._totals.copy()
        if self._kept is None:
            networks = self.student, self.teacher
            held = [b for network in networks for b in network.buffers()]
            self._buffers = [b for b in held if b.is_floating_point()]
            self._kept = [b.clone() for b in self._buffers]
        elif self._kept:
            torch._foreach_copy_(self._kept, self._buffers)

    def _count_if_bad(self, value):
        """Asks whether a scalar is finite; if not, undoes the step so far."""
        before, exhausted = self.nonfinite_count, False
        try:
            super().check_loss_isfinite(value)
        except ValueError:
            exhausted = True
        if self.nonfinite_count == before:
            return
        self._skipped, self.progress._totals = True, self._totals
        if self._kept:
            torch._foreach_copy_(self._buffers, self._kept)
        told = (
            f"epoch {self.epoch}, batch {self.step}: the loss or its gradient "
            f"is not finite ({self.nonfinite_count} such steps, at most "
            f"{self.nonfinite_patience} in an epoch). {self._culprits()}"
        )
        if not exhausted:
            logger.warning(f"{told}. The step is left out.")
            return
        self.zero_grad(set_to_none=True)
        self._window = []
        raise NonFiniteError(
            f"{told}. {self._saved()}: repair these clips, lower lr, or raise "
            "nonfinite_patience, and run the same command again"
        )

    def _culprits(self):
        """Names the clips whose features are not finite, or else all."""
        everyone, found = [], []
        for batch in self._window:
            clips = getattr(batch, "id", None)
            if clips is None:
                continue
            everyone += clips
            for key, value in vars(batch).items():
                of_clips = isinstance(value, torch.Tensor) and value.dim()
                if not of_clips or len(value) != len(clips):
                    continue
                good = value.isfinite().reshape(len(value), -1).all(1)
                pairs = zip(clips, good.tolist(), strict=True)
                found += [f"{clip} ({key})" for clip, ok in pairs if not ok]
        if found:
            return f"Clips with values that are not finite: {listed(found)}"
        return f"All features are finite; the clips: {listed(everyone)}"

    def _note_signal(self, number):
        """What a signal does at once: torch's own complaints wait."""
        self._signal = number
        # Workers that the same signal ended must not stop the step.
        signal.signal(signal.SIGCHLD, lambda *_: None)

    def _should_save_intra_epoch_ckpt(self, *since):
        """After a signal to the first process: yes, at the next whole step."""
        if self._signal is not None:
            self.ckpt_interval_steps = 1
        return super()._should_save_intra_epoch_ckpt(*since)

    def _save_intra_epoch_ckpt(self):
        """Saves, and ends the training if it was told to end."""
        if self._signal is not None:
            self._leave()
        super()._save_intra_epoch_ckpt()

    def _leave(self):
        """Saves and raises; from validation as at the end of its epoch."""
        if self._train_end is not None and not self._between:
            self.step, self.avg_train_loss, totals = self._train_end
            self.progress._totals = totals
        name = signal.Signals(self._signal).name
        raise Interrupted(
            f"{name}: {self._saved()}; the same command goes on from there"
        )

    def _saved(self):
        """Saves a checkpoint within an epoch; says where."""
        if self.checkpointer is None:
            return "There is no checkpoint"
        if not self._between:
            super()._save_intra_epoch_ckpt()
        return f"A checkpoint is in {self.checkpointer.checkpoints_dir}"


@contextlib.contextmanager
def _noted_signals(note):
    """Calls `note` once for a signal; a second one ends the program."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def handle(number, frame):
        restore()
        note(number)

    def restore():
        for number, handler in before.items():
            signal.signal(number, handler or signal.SIG_DFL)

    before = {n: signal.signal(n, handle) for n in SIGNALS}
    try:
        yield
    finally:
        restore()
