"""A recording of any length, cut into windows of a clip's length.

A network that was trained on clips of 10 s sees clips of 10 s. Windows begin
on the frame grid and overlap by twice a margin of about a second; the last
one is moved back so that it ends with the recording and has real sound
throughout. A recording of one window at most is a clip as in training.

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
    start : int
        Its first frame, counted from the recording's beginning.
    waveform : numpy.ndarray
        (n_samples,) float32, divided by its peak, filled up with zeros.
    seconds : float
        How much of it is sound of the recording.
    last : bool
        Whether the recording ends with it.
    alone : bool
        Whether it is the only one.
    """

    start: int
    waveform: np.ndarray
    seconds: float
    last: bool
    alone: bool


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
        Frames on each side of a window that its neighbour has, too.
    peak_floor : float
        The smallest peak that a window of several is divided by: the noise
        of silent passages is not blown up to full scale.

    Example
    -------
    >>> cutter = WindowCutter(16000, 160000, 64, 2504)
    >>> windows = cutter.feed(np.ones(400000)) + cutter.close()
    >>> [(window.start, window.last) for window in windows]
    [(0, False), (50, False), (96, True)]
    """

    def __init__(
        self,
        sample_rate,
        n_samples,
        n_frames,
        frame_samples,
        margin=7,
        peak_floor=1e-3,
    ):
        if not 0 <= 2 * margin < n_frames:
            raise ValueError(
                f"margin is {margin} frames, expected less than half of the "
                f"{n_frames} frames of a window"
            )
        self.sample_rate = sample_rate
        self.n_samples = n_samples
        self.n_frames = n_frames
        self.frame_samples = frame_samples
        self.hop = n_frames - 2 * margin
        self.peak_floor = peak_floor
        self.total = 0  # samples so far
        self._buffer = np.zeros(0, np.float32)
        self._at = 0  # the sample at which the buffer begins
        self._next = 0  # the frame at which the next window begins

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
        windows = []
        while self.total > (self._next + self.n_frames) * self.frame_samples:
            windows.append(self._cut(self._next, last=False))
            self._next += self.hop
        # The last window may begin soon after the one that was given last.
        keep = max(0, self._next - self.hop) * self.frame_samples
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
        start = max(0, self.frames - self.n_frames)
        return [self._cut(start, last=True)]

    @property
    def frames(self):
        """Frames that begin inside the samples so far."""
        return -(-self.total // self.frame_samples)

    def _cut(self, start, last):
        begin = start * self.frame_samples - self._at
        sound = self._buffer[begin : begin + self.n_samples]
        alone = last and start == 0
        peak = np.abs(sound).max(initial=0.0)
        if not alone:
            peak = max(peak, np.float32(self.peak_floor))
        waveform = np.zeros(self.n_samples, np.float32)
        np.divide(sound, peak if peak > 0 else 1, out=waveform[: len(sound)])
        seconds = len(sound) / self.sample_rate
        return Window(start, waveform, seconds, last, alone)


class Stitcher:
    """Joins the scores of windows to those of the recording.

    Where two windows overlap, the weight goes linearly from one to the
    other: at their edges they know least of what is around.

    Arguments
    ---------
    n_frames : int
        Frames T of a window.
    margin : int
        As for `WindowCutter`.

    Example
    -------
    >>> stitcher = Stitcher(n_frames=4, margin=1)
    >>> first = stitcher.add(0, np.zeros((4, 1)), last=False)
    >>> second = stitcher.add(1, np.ones((4, 1)), last=True)
    >>> np.concatenate([first, second])[:, 0].tolist()
    [0.0, 0.0, 0.25, 0.75, 1.0]
    """

    def __init__(self, n_frames, margin=7):
        self.hop = n_frames - 2 * margin
        self._rise = (np.arange(2 * margin, dtype=np.float32) + 0.5)[:, None]
        self._rise /= max(2 * margin, 1)
        self._pending = None
        self.done = 0  # frames given so far

    def add(self, start, frame, last):
        """Frames that become final with the next window.

        Arguments
        ---------
        start : int
            First frame of the window.
        frame : numpy.ndarray
            (T, C) scores of the window.
        last : bool
            Whether no window follows.

        Returns
        -------
        numpy.ndarray
            (n, C) float32, from frame `done` (before the call) on.
        """
        rows = np.array(frame[self.done - start :], np.float32)
        if self._pending is not None:
            n_joined = len(self._pending)
            rows[:n_joined] *= self._rise
            rows[:n_joined] += (1 - self._rise) * self._pending
        if not last:
            n_final = start + self.hop - self.done
            rows, self._pending = rows[:n_final], rows[n_final:]
        self.done += len(rows)
        return rows
