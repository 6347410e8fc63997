"""Values and places of a run, checked before anything is prepared.

What a yaml's own objects refuse stops when it is read; this is the rest, which
would be told only after hours, or never.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import math
import os

from speechbrain.utils.logger import get_logger

from speechbrain_mmsed.folders import check_writable
from speechbrain_mmsed.launch import device_problem
from speechbrain_mmsed.training.hparams import HparamsError

logger = get_logger(__name__)


def _is_number(value):
    """Whether a value is a finite number, and no truth value."""
    kind = isinstance(value, int | float) and not isinstance(value, bool)
    return kind and math.isfinite(value)


def _is_whole(value):
    """Whether a value is a whole number, and no truth value."""
    return isinstance(value, int) and not isinstance(value, bool)


# Keys of the recipes' yamls: what they stand for, and what decides. Fusion
# weights, modality dropout, streams and classes are checked where they are
# read, the sizes that must fit each other by `check_sizes`.
RULES = (
    (
        "a whole number, 1 or more",
        lambda v: _is_whole(v) and v >= 1,
        *("number_of_epochs", "batches_per_epoch", "scoring_batch_size"),
        *("log_interval", "sample_rate", "n_mels", "hop_length", "n_frames"),
        *("time_pooling", "n_classes", "d_model", "n_heads", "d_head"),
        *("d_ffn", "n_layers", "image_size"),
    ),
    (
        "a whole number, 0 or more",
        lambda v: _is_whole(v) and v >= 0,
        *("seed", "batch_strong", "batch_weak", "batch_unlabelled"),
        "num_workers",
    ),
    (
        "a whole number, 1 or more, or null",
        lambda v: v is None or _is_whole(v) and v >= 1,
        *("batch_size", "workers"),
    ),
    (
        "a number above 0",
        lambda v: _is_number(v) and v > 0,
        *("clip_seconds", "frame_hop", "max_grad_norm", "lr"),
        *("lr_decay_steps", "pseudo_labels_temperature"),
    ),
    (
        "a number, 0 or more",
        lambda v: _is_number(v) and v >= 0,
        *("annotation_tolerance", "ckpt_interval_minutes", "consistency"),
        *("consistency_rampup_steps", "pseudo_labels_weight"),
        "start_from_lr_factor",
        "nonfinite_patience",
    ),
    (
        "a number from 0 to 1",
        lambda v: _is_number(v) and 0 <= v <= 1,
        *("max_missing_fraction", "min_video_coverage", "mixup_rate"),
        *("gate_start", "gate_floor", "min_coverage"),
    ),
    (
        "a number from 0 on, below 1",
        lambda v: _is_number(v) and 0 <= v < 1,
        *("dropout", "ema_decay"),
    ),
    (
        "True or False",
        lambda v: isinstance(v, bool),
        *("skip_prep", "use_logmel_cache", "packed_streams", "lr_staircase"),
        *("ema_warmup", "tf32", "divide_batches", "control_untrained"),
        *("control_shuffled_streams", "export_teacher", "pack"),
        "channels_last",
    ),
    (
        "a path, in quotes if it looks like a number",
        lambda v: isinstance(v, str),
        *("data_folder", "output_folder", "save_folder", "prepared_folder"),
        *("streams_folder", "log_mel_folder", "scores_folder"),
    ),
    (
        "a list of different names, such as [Dog, Cat]",
        lambda v: isinstance(v, list) and all(isinstance(n, str) for n in v),
        *("class_labels", "streams"),
    ),
)


# Keys that a training reads, some of them hours after its start.
NEEDED = (
    *("batch_sizes", "batch_strong", "batch_unlabelled", "batch_weak"),
    *("batches_per_epoch", "checkpointer", "class_labels", "clip_labels_of"),
    *("classification_losses", "clip_seconds", "control_shuffled_streams"),
    *("control_untrained", "data_folder", "epoch_counter", "evaluate"),
    *("expected_counts", "export", "export_teacher", "frame_hop", "frontend"),
    *("fusion", "guard", "log_mel_cache", "manifests", "mean_teacher"),
    *("mixup", "modules", "n_frames", "number_of_epochs", "open_streams"),
    *("opt_class", "output_folder", "preparation", "prepared_folder"),
    *("pseudo_labels", "resident", "run_record", "save_folder", "seed"),
    *("start", "statistics", "stream_dropout", "stream_widths", "streams"),
    *("test_loader", "train_loader", "training_fusion", "use_logmel_cache"),
    *("validation_fusion", "write_scores"),
)


def check_values(hparams):
    """Stops at the first value that is not what its key stands for.

    Arguments
    ---------
    hparams : dict
        As loaded; keys that `RULES` does not know are not looked at.

    Raises
    ------
    HparamsError
        With the key, its value and what was expected.

    Example
    -------
    >>> check_values({"number_of_epochs": -2})
    Traceback (most recent call last):
    ...
    speechbrain_mmsed.training.hparams.HparamsError: yaml: number_of_epochs \
is -2, expected a whole number, 1 or more
    """
    for expected, fits, *keys in RULES:
        for key in keys:
            if key in hparams and not fits(hparams[key]):
                raise HparamsError(
                    f"yaml: {key} is {hparams[key]!r}, expected {expected}"
                )


def check_run(hparams, run_opts, resolved_yaml, rehearse=None):
    """Stops where a run could not begin, or not end, on this machine.

    Arguments
    ---------
    hparams : dict
        As loaded; the folders to write to among them.
    run_opts : speechbrain.RunOptions or dict
        Of the command line; `device` is tried.
    resolved_yaml : str
        The run's yaml, references filled in.
    rehearse : callable, optional
        Called with that yaml, tries what follows the training.

    Raises
    ------
    HparamsError
        If values, the device or the batches cannot be used.
    OSError, RehearsalError
        If folders cannot be written, or what `rehearse` tries cannot run.
    """
    for key in NEEDED:
        hparams[key]  # of `Settings`: one that is missing stops here
    check_values(hparams)
    check_device(run_opts.get("device") or hparams.get("device"))
    sizes = hparams["batch_sizes"]
    if not sum(sizes):
        raise HparamsError(
            f"yaml: batch sizes {list(sizes)} leave nothing to train on: set "
            "batch_strong, batch_weak or batch_unlabelled"
        )
    processes = int(os.environ.get("WORLD_SIZE", 1))
    if hparams.get("divide_batches") and any(n % processes for n in sizes):
        raise HparamsError(
            f"yaml: batches of {list(sizes)} clips cannot be divided by "
            f"{processes} processes: choose multiples, or divide_batches: False"
        )
    if hparams.get("start") is not None:
        hparams["start"].check(hparams["frontend"])
    for key in ("output_folder", "save_folder", "scores_folder"):
        check_writable(hparams[key])
    if rehearse is not None:
        rehearse(resolved_yaml)


def check_device(name):
    """Stops where a device is not there; None is SpeechBrain's choice.

    Example
    -------
    >>> check_device("cpu")
    >>> check_device("gpu")
    Traceback (most recent call last):
    ...
    speechbrain_mmsed.training.hparams.HparamsError: --device gpu cannot be \
used: expected cpu, cuda, cuda:1 or mps
    """
    problem = None if name is None else device_problem(name)
    if problem:
        raise HparamsError(f"--device {name} cannot be used: {problem}")


def warn_of_schedules(hparams, run_opts):
    """Logs what would make a run of so few steps train badly."""
    steps = hparams["number_of_epochs"] * hparams["batches_per_epoch"]
    steps //= run_opts.get("grad_accumulation_factor") or 1
    processes = int(os.environ.get("WORLD_SIZE", 1))
    if processes > 1 and not hparams["divide_batches"]:
        # Whole batches are dealt to processes, which then step together.
        logger.warning(
            f"{processes} processes take whole batches, so "
            f"{steps // processes} steps instead of {steps}: set "
            "--divide_batches True?"
        )
        steps //= processes
    schedules = ("teacher_decay", "consistency_weight", "learning_rate_decay")
    for warning in short_run_warnings(steps, *(hparams[s] for s in schedules)):
        logger.warning(f"This run has only {steps} steps, but {warning}.")


def short_run_warnings(total_steps, teacher_decay, consistency, learning_rate):
    """What makes a run of few steps train badly, in words.

    The paper's schedule is made for 25,000 steps. In a run of a few hundred
    the teacher would stay near its random start and pull the student there.
    One sentence for each setting that does not suit a run of `total_steps`
    optimiser steps; none from 5,000 on.

    Example
    -------
    >>> from speechbrain_mmsed.training.schedules import (
    ...     ConsistencyWeight, LearningRateDecay)
    >>> from speechbrain_mmsed.training.teacher import TeacherDecay
    >>> len(short_run_warnings(
    ...     400, TeacherDecay(), ConsistencyWeight(), LearningRateDecay()))
    3
    """
    if total_steps >= 5000:
        return []
    found = []
    if not teacher_decay.warmup:
        found.append("the teacher has no warm-up: set --ema_warmup True")
    if consistency.rampup_steps == 0 and consistency.weight > 0:
        found.append(
            "the consistency weight has no ramp: set "
            f"--consistency_rampup_steps {round(0.3 * total_steps)}"
        )
    if learning_rate.decay_steps > total_steps:
        found.append(
            "the learning rate never decays: set "
            f"--lr_decay_steps {max(1, round(0.4 * total_steps))}"
        )
    return found
