"""Streams that are left out at random, so that no one of them is needed.

A network that always had a stream in training leans on it, and fails on
clips without it; whoever has seen it go now and then does not.

Authors
 * The speechbrain_mmsed authors, 2026
"""

from collections.abc import Mapping

import torch

from speechbrain_mmsed.seeding import derive_generator


class StreamDropout:
    """Makes streams besides the sound unavailable, clip by clip.

    Arguments
    ---------
    rate : float or dict
        Probability, in [0, 1], that a clip goes without a stream it has:
        the same for each stream, or by name; streams not named stay.
    streams : list of str
        Names of the streams besides the sound.

    Example
    -------
    >>> dropout = StreamDropout({"film": 1.0}, ["film", "yamnet"])
    >>> dropout(torch.ones(1, 3, dtype=torch.bool), seed=(1, 2, 3)).tolist()
    [[True, False, True]]
    """

    def __init__(self, rate, streams):
        rates = rate
        if not isinstance(rate, Mapping):
            rates = dict.fromkeys(streams, rate)
        unknown = sorted(set(rates) - set(streams))
        if unknown:
            raise ValueError(
                f"modality_dropout names the streams {unknown}, expected some "
                f"of {list(streams)}"
            )
        self.rates = torch.tensor([0.0, *(rates.get(s, 0.0) for s in streams)])
        if not bool(((self.rates >= 0) & (self.rates <= 1)).all()):
            raise ValueError(
                f"modality_dropout is {rate}, expected probabilities in [0, 1]"
            )

    def __call__(self, available, seed):
        """What clips keep of the streams (B, S) bool that they have.

        `seed`: what the draw depends on, (seed, epoch, step).
        """
        if not bool(self.rates.any()):
            return available
        generator = derive_generator(*seed, "stream dropout")
        drawn = torch.rand(available.shape, generator=generator)
        return available & (drawn >= self.rates).to(available.device)
