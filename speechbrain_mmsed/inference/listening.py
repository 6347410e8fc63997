"""Events of sound that is still coming, each of them when it is over.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import dataclasses

import numpy as np
import pandas as pd

from speechbrain_mmsed.inference.results import DetectionError, events_of
from speechbrain_mmsed.inference.windows import WindowCutter
from speechbrain_mmsed.postprocessing.decode import EVENT_COLUMNS

# Its columns have types, so that tables behind it keep theirs.
NOTHING = pd.DataFrame(
    [("", 0.0, 0.0, "", 0.0)], columns=[*EVENT_COLUMNS, "score"]
)[:0]


class LiveCutter(WindowCutter):
    """Windows that end with the newest sound, often enough for a latency.

    The scores of a window's last frames lack the sound that follows, so that
    they wait for the next window; the shorter the latency, the less of it.

    Arguments
    ---------
    settings : WindowCutter
        One of the detector, for its sizes.
    latency : float
        Seconds after which a frame's scores are there.

    Example
    -------
    >>> cutter = LiveCutter(WindowCutter(16000, 160000, 64, 2504), 2.0)
    >>> [w.until for w in cutter.feed(np.ones(48000)) + cutter.close()]
    [0, 6, 12, 20]
    """

    def __init__(self, settings, latency):
        names = [field.name for field in dataclasses.fields(settings)]
        super().__init__(*(getattr(settings, name) for name in names))
        frames = int(latency * self.sample_rate / self.frame_samples)
        if not 2 <= frames <= self.n_frames - self.margin:
            frame = self.frame_samples / self.sample_rate
            raise DetectionError(
                f"latency is {latency} s, expected {2 * frame:.2f} to "
                f"{(self.n_frames - self.margin) * frame:.2f} s"
            )
        # Up to half of it is sound after the frame.
        self.after = min(self.margin, frames // 2)
        self.step = (frames - self.after) * self.frame_samples
        self._next = self.step
        self.longest_clip = frames * self.frame_samples

    def feed(self, samples):
        """Windows whose end the (n,) samples reach."""
        self._buffer = np.append(self._buffer, np.asarray(samples, np.float32))
        self.total += len(samples)
        windows = []
        while self.total > self._next:
            until = self._next // self.frame_samples - self.after
            windows.append(self._ending(self._next, until))
            self._next += self.step
        return windows

    def close(self):
        """The window that ends with the sound, in a list."""
        if not self.total:
            return []
        return [self._ending(self.total, -(-self.total // self.frame_samples))]

    def _ending(self, end, until):
        """The window before a sample, of whole frames."""
        n_frames = -(-end // self.frame_samples)
        begin = max(0, n_frames - self.n_frames) * self.frame_samples
        self._buffer = self._buffer[begin - self._at :]
        self._at = begin
        return self._cut(begin, max(until, 0), end)


class EventStream:
    """Events of sound that comes in chunks, each of them once.

    An event is over when its end is certain: when its scores are final, and
    as many frames after them as the median filter looks at. Given so, the
    events of a stream are those of its whole scores. `SoundEventDetector`
    builds it in `listen`.

    Arguments
    ---------
    stream : DetectionStream
        Gives the scores.
    parameters : ClassParameters
        Thresholds and windows of the median filters.
    """

    def __init__(self, stream, parameters):
        self.stream, self._parameters = stream, parameters
        self._margin = int(np.max(parameters.windows)) // 2
        self._scores, self._first, self._given = None, 0, 0

    @property
    def latency(self):
        """Seconds from the end of an event until it is given, at most."""
        return self.stream.latency + self._margin * self.stream.frame_hop

    def feed(self, chunk):
        """Takes (n,) or (n, channels) samples; a table of what is over."""
        part = self.stream.feed(chunk)
        if not len(part.frame):
            return NOTHING.copy()
        self._take(part)
        return self._over(self._until() - self._margin)

    def close(self):
        """Ends the sound; a table of the events that had not been given."""
        self._take(self.stream.close())
        return self._over(np.inf)

    def open(self):
        """A table of what goes on, up to now; none of it is certain."""
        events = self._events()
        return events[self._last(events) >= self._given]

    def _take(self, part):
        """Puts further scores behind those that are still needed."""
        if self._scores is not None:
            frame = np.concatenate([self._scores.frame, part.frame])
            part = dataclasses.replace(part, frame=frame)
        self._scores = part

    def _until(self):
        """The frame up to which scores are final."""
        return self._first + len(self._scores.frame)

    def _events(self):
        """Events of the scores that are kept, in seconds of the stream."""
        if self._scores is None or not len(self._scores.frame):
            return NOTHING.copy()
        before = self._first * self.stream.frame_hop
        part = dataclasses.replace(
            self._scores, duration=self._scores.duration - before, first_frame=0
        )
        events = events_of(part, self._parameters)
        events[["onset", "offset"]] += before
        return events

    def _last(self, events):
        """The frame behind the end of each event."""
        hop = self.stream.frame_hop
        return np.ceil(events["offset"] / hop - 1e-6).astype(int)

    def _over(self, certain):
        """Events that end before a frame, and were not given before."""
        events = self._events()
        last = self._last(events)
        over = events[(last >= self._given) & (last < certain)]
        if np.isfinite(certain):
            self._given = max(self._given, certain)
            self._forget(events[last >= self._given])
        return over.reset_index(drop=True)

    def _forget(self, going_on):
        """Drops scores before what goes on, and what its filters look at."""
        hop = self.stream.frame_hop
        begins = (going_on["onset"] / hop).round().min()
        needed = int(np.nanmin([begins, self._given])) - 1 - self._margin
        n_old = max(0, min(needed, self._until()) - self._first)
        self._scores.frame = self._scores.frame[n_old:]
        self._first += n_old
