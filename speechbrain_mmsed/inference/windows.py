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

from dataclasses import dataclass

import numpy as np


@dataclass
class Window:
    """One window of a recording."""

    begin: float  # seconds from the recording's beginning
    start: int  # the frame of the recording nearest to its first frame
    until: int  # the frame of the recording up to which its scores are taken
    waveform: np.ndarray  # (n_samples,) float32, 0-filled, divided by its peak
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
    # silent passages is not blown up to full scale. None: none is divided.
    peak_floor: float | None = 1e-3

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

    def _cut(self, begin, until, end=None, alone=False):
        """The window that begins at a sample; none of its sound is later."""
        first = begin - self._at
        sound = self._buffer[first : first + self.n_samples]
        sound = sound if end is None else sound[: end - begin]
        peak = np.abs(sound).max(initial=0.0)
        if self.peak_floor is None:
            peak = 1.0
        elif not alone:
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
