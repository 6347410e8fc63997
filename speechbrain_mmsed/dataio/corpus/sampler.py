"""Batches that hold a fixed number of clips of each subset (section 3.1.5).

SpeechBrain's samplers repeat the same batches every epoch or run out of the
smallest subset; here a subset is shuffled anew when it has been gone through,
and the order is a function of (seed, epoch, step) alone.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import functools

import numpy as np
from torch.utils.data import Sampler

from speechbrain_mmsed.seeding import derive_seed


class SubsetBatchSampler(Sampler):
    """Yields lists of indices into the concatenation of several subsets.

    A subset is an endless row of shuffled passes; step k of the whole
    training takes its k-th slice. An epoch therefore continues where the last
    one stopped, and no clip is seen twice before each was seen once.

    Arguments
    ---------
    subset_sizes, batch_sizes : list of int
        Number of clips of each subset, in the order of concatenation, and
        in one batch; 0 leaves a subset out.
    batches_per_epoch : int
        Batches in an epoch.
    seed : int
        Seed of the order.
    share : tuple of int
        (r, n): only the r-th of n equal parts of each batch, for one of n
        processes.

    Example
    -------
    >>> sampler = SubsetBatchSampler([4, 3], [2, 1], 2, seed=0)
    >>> sampler.set_epoch(1)
    >>> [len(batch) for batch in sampler]
    [3, 3]
    """

    def __init__(
        self, subset_sizes, batch_sizes, batches_per_epoch, seed, share=(0, 1)
    ):
        if len(subset_sizes) != len(batch_sizes):
            raise ValueError(
                f"{len(subset_sizes)} subsets but {len(batch_sizes)} batch "
                "sizes: give one for each subset."
            )
        self.subsets = list(zip(subset_sizes, batch_sizes, strict=True))
        for index, (size, batch) in enumerate(self.subsets):
            if batch < 0 or (batch > 0 and size == 0):
                raise ValueError(
                    f"Subset {index} has {size} clips, but {batch} of them "
                    "are asked for in every batch: set its batch size to 0, "
                    "or prepare the subset."
                )
        if sum(batch_sizes) == 0 or batches_per_epoch < 1:
            raise ValueError(
                f"Batch sizes {list(batch_sizes)} and {batches_per_epoch} "
                "batches an epoch leave nothing to train on."
            )
        if any(batch % share[1] for batch in batch_sizes):
            raise ValueError(
                f"Batches of {list(batch_sizes)} clips cannot be divided by "
                f"{share[1]} processes: choose multiples of it."
            )
        self.batches_per_epoch = batches_per_epoch
        self.seed, self.share = seed, share
        self.epoch = 1

    def set_epoch(self, epoch):
        """Moves to an epoch, from 1; Brain calls it on its train_sampler."""
        self.epoch = epoch

    def __len__(self):
        return self.batches_per_epoch

    def __iter__(self):
        first = (self.epoch - 1) * self.batches_per_epoch
        for step in range(first, first + self.batches_per_epoch):
            yield self._batch(step)

    def _batch(self, step):
        """Indices, subset after subset, of a step of the whole training."""
        indices, offset, (first, n_parts) = [], 0, self.share
        for subset, (size, batch) in enumerate(self.subsets):
            for position in range(
                step * batch + first, (step + 1) * batch, n_parts
            ):
                order = _pass(self.seed, subset, position // size, size)
                indices.append(offset + int(order[position % size]))
            offset += size
        return indices


@functools.lru_cache(maxsize=16)
def _pass(seed, subset, number, size):
    """The order of one pass over a subset; the last ones are kept."""
    rng = np.random.default_rng(derive_seed(seed, "order", subset, number))
    return rng.permutation(size)
