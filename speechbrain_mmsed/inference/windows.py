"""A recording of any length, cut into windows of a clip's length.

Windows overlap by a second on each side at least, and the middle of each
overlap is where one window's scores end and the next one's begin. As scores
depend a little on where in its window a sound stands, windows at fixed steps
would give other events to a recording that had begun a second later. So each
window begins where the sound is faintest within a range of steps: two cuts of
one recording soon meet there, and have the same windows from then on, in
whatever pieces it comes. The last window ends with the recording. A recording
of one window (and a frame, which is cut off) is treated as a training clip.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import fractions
from dataclasses import dataclass

import numpy as np
import torch

from speechbrain_mmsed.dataio.media.sound import resampler

# Ratios of larger numbers need filters of gigabytes; one of these is at most
# a millionth beside, which is 7 ms in two hours.
LARGEST_TERM = 1000
# Samples that are resampled at once, about.
BLOCK = 2048


@dataclass
class Window:
    """One window of a recording."""

    begin: float  # seconds from the recording's beginning
    start: int  # the frame of the recording nearest to its first frame
    until: int  # the frame of the recording up to which its scores are taken
    waveform: np.ndarray  # (n_samples,) float32, divided by its peak, 0-filled
    seconds: float  # how much of it is sound of the recording


@dataclass
class WindowCutter:
    """Takes a recording piece by piece, gives its windows."""

    sample_rate: int  # Hz
    n_samples: int  # of a window
    n_frames: int  # T that the network gives for a window
    frame_samples: int  # between the starts of two frames
    margin: int = 7  # fewest frames of a window that its neighbour has, too
    # Fewest frames between the beginnings of two windows; the most are
    # n_frames - 2 * margin.
    shortest_hop: int = 25
    # Smallest peak that a window of several is divided by: the noise of
    # silent passages is not blown up to full scale.
    peak_floor: float = 1e-3

    def __post_init__(self):
        longest_hop = self.n_frames - 2 * self.margin
        if not 1 <= self.shortest_hop <= longest_hop <= self.n_frames - 2:
            raise ValueError(
                f"margin is {self.margin} and shortest_hop "
                f"{self.shortest_hop} frames, expected a margin of 1 or more, "
                f"and 1 <= shortest_hop <= {self.n_frames} - 2 * margin"
            )
        self.longest_hop = longest_hop
        # Tracks of films are often some hundredths of a second longer than
        # the clip; training cuts them, too.
        self.longest_clip = (self.n_frames + 1) * self.frame_samples
        self.total = 0  # samples so far
        self._buffer = np.zeros(0, np.float32)
        self._at = 0  # the sample at which the buffer begins
        self._next = 0  # the sample at which the next window begins

    def feed(self, samples):
        """Windows that further (n,) samples complete.

        A window is given once sound beyond its frames is known: only then
        it is certain not to be the last one.
        """
        samples = np.asarray(samples, np.float32)
        self._buffer = np.concatenate([self._buffer, samples])
        self.total += len(samples)
        length = self.n_frames * self.frame_samples
        windows, keep = [], self._at
        while self.total > max(self._next + length, self.longest_clip):
            keep, self._next = self._next, self._faintest(self._next)
            # From the middle of the overlap on, the next window is asked.
            middle = (keep + length + self._next) // 2
            windows.append(self._cut(keep, self._frame(middle)))
        # The last window may begin soon after the one that was given last.
        self._buffer = self._buffer[keep - self._at :]
        self._at = keep
        return windows

    def close(self):
        """A list of the last window, empty if there was no sample."""
        if self.total == 0:
            return []
        n_frames = -(-self.total // self.frame_samples)
        if self.total <= self.longest_clip:
            return [self._cut(0, self.n_frames, alone=True)]
        return [self._cut(self.total - self.n_samples, n_frames)]

    def _frame(self, sample):
        """The frame that begins nearest to a sample."""
        return (sample + self.frame_samples // 2) // self.frame_samples

    def _faintest(self, begin):
        """Where the window after the one at `begin` begins, a sample."""
        shortest = self.shortest_hop * self.frame_samples
        longest = self.longest_hop * self.frame_samples
        half = self.frame_samples // 2
        first = begin + shortest - self._at
        sound = self._buffer[first - half : first + longest - shortest + half]
        power = np.cumsum(np.square(sound, dtype=np.float64))
        power = power[2 * half - 1 :] - np.append(0.0, power[: -2 * half])
        # Of equal ones the latest: fewer windows.
        last = len(power) - 1 - int(np.argmin(power[::-1]))
        return begin + shortest + last

    def _cut(self, begin, until, alone=False):
        first = begin - self._at
        sound = self._buffer[first : first + self.n_samples]
        peak = np.abs(sound).max(initial=0.0)
        if not alone:
            peak = max(peak, np.float32(self.peak_floor))
        waveform = np.zeros(self.n_samples, np.float32)
        np.divide(sound, peak if peak > 0 else 1, out=waveform[: len(sound)])
        return Window(
            begin / self.sample_rate,
            self._frame(begin),
            until,
            waveform,
            len(sound) / self.sample_rate,
        )


class BlockResampler:
    """Resamples a recording that comes in pieces of any size.

    Blocks of one size go through the filter, whatever the sizes of the
    pieces: the result is that of the whole at once to the last bit.
    """

    def __init__(self, source, target):
        ratio = fractions.Fraction(int(source), int(target))
        if max(ratio.numerator, ratio.denominator) > LARGEST_TERM:
            near = max(ratio, 1 / ratio).limit_denominator(LARGEST_TERM)
            ratio = near if ratio > 1 else 1 / near
        self._in, self._out = ratio.numerator, ratio.denominator
        self._same = ratio == 1
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
