"""Checkpoints that are whole, known by their hashes, and two of them.

SpeechBrain's checkpointer writes a folder's description first and its
parameters afterwards. A run that is killed in between leaves a folder that
counts as the most recent checkpoint and cannot be loaded, and the run can
never resume. It keeps one, so that a damaged disk block ends the run as well.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import math
import os
import shutil
import time

import torch
import yaml
from speechbrain.utils.checkpoints import Checkpointer
from speechbrain.utils.distributed import (
    ddp_barrier,
    ddp_broadcast,
    if_main_process,
)
from speechbrain.utils.logger import get_logger

from speechbrain_mmsed.files import (
    ClearError,
    disk_full_explained,
    read_json,
    write_json,
)
from speechbrain_mmsed.folders import file_sums, flush, what_changed

logger = get_logger(__name__)

UNFINISHED = "unfinished"
HASHES = "hashes.json"
KEPT = 2


class CheckpointError(ClearError):
    """A checkpoint that cannot be loaded, or must not be saved."""


class WholeCheckpointer(Checkpointer):
    """Writes a checkpoint aside, and renames it when it is complete.

    The two most recent ones are kept, with the sizes and hashes of their
    files. One that is damaged, or that holds values which are not finite, is
    passed over; such values are never saved. Arguments are those of
    `speechbrain.utils.checkpoints.Checkpointer`.

    Example
    -------
    >>> folder = getfixture("tmp_path")
    >>> layer = torch.nn.Linear(2, 2)
    >>> checkpointer = WholeCheckpointer(folder, {"layer": layer})
    >>> checkpoint = checkpointer.save_checkpoint(name="first")
    >>> checkpointer.recover_if_possible().path.name
    'CKPT+first'
    """

    def save_checkpoint(
        self, meta=None, end_of_epoch=True, name=None, **kwargs
    ):
        """As that of SpeechBrain, but for the order of things on disk."""
        if bad := self._not_finite():
            raise CheckpointError(
                f"{self.checkpoints_dir}: {bad} has values that are not "
                "finite, so no checkpoint is saved and those before are kept: "
                "run again from there, with a lower lr"
            )
        if name is None:
            stamp = time.strftime("%Y-%m-%d+%H-%M-%S")
            name = f"{stamp}+{time.time_ns() % 10**9:09d}"
        folder = self.checkpoints_dir
        aside = folder / UNFINISHED
        if if_main_process():
            shutil.rmtree(aside, ignore_errors=True)
        self.checkpoints_dir = aside
        try:
            with disk_full_explained(folder):
                checkpoint = super().save_checkpoint(
                    meta or {}, end_of_epoch, name, **kwargs
                )
        finally:
            self.checkpoints_dir = folder
        # Every process writes its part, and afterwards looks for what is there.
        ddp_barrier()
        if checkpoint is not None:
            checkpoint = self._put_in_place(checkpoint)
        ddp_barrier()
        return checkpoint

    def save_and_keep_only(self, *args, num_to_keep=1, **kwargs):
        """As that of SpeechBrain; `KEPT` at least, of whatever kind."""
        kwargs.pop("ckpt_predicate", None)
        super().save_and_keep_only(
            *args, num_to_keep=max(num_to_keep, KEPT), **kwargs
        )
        if if_main_process():
            # One that cannot even be listed is not counted either.
            listed = {c.path for c in self.list_checkpoints()}
            for path in set(self.checkpoints_dir.glob("CKPT*")) - listed:
                shutil.rmtree(path, ignore_errors=True)

    def recover_if_possible(self, *args, **kwargs):
        """As that of SpeechBrain; a damaged one is told and passed over.

        Raises
        ------
        CheckpointError
            If there are checkpoints, and none can be used.
        """
        found, faults = self.find_checkpoints(*args, **kwargs), {}
        for path in self.checkpoints_dir.glob("CKPT*"):
            if fault := _description_fault(path):
                faults[path.name] = fault
        for checkpoint in found:
            fault = if_main_process() and _fault(checkpoint.path)
            fault = ddp_broadcast(fault, src=0) or self._load(checkpoint)
            if not fault:
                for name, why in faults.items():
                    logger.warning(
                        f"{self.checkpoints_dir}: {name} is damaged ({why}); "
                        f"going on from {checkpoint.path.name}"
                    )
                return checkpoint
            faults[checkpoint.path.name] = fault
        if faults:
            told = "; ".join(f"{name}: {why}" for name, why in faults.items())
            raise CheckpointError(
                f"{self.checkpoints_dir}: no checkpoint can be used ({told}): "
                "put a copy of one there, or remove the folder to train anew"
            )
        logger.info("Would load a checkpoint here, but none found yet.")
        return None

    def _load(self, checkpoint):
        """Loads a checkpoint; what is wrong with it, or None."""
        try:
            self.load_checkpoint(checkpoint)
        except Exception as error:
            # Whole, so it is of another network: that is no damage.
            if (checkpoint.path / HASHES).is_file():
                raise
            text = " ".join(str(error).split()) or type(error).__name__
            return text[:200]
        bad = self._not_finite()
        return f"{bad} has values that are not finite" if bad else None

    def _not_finite(self):
        """Name of something to be saved with values that are not finite."""
        for name, thing in self.recoverables.items():
            if isinstance(thing, torch.nn.Module | torch.optim.Optimizer):
                held = list(_tensors(thing.state_dict()))
                if held and not torch.stack(held).all():
                    return name
        return None

    def _put_in_place(self, checkpoint):
        """Moves a complete checkpoint to where it is found."""
        folder = self.checkpoints_dir
        final = folder / checkpoint.path.name
        write_json(checkpoint.path / HASHES, file_sums(checkpoint.path))
        flush(checkpoint.path)
        os.replace(checkpoint.path, final)
        flush(folder, inside=False)
        os.rmdir(checkpoint.path.parent)
        return checkpoint._replace(
            path=final,
            paramfiles={
                key: final / path.name
                for key, path in checkpoint.paramfiles.items()
            },
        )

    def _list_checkpoint_dirs(self):
        """Those that have a description which can be read."""
        folders = super()._list_checkpoint_dirs()
        return [path for path in folders if not _description_fault(path)]


def _tensors(state):
    """Whether the values are finite, of each tensor in a nested state."""
    if isinstance(state, torch.Tensor):
        yield torch.isfinite(state).all().cpu()
    elif isinstance(state, dict | list | tuple):
        inside = state.values() if isinstance(state, dict) else state
        for value in inside:
            yield from _tensors(value)


def _description_fault(path):
    """What is wrong with a checkpoint's description, or None."""
    try:
        with open(path / "CKPT.yaml", encoding="utf-8") as file:
            if math.isfinite(yaml.safe_load(file)["unixtime"]):
                return None
    except (OSError, ValueError, TypeError, KeyError, yaml.YAMLError):
        pass
    return "CKPT.yaml is missing or damaged"


def _fault(path):
    """What is wrong with the files of a checkpoint, or None.

    Those of earlier versions have no hashes.
    """
    if not (path / HASHES).is_file():
        return None
    try:
        return what_changed(path, read_json(path / HASHES))
    except (OSError, ValueError, TypeError) as error:
        return str(error)
