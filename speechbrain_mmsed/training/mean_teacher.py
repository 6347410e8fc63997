"""A Brain that trains a student with an averaged teacher (section 3.1.5).

What does not depend on the task: the teacher and its checkpoint, learning rate
and consistency weight as functions of the step, seeds of every draw, logs. A
recipe adds `compute_forward` and `compute_objectives`.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import time

import speechbrain as sb
import torch
from speechbrain.utils.distributed import if_main_process
from speechbrain.utils.logger import get_logger

from speechbrain_mmsed.files import disk_full_explained
from speechbrain_mmsed.seeding import derive_seed
from speechbrain_mmsed.training.devices import DeviceBrain
from speechbrain_mmsed.training.losses import consistency_losses
from speechbrain_mmsed.training.progress import MonitorF1, TrainingProgress
from speechbrain_mmsed.training.teacher import make_teacher, update_teacher

logger = get_logger(__name__)


class MeanTeacherBrain(DeviceBrain):
    """Brain with a teacher; `modules["network"]` is the student.

    Arguments
    ---------
    modules, opt_class, hparams, run_opts, checkpointer
        As of `speechbrain.Brain`; `hparams` must hold `seed`,
        `batches_per_epoch` and `number_of_epochs`.
    teacher_decay : TeacherDecay
        How slowly the teacher follows.
    consistency_weight : ConsistencyWeight
        Weight of the consistency costs at each step.
    learning_rate_decay : LearningRateDecay
        Learning rate of each step.
    loggers : list
        SpeechBrain loggers that get the figures of every epoch.
    log_interval : int
        Batches between two progress lines.
    **devices
        Those of `DeviceBrain`.

    Example
    -------
    >>> from speechbrain_mmsed.training.schedules import (
    ...     ConsistencyWeight, LearningRateDecay)
    >>> from speechbrain_mmsed.training.teacher import TeacherDecay
    >>> brain = MeanTeacherBrain(
    ...     {"network": torch.nn.Linear(2, 2)},
    ...     torch.optim.RAdam,
    ...     {"seed": 1},
    ...     {"device": "cpu"},
    ...     teacher_decay=TeacherDecay(),
    ...     consistency_weight=ConsistencyWeight(),
    ...     learning_rate_decay=LearningRateDecay())
    >>> brain.teacher.weight.requires_grad
    False
    """

    def __init__(
        self,
        modules,
        opt_class,
        hparams,
        run_opts,
        checkpointer=None,
        *,
        teacher_decay,
        consistency_weight,
        learning_rate_decay,
        loggers=(),
        log_interval=25,
        **devices,
    ):
        super().__init__(
            modules, opt_class, hparams, run_opts, checkpointer, **devices
        )
        self.teacher_decay = teacher_decay
        self.consistency_weight = consistency_weight
        self.learning_rate_decay = learning_rate_decay
        self.loggers, self.log_interval = loggers, log_interval
        self.teacher = make_teacher(self.modules["network"])
        self._teach = self.teacher
        self.epoch = 1
        self.progress = TrainingProgress()
        self._clips, self._clock = 0, time.time()
        # Recovery happens in on_fit_start, so these are listed before.
        if self.checkpointer is not None:
            self.checkpointer.add_recoverable("teacher", self.teacher)
            self.checkpointer.add_recoverable("progress", self.progress)

    @property
    def student(self):
        """The network without its wrappers."""
        return self.unwrapped("network")

    @property
    def step_key(self):
        """(seed, epoch, step, process): what draws of clips depend on."""
        rank = self.rank if self.distributed_launch else 0
        return self.hparams.seed, self.epoch, self.step, rank

    @property
    def batch_key(self):
        """The same for draws of a batch, of which a process may have a part."""
        *key, rank = self.step_key
        return *key, 0 if self.divide_batches else rank

    def student_and_teacher(self, *inputs):
        """Outputs of both; the teacher's are without gradient."""
        student = self.modules["network"](*inputs)
        with torch.no_grad():
            teacher = self._teach(*inputs)
        return student, teacher

    def total_loss(self, classification, student, teacher):
        """Classification at weight 1, consistency by its schedule; a scalar.

        Arguments
        ---------
        classification : dict of torch.Tensor
            Scalar losses of the student.
        student, teacher : tuple of torch.Tensor
            Clip logits (B, C), frame logits (B, T, C).
        """
        consistency = consistency_losses(student, teacher)
        weight = self.consistency_weight(self.optimizer_step)
        self.progress.track({**classification, **consistency})
        return sum(classification.values()) + weight * sum(consistency.values())

    def training_record(self):
        """What was trained, over all parts of an interrupted run: a dict."""
        return {
            "training_steps": int(self.optimizer_step),
            "training_seconds": round(self.progress.seconds, 1),
            "processes": self.n_processes,
            "grad_accumulation_factor": int(self.grad_accumulation_factor),
            "precision": str(self.precision),
        }

    def on_fit_start(self):
        """Starts the clock, once a checkpoint was recovered."""
        super().on_fit_start()
        self.progress.start()

    def on_stage_start(self, stage, epoch=None):
        """Clears the averages; the teacher follows the student's mode."""
        # An epoch that goes on after an interruption keeps its averages.
        if stage != sb.Stage.TRAIN or self.step == 0:
            self.progress.clear()
        self._clips, self._clock = 0, time.time()
        if stage == sb.Stage.TRAIN:
            self.epoch = epoch
        self.teacher.train(stage == sb.Stage.TRAIN)
        self.monitor = MonitorF1()

    def on_fit_batch_start(self, batch, should_step):
        """Seeds dropout and sets the learning rate of the step."""
        torch.manual_seed(derive_seed(*self.step_key, "dropout"))
        rate = self.learning_rate_decay(self.optimizer_step)
        for group in self.optimizer.param_groups:
            group["lr"] = rate * group.get("lr_factor", 1.0)

    def on_fit_batch_end(self, batch, outputs, loss, should_step):
        """Moves the teacher after an optimiser step and logs progress."""
        if should_step:
            decay = self.teacher_decay(self.optimizer_step - 1)
            update_teacher(self.teacher, self.student, decay)
        self._clips += len(batch)
        if self.step % self.log_interval == 0 and if_main_process():
            logger.info(self._progress_line())

    def _progress_line(self):
        """Losses, learning rate and speed of the epoch so far."""
        rate = self._clips / max(time.time() - self._clock, 1e-9)
        losses = ", ".join(
            f"{k} {v:.4f}" for k, v in self.progress.averages().items()
        )
        lr = self.optimizer.param_groups[0]["lr"]
        return (
            f"epoch {self.epoch}/{self.hparams.number_of_epochs}, batch "
            f"{self.step}/{self.hparams.batches_per_epoch}: {losses}, "
            f"lr {lr:.2e}, {rate:.1f} clips/s"
        )

    def on_stage_end(self, stage, stage_loss, epoch=None):
        """Logs the stage; after validation a checkpoint is kept."""
        self.progress.track(self.monitor.summarize())
        stats = {"loss": float(stage_loss), **self.progress.averages()}
        if stage == sb.Stage.TRAIN:
            self.progress.train_stats = stats
            return
        # Only plain Python numbers: others break every later recovery.
        meta = {
            "epoch": int(epoch),
            "step": int(self.optimizer_step),
            "lr": float(self.optimizer.param_groups[0]["lr"]),
        }
        for log in self.loggers:
            with disk_full_explained(getattr(log, "save_file", "its log")):
                log.log_stats(meta, self.progress.train_stats, stats)
        if self.checkpointer is not None:
            self.checkpointer.save_and_keep_only(
                meta={"epoch": int(epoch), "valid_loss": stats["loss"]},
                num_to_keep=1,
                keep_recent=True,
            )

    def recover_last(self):
        """Loads the last checkpoint, or stops if there is none.

        `Brain.evaluate` would go on with weights that were never saved.
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

    def _should_save_intra_epoch_ckpt(self, *since):
        """Waits for the end of an optimiser step: gradients are not saved."""
        if self.step % self.grad_accumulation_factor:
            return False
        return super()._should_save_intra_epoch_ckpt(*since)

    def _compile(self):
        """Compiles both networks, and only these."""
        if self.compile and self.compile_module_keys is None:
            self.compile_module_keys = ["network"]
        super()._compile()
        if self.compile:
            # Where that fails torch says why, and trains as it is.
            torch._dynamo.config.suppress_errors = True
            self._teach = torch.compile(
                self.teacher,
                mode=self.compile_mode,
                fullgraph=self.compile_using_fullgraph,
                dynamic=self.compile_using_dynamic_shape_tracing,
            )
