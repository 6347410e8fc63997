"""A Brain on cards and in several processes, whose host does not wait.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import speechbrain as sb
import torch
from torch.distributed import get_world_size
from torch.nn.parallel import DistributedDataParallel


class DeviceBrain(sb.Brain):
    """Brain that feeds, compiles and wraps networks of masked batches.

    Arguments
    ---------
    *brain
        Those of `speechbrain.Brain`.
    tf32 : bool
        Whether a card multiplies float32 matrices with 10 bits of mantissa,
        several times faster; convolutions always do.
    divide_batches : bool
        Whether each of several processes takes its part of each batch, so that
        any number of them takes the same steps. Otherwise they take whole
        batches, and fewer steps with more clips each.

    Example
    -------
    >>> DeviceBrain({"network": torch.nn.Linear(2, 2)}).share
    (0, 1)
    """

    def __init__(self, *brain, tf32=True, divide_batches=False):
        torch.backends.cuda.matmul.allow_tf32 = tf32
        super().__init__(*brain)
        self.divide_batches = divide_batches

    @property
    def n_processes(self):
        """Number of processes that train together."""
        return get_world_size() if self.distributed_launch else 1

    @property
    def share(self):
        """(number of this process, processes) by which a batch is divided."""
        divided = self.divide_batches and self.distributed_launch
        return (self.rank, self.n_processes) if divided else (0, 1)

    def unwrapped(self, name):
        """A module without wrappers for processes and for compiling."""
        module = self.modules[name]
        if isinstance(module, DistributedDataParallel):
            module = module.module
        if isinstance(module, torch._dynamo.OptimizedModule):
            module = module._orig_mod
        return module

    def to_device(self, tensor):
        """A small tensor from the CPU, or None; nothing waits for a card."""
        if tensor is None:
            return None
        if "cuda" in str(self.device):
            tensor = tensor.pin_memory()
        return tensor.to(self.device, non_blocking=True)

    def make_dataloader(self, dataset, stage, **loader_kwargs):
        """As of Brain; batches are pinned for a card."""
        loader_kwargs.setdefault("pin_memory", "cuda" in str(self.device))
        return super().make_dataloader(dataset, stage, **loader_kwargs)

    def _train_loader_specifics(self, dataset, loader_kwargs):
        """Deals whole batches to processes, unless each takes its part."""
        if self.divide_batches:
            return loader_kwargs
        return super()._train_loader_specifics(dataset, loader_kwargs)

    def _wrap_distributed(self):
        """Wraps without SyncBatchNorm, which counts each clip."""
        if not self.distributed_launch:
            super()._wrap_distributed()
            return
        gloo = self.distributed_backend == "gloo"
        for name, module in self.modules.items():
            if any(p.requires_grad for p in module.parameters()):
                self.modules[name] = DistributedDataParallel(
                    module,
                    device_ids=None if gloo else [self.device],
                    find_unused_parameters=self.find_unused_parameters,
                )
