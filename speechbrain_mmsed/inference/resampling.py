"""Resampling of a recording that comes in blocks of any size.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import math

import numpy as np
import torch

from speechbrain_mmsed.dataio.media.sound import resampler

# Samples that are resampled at once, about.
BLOCK = 2048


class BlockResampler:
    """Resamples a recording that comes in pieces of any size.

    Blocks of one size go through the filter, whatever the sizes of the
    pieces: the result is that of the whole at once to the last bit.
    """

    def __init__(self, source, target):
        shared = math.gcd(int(source), int(target))
        self._in, self._out = int(source) // shared, int(target) // shared
        self._same = self._in == self._out
        self._filter = None if self._same else resampler(self._in, self._out)
        if self._same:
            return
        # Samples that the filter looks to each side, in whole periods.
        margin = -(-self._filter.width // self._in)
        self._margin = margin * self._in
        periods = max(1, BLOCK // self._in)
        self._block = periods * self._in
        self._kept = slice(margin * self._out, (margin + periods) * self._out)
        self._buffer = np.zeros(self._margin, np.float32)
        self._n_in, self._n_out = 0, 0

    @property
    def delay(self):
        """Samples (source) that must follow before one can be given."""
        return 0 if self._same else self._block + self._margin

    def feed(self, samples):
        """Resampled (m,) float32 that further (n,) samples make certain."""
        samples = np.asarray(samples, np.float32)
        if self._same:
            return samples
        self._n_in += len(samples)
        self._buffer = np.concatenate([self._buffer, samples])
        return self._whole_blocks()

    def close(self):
        """What is left at the end, (m,) float32."""
        if self._same:
            return np.zeros(0, np.float32)
        missing = -(-self._n_in * self._out // self._in) - self._n_out
        zeros = np.zeros(2 * (self._block + self._margin), np.float32)
        self._buffer = np.concatenate([self._buffer, zeros])
        return self._whole_blocks()[:missing]

    def _whole_blocks(self):
        length = self._block + 2 * self._margin
        blocks = [np.zeros(0, np.float32)]
        at = 0
        with torch.inference_mode():
            while at + length <= len(self._buffer):
                block = torch.from_numpy(self._buffer[at : at + length])
                blocks.append(self._filter(block).numpy()[self._kept])
                at += self._block
        self._buffer = self._buffer[at:]
        blocks = np.concatenate(blocks)
        self._n_out += len(blocks)
        return blocks
