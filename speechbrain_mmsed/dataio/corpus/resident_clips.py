"""Batches of clips whose features are in a device's memory already.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import torch
from torch.utils.data import Dataset


class ResidentBatch:
    """A batch as the recipe uses SpeechBrain's PaddedBatch.

    Arguments
    ---------
    columns : dict
        Key -> torch.Tensor (B, ...) or list of B values. A key is read as an
        attribute or in brackets; len() is B.

    Example
    -------
    >>> batch = ResidentBatch({"id": ["a", "b"], "weak": torch.zeros(2, 10)})
    >>> len(batch.to("cpu")), batch.id, batch["weak"].shape
    (2, ['a', 'b'], torch.Size([2, 10]))
    """

    def __init__(self, columns):
        vars(self).update(columns)

    def __getitem__(self, key):
        return vars(self)[key]

    def __len__(self):
        return len(next(iter(vars(self).values())))

    def to(self, *args, **kwargs):
        """Moves the tensors, as Tensor.to; those there already stay."""
        for key, value in vars(self).items():
            if isinstance(value, torch.Tensor):
                setattr(self, key, value.to(*args, **kwargs))
        return self


class ResidentClips(Dataset):
    """Clips whose features are in memory; an item is its own index.

    Arguments
    ---------
    features : dict
        Key -> (N, T, D) float16 of all clips, on the device.
    labels : dict
        Key -> (N, ...) tensor on the CPU, or list, of all else.

    Example
    -------
    >>> features = {"log_mel": torch.ones(3, 512, 64).half()}
    >>> clips = ResidentClips(features, {"id": ["a", "b", "c"]})
    >>> batch = clips.collate([clips[2], clips[0]])
    >>> batch.id, batch.log_mel.shape, batch.log_mel.dtype
    (['c', 'a'], torch.Size([2, 512, 64]), torch.float32)
    """

    def __init__(self, features, labels):
        self.features, self.labels = features, labels
        self.device = next(iter(features.values())).device

    def __len__(self):
        return len(next(iter(self.features.values())))

    def __getitem__(self, index):
        return index

    def collate(self, indices):
        """The ResidentBatch of a list of indices; features are float32.

        Features are on the device, labels on the CPU, where masks and the
        partners of mixup are drawn.
        """
        rows = self._pinned(torch.tensor(indices))
        there = rows.to(self.device, non_blocking=True)
        columns = {}
        for key, column in self.labels.items():
            if isinstance(column, torch.Tensor):
                columns[key] = self._pinned(column[rows])
            else:
                columns[key] = [column[index] for index in indices]
        for key, table in self.features.items():
            columns[key] = table[there].float()
        return ResidentBatch(columns)

    def _pinned(self, tensor):
        """In memory from which a card copies while the CPU goes on."""
        return tensor.pin_memory() if self.device.type == "cuda" else tensor
