"""A recording of any length, cut into windows of a clip's length.

A network that was trained on clips of 10 s sees clips of 10 s. Windows
overlap by a second on each side at least, and the middle of each overlap is
where one window's scores end and the next one's begin.

What a network says of a sound depends a little on where in the window it
stands and on what else the window holds. With windows at fixed steps, the
events of a recording would therefore change if it had begun a second later.
So each window begins where the sound is faintest within a range of steps:
two cuts of one recording soon meet at such a place, and have the same
windows from there on. The last window ends with the recording and has real
sound throughout. A recording of one window (and a frame, which is cut off) is
treated as a clip of the training data.

The windows depend on the sound alone and not on the pieces in which it
comes, so that a file and a stream are cut alike.

Authors
 * The speechbrain_mmsed authors, 2026
"""

from dataclasses import dataclass

import numpy as np


@dataclass
class Window:
    """One window of a recording.

    Arguments
    ---------
    begin : float
        Seconds from the recording's beginning.
    start : int
        Frame of the recording that its first frame stands for, the nearest.
    until : int
        Frame of the recording up to which its scores are taken.
    waveform : numpy.ndarray
        (n_samples,) float32, divided by its peak, filled up with zeros.
    seconds : float
        How much of it is sound of the recording.
    """

    begin: float
    start: int
    until: int
    waveform: np.ndarray
    seconds: float


class WindowCutter:
    """Takes a recording piece by piece, gives its windows.

    Arguments
    ---------
    sample_rate : int
        Hz.
    n_samples : int
        Length of a window in samples.
    n_frames : int
        Frames T that the network gives for a window.
    frame_samples : int
        Samples between the starts of two frames.
    margin : int
        Frames on each side of a window that its neighbour has at least.
    shortest_hop : int
        The fewest frames between the beginnings of two windows. The longest
        hop is `n_frames - 2 * margin`.
    peak_floor : float
        The smallest peak that a window of several is divided by: the noise
        of silent passages is not blown up to full scale.

    Example
    -------
    >>> cutter = WindowCutter(16000, 160000, 64, 2504)
    >>> windows = cutter.feed(np.ones(400000)) + cutter.close()
    >>> [(window.start, window.until) for window in windows]
    [(0, 57), (50, 107), (96, 160)]
    """

    def __init__(
        self,
        sample_rate,
        n_samples,
        n_frames,
        frame_samples,
        margin=7,
        shortest_hop=25,
        peak_floor=1e-3,
    ):
        longest_hop = n_frames - 2 * margin
        if not 1 <= shortest_hop <= longest_hop <= n_frames - 2:
            raise ValueError(
                f"margin is {margin} and shortest_hop {shortest_hop} frames, "
                f"expected a margin of 1 or more, and 1 <= shortest_hop <= "
                f"{n_frames} - 2 * margin"
            )
        self.sample_rate = sample_rate
        self.n_samples = n_samples
        self.n_frames = n_frames
        self.frame_samples = frame_samples
        self.hops = (shortest_hop * frame_samples, longest_hop * frame_samples)
        self.peak_floor = peak_floor
        # Tracks of films are often some hundredths of a second longer than
        # the clip; training cuts them, too.
        self.longest_clip = (n_frames + 1) * frame_samples
        self.total = 0  # samples so far
        self._buffer = np.zeros(0, np.float32)
        self._at = 0  # the sample at which the buffer begins
        self._next = 0  # the sample at which the next window begins

    def feed(self, samples):
        """Windows that further samples complete.

        A window is given once sound beyond its frames is known: only then
        it is certain not to be the last one.

        Arguments
        ---------
        samples : numpy.ndarray
            (n,) float32.

        Returns
        -------
        list of Window
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
        """The last window.

        Returns
        -------
        list of Window
            One, or none if there was no sample.
        """
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
        shortest, longest = self.hops
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


class Stitcher:
    """Joins the scores of windows to those of the recording.

    Example
    -------
    >>> stitcher, waveform = Stitcher(), np.zeros(1)
    >>> one, two = Window(0, 0, 3, waveform, 1), Window(0, 2, 6, waveform, 1)
    >>> first = stitcher.add(one, np.zeros((4, 1)))
    >>> second = stitcher.add(two, np.ones((4, 1)))
    >>> np.concatenate([first, second])[:, 0].tolist()
    [0.0, 0.0, 0.0, 1.0, 1.0, 1.0]
    """

    def __init__(self):
        self.done = 0  # frames given so far

    def add(self, window, frame):
        """Frames that become final with the next window.

        Arguments
        ---------
        window : Window
            Where it lies.
        frame : numpy.ndarray
            (T, C) scores of the window.

        Returns
        -------
        numpy.ndarray
            (n, C) float32, from frame `done` (before the call) on.
        """
        rows = np.arange(self.done, window.until) - window.start
        self.done = window.until
        # The last window stands for half a frame more at most.
        return np.asarray(frame, np.float32)[np.minimum(rows, len(frame) - 1)]
