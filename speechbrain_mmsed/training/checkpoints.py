"""Checkpoints that are either whole or not there.

SpeechBrain's checkpointer writes a folder's description first and its
parameters afterwards. A run that is killed in between leaves a folder that
counts as the most recent checkpoint and cannot be loaded, and the run can
never resume.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import os
import shutil
import time

from speechbrain.utils.checkpoints import Checkpointer
from speechbrain.utils.distributed import ddp_barrier, if_main_process

UNFINISHED = "unfinished"


class WholeCheckpointer(Checkpointer):
    """Writes a checkpoint aside, and renames it when it is complete.

    Arguments are those of `speechbrain.utils.checkpoints.Checkpointer`.

    Example
    -------
    >>> import torch
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
        if name is None:
            stamp = time.strftime("%Y-%m-%d+%H-%M-%S")
            name = f"{stamp}+{time.time_ns() % 10**9:09d}"
        folder = self.checkpoints_dir
        aside = folder / UNFINISHED
        if if_main_process():
            shutil.rmtree(aside, ignore_errors=True)
        self.checkpoints_dir = aside
        try:
            checkpoint = super().save_checkpoint(
                meta=meta or {}, end_of_epoch=end_of_epoch, name=name, **kwargs
            )
        finally:
            self.checkpoints_dir = folder
        # Every process writes its part, and afterwards looks for what is there.
        ddp_barrier()
        if checkpoint is not None:
            checkpoint = self._put_in_place(checkpoint)
        ddp_barrier()
        return checkpoint

    def _put_in_place(self, checkpoint):
        """Moves a complete checkpoint to where it is found."""
        folder = self.checkpoints_dir
        final = folder / checkpoint.path.name
        os.replace(checkpoint.path, final)
        os.rmdir(checkpoint.path.parent)
        return checkpoint._replace(
            path=final,
            paramfiles={
                key: final / path.name
                for key, path in checkpoint.paramfiles.items()
            },
        )
