"""A Brain that trains a student with an averaged teacher (section 3.1.5).

Everything of mean-teacher training that does not depend on the task: the
teacher and its checkpoint, learning rate and consistency weight as functions
of the step, seeds of every draw, logs. A recipe adds `compute_forward` and
`compute_objectives`.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import time

import speechbrain as sb
import torch
from speechbrain.utils.distributed import if_main_process
from speechbrain.utils.logger import get_logger
from torch.distributed import get_world_size
from torch.nn.parallel import DistributedDataParallel

from speechbrain_mmsed.seeding import derive_seed
from speechbrain_mmsed.training.losses import consistency_losses
from speechbrain_mmsed.training.schedules import short_run_warnings
from speechbrain_mmsed.training.teacher import make_teacher, update_teacher

logger = get_logger(__name__)


class MeanTeacherBrain(sb.Brain):
    """Brain with a teacher; `modules["network"]` is the student.

    Beside SpeechBrain's own, `hparams` must hold `seed`,
    `batches_per_epoch`, `number_of_epochs`, `teacher_decay`
    (`TeacherDecay`), `consistency_weight` (`ConsistencyWeight`),
    `learning_rate_decay` (`LearningRateDecay`), `train_logger`,
    `tensorboard_logger` and `log_interval` (steps between progress lines).

    Arguments
    ---------
    *args : tuple
        Passed to `speechbrain.Brain`.
    **kwargs : dict
        Passed to `speechbrain.Brain`.

    Example
    -------
    >>> from speechbrain_mmsed.training.schedules import (
    ...     ConsistencyWeight, LearningRateDecay)
    >>> from speechbrain_mmsed.training.teacher import TeacherDecay
    >>> brain = MeanTeacherBrain(
    ...     {"network": torch.nn.Linear(2, 2)},
    ...     torch.optim.RAdam,
    ...     {"seed": 1, "teacher_decay": TeacherDecay(),
    ...      "consistency_weight": ConsistencyWeight(),
    ...      "learning_rate_decay": LearningRateDecay()},
    ...     {"device": "cpu"})
    >>> brain.teacher.weight.requires_grad
    False
    """

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.teacher = make_teacher(self.modules["network"])
        self.epoch = 1
        self._totals, self._clips, self._clock = {}, 0, time.time()
        # Recovery happens in on_fit_start, so the teacher is listed before.
        if self.checkpointer is not None:
            self.checkpointer.add_recoverable("teacher", self.teacher)

    @property
    def student(self):
        """The network without its wrapper for distributed training."""
        network = self.modules["network"]
        if isinstance(network, DistributedDataParallel):
            return network.module
        return network

    @property
    def step_key(self):
        """(seed, epoch, step): what every draw of this step depends on."""
        rank = self.rank if self.distributed_launch else 0
        return self.hparams.seed, self.epoch, self.step, rank

    def student_and_teacher(self, *inputs):
        """Runs both networks on the same inputs, the teacher without gradient.

        Arguments
        ---------
        *inputs : tuple
            What the network's forward takes.

        Returns
        -------
        tuple
            Student's and teacher's outputs.
        """
        student = self.modules["network"](*inputs)
        with torch.no_grad():
            teacher = self.teacher(*inputs)
        return student, teacher

    def total_loss(self, classification, student, teacher):
        """Sums the terms: classification 1, consistency by its schedule.

        Arguments
        ---------
        classification : dict of torch.Tensor
            Scalar losses of the student, weight 1.
        student : tuple of torch.Tensor
            Clip logits (B, C), frame logits (B, T, C).
        teacher : tuple of torch.Tensor
            The teacher's.

        Returns
        -------
        torch.Tensor
            Scalar.
        """
        consistency = consistency_losses(student, teacher)
        weight = self.hparams.consistency_weight(self.optimizer_step)
        self.track({**classification, **consistency})
        return sum(classification.values()) + weight * sum(consistency.values())

    def track(self, values):
        """Adds figures to the averages of the current stage.

        Arguments
        ---------
        values : dict
            Scalars (tensors or floats) by name.
        """
        for name, value in values.items():
            total, count = self._totals.get(name, (0.0, 0))
            value = float(torch.as_tensor(value).detach())
            self._totals[name] = (total + value, count + 1)

    def averages(self):
        """The stage's averages so far, as plain floats.

        Returns
        -------
        dict of float
            By name.
        """
        return {
            name: total / count for name, (total, count) in self._totals.items()
        }

    def on_fit_start(self):
        """Prepares a run and says what would make it train badly."""
        super().on_fit_start()
        batches = self.hparams.number_of_epochs * self.hparams.batches_per_epoch
        # Whole batches are dealt to processes, which then step together.
        dealt = get_world_size() if self.distributed_launch else 1
        steps = batches // (self.grad_accumulation_factor * dealt)
        for warning in short_run_warnings(
            steps,
            self.hparams.teacher_decay,
            self.hparams.consistency_weight,
            self.hparams.learning_rate_decay,
        ):
            logger.warning(f"This run has only {steps} steps, but {warning}.")

    def on_stage_start(self, stage, epoch=None):
        """Clears the averages; the teacher follows the student's mode."""
        self._totals, self._clips, self._clock = {}, 0, time.time()
        if stage == sb.Stage.TRAIN:
            self.epoch = epoch
        self.teacher.train(stage == sb.Stage.TRAIN)

    def on_fit_batch_start(self, batch, should_step):
        """Seeds dropout and sets the learning rate of the step."""
        torch.manual_seed(derive_seed(*self.step_key, "dropout"))
        rate = self.hparams.learning_rate_decay(self.optimizer_step)
        for group in self.optimizer.param_groups:
            group["lr"] = rate

    def on_fit_batch_end(self, batch, outputs, loss, should_step):
        """Moves the teacher after an optimiser step and logs progress."""
        if should_step:
            decay = self.hparams.teacher_decay(self.optimizer_step - 1)
            update_teacher(self.teacher, self.student, decay)
        self._clips += len(batch)
        if self.step % self.hparams.log_interval == 0 and if_main_process():
            logger.info(self._progress_line())

    def _progress_line(self):
        rate = self._clips / max(time.time() - self._clock, 1e-9)
        losses = ", ".join(f"{k} {v:.4f}" for k, v in self.averages().items())
        lr = self.optimizer.param_groups[0]["lr"]
        return (
            f"epoch {self.epoch}/{self.hparams.number_of_epochs}, batch "
            f"{self.step}/{self.hparams.batches_per_epoch}: {losses}, "
            f"lr {lr:.2e}, {rate:.1f} clips/s"
        )

    def on_stage_end(self, stage, stage_loss, epoch=None):
        """Logs the stage; after validation a checkpoint is kept."""
        stats = {"loss": float(stage_loss), **self.averages()}
        if stage == sb.Stage.TRAIN:
            self.train_stats = stats
            return
        # Only plain Python numbers: others break every later recovery.
        meta = {
            "epoch": int(epoch),
            "step": int(self.optimizer_step),
            "lr": float(self.optimizer.param_groups[0]["lr"]),
        }
        for log in (self.hparams.train_logger, self.hparams.tensorboard_logger):
            log.log_stats(meta, train_stats=self.train_stats, valid_stats=stats)
        if self.checkpointer is not None:
            self.checkpointer.save_and_keep_only(
                meta={"epoch": int(epoch), "valid_loss": stats["loss"]},
                num_to_keep=1,
                keep_recent=True,
            )

    def recover_last(self):
        """Loads the last checkpoint; never scores weights that were not saved.

        Raises
        ------
        RuntimeError
            If there is none: `Brain.evaluate` would go on with the current
            weights.
        """
        found = self.checkpointer.recover_if_possible()
        if found is None:
            raise RuntimeError(
                f"{self.checkpointer.checkpoints_dir} holds no checkpoint: "
                "train before scoring."
            )
        # A checkpoint within an epoch has no such entry.
        epoch = found.meta.get("epoch")
        if epoch != self.hparams.number_of_epochs:
            place = "the middle of an epoch" if epoch is None else epoch
            logger.warning(
                f"Scoring {place} of {self.hparams.number_of_epochs} epochs: "
                "training did not end."
            )

    def _wrap_distributed(self):
        """On CPU, wraps without SyncBatchNorm, which exists for GPUs only."""
        if not (self.distributed_launch and self.device_type == "cpu"):
            super()._wrap_distributed()
            return
        for name, module in self.modules.items():
            if any(p.requires_grad for p in module.parameters()):
                self.modules[name] = DistributedDataParallel(module)
