"""Random draws that depend on where training is, not on how it got there.

A run that is interrupted and resumed must equal an uninterrupted one, and
checkpoints hold no random-number state. Hence every draw of a training step
comes from (seed, epoch, step) and the name of what is drawn.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import zlib

import numpy as np
import torch


def derive_seed(*keys):
    """Hashes integers and names, such as (seed, epoch, "mixup"), into a seed.

    The same for the same keys, on every machine and process; 63 bits.

    Example
    -------
    >>> derive_seed(1, 2, 3, "mixup") == derive_seed(1, 2, 3, "mixup")
    True
    >>> derive_seed(1, 2, 3, "mixup") == derive_seed(1, 2, 4, "mixup")
    False
    """
    words = [
        zlib.crc32(key.encode()) if isinstance(key, str) else int(key)
        for key in keys
    ]
    state = np.random.SeedSequence(words).generate_state(1, np.uint64)
    return int(state[0] >> np.uint64(1))


def derive_generator(*keys):
    """A CPU generator for the draws that belong to `keys`.

    Example
    -------
    >>> torch.rand(1, generator=derive_generator(1, "fusion")).shape
    torch.Size([1])
    """
    return torch.Generator().manual_seed(derive_seed(*keys))
