"""Resampling piece by piece, with the result of the whole at once.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import fractions

import numpy as np
import torch

from speechbrain_mmsed.dataio.sound import resampler

# Ratios of larger numbers need filters of gigabytes; one of these is at most
# a millionth beside, which is 7 ms in two hours.
LARGEST_TERM = 1000


class BlockResampler:
    """Resamples a recording that comes in pieces of any size.

    Arguments
    ---------
    source : int
        Rate of the pieces in Hz.
    target : int
        Wanted rate in Hz.

    Example
    -------
    >>> resampler = BlockResampler(48000, 16000)
    >>> first = resampler.feed(np.zeros(1000, np.float32))
    >>> len(first), len(first) + len(resampler.close())
    (327, 334)
    """

    def __init__(self, source, target):
        ratio = fractions.Fraction(int(source), int(target))
        if max(ratio.numerator, ratio.denominator) > LARGEST_TERM:
            ratio = _near(ratio)
        self._in, self._out = ratio.numerator, ratio.denominator
        self._same = ratio == 1
        self._filter = None if self._same else resampler(self._in, self._out)
        # Samples that the filter looks to each side, in whole periods.
        self._width = 0 if self._same else self._filter.width
        self._margin = -(-self._width // self._in)
        self._buffer = np.zeros(0, np.float32)
        self._skip = 0  # periods of the buffer that were given before

    @property
    def delay(self):
        """Samples (source) that must follow before one can be given."""
        return self._width + self._in if not self._same else 0

    def feed(self, samples):
        """Resampled sound that further samples make certain.

        Arguments
        ---------
        samples : numpy.ndarray
            (n,) float32.

        Returns
        -------
        numpy.ndarray
            (m,) float32.
        """
        samples = np.asarray(samples, np.float32)
        if self._same:
            return samples
        self._buffer = np.concatenate([self._buffer, samples])
        ready = (len(self._buffer) - self._width) // self._in
        if ready <= self._skip:
            return np.zeros(0, np.float32)
        given = self._resampled()[self._skip * self._out : ready * self._out]
        drop = max(0, ready - self._margin)
        self._buffer = self._buffer[drop * self._in :]
        self._skip = ready - drop
        return given

    def close(self):
        """What is left at the end.

        Returns
        -------
        numpy.ndarray
            (m,) float32.
        """
        if self._same or not len(self._buffer):
            return np.zeros(0, np.float32)
        return self._resampled()[self._skip * self._out :]

    def _resampled(self):
        with torch.inference_mode():
            return self._filter(torch.from_numpy(self._buffer)).numpy()


def _near(ratio):
    """A ratio of small numbers near one of large numbers."""
    if ratio < 1:
        return 1 / (1 / ratio).limit_denominator(LARGEST_TERM)
    return ratio.limit_denominator(LARGEST_TERM)
