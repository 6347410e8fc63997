"""Recordings are read ahead, while the network works on earlier ones.

Some threads open recordings in their order and cut them into windows. How
many windows wait, of one recording and of all, is bounded: memory grows
neither with the length of recordings nor with their number.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import collections
import itertools
import threading
from dataclasses import dataclass

from speechbrain_mmsed.dataio.media.sound import SoundError, open_sound
from speechbrain_mmsed.inference.remarks import lost_sound
from speechbrain_mmsed.inference.resampling import BlockResampler
from speechbrain_mmsed.inference.results import DetectionError

# Windows (0.6 MB each) that wait for the network, of one recording.
QUEUE_LENGTH = 16
# Windows and ends that wait in all recordings whose turn is still to come. The
# recording that is being scored is not counted: its windows always have room,
# so that those of later ones cannot keep the network waiting for ever.
ITEMS_AHEAD = 64
# Recordings that are open or read, but not yet scored.
RECORDINGS_AHEAD = 64


@dataclass
class End:
    """What is known of a recording once it is read."""

    duration: float = 0.0  # seconds
    streams: dict | None = None  # name -> what became of it
    error: Exception | None = None  # why it could not be read to its end
    remark: str = ""  # what of its sound is lost


def read_windows(path, cutter, streams):
    """The windows of one recording.

    Arguments
    ---------
    path : str
        The recording: a sound file or a film with sound.
    cutter : WindowCutter
        A new one.
    streams : RecordingStreams
        The streams of the recording.

    Yields
    ------
    tuple or End
        (Window, features, available) for each window, then one End.

    Raises
    ------
    DetectionError
        If there is no sound that can be read.
    """
    n_samples = 0
    try:
        with open_sound(path) as (sound, blocks):
            rate = sound.samplerate
            resampler = BlockResampler(rate, cutter.sample_rate)
            for block in blocks:
                n_samples += len(block)
                for window in cutter.feed(resampler.feed(block)):
                    yield window, *streams.window(window)
            remark = lost_sound(sound, path, n_samples / rate)
        for window in cutter.feed(resampler.close()) + cutter.close():
            yield window, *streams.window(window)
    except SoundError as error:
        raise DetectionError(
            f"{path}: its sound is {error.reason}; expected a sound file or "
            f"a film with sound. Convert it, or leave it out"
        ) from error
    duration = n_samples / rate
    yield End(duration, streams.statuses(duration), None, remark)


class Readers:
    """Threads that read recordings ahead, each of them from a source.

    The sources are functions without arguments that give what `read_windows`
    yields; they are called in the threads, in their order.
    """

    def __init__(self, sources, n_threads=2):
        self._sources = iter(sources)
        self._changed = threading.Condition()
        # Of the recordings after the current one.
        self._queues = {}
        self._current, self._started = 0, 0
        self._exhausted = self._stopped = False
        self._threads = [
            threading.Thread(target=self._work, daemon=True)
            for _ in range(n_threads)
        ]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *exception):
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def __iter__(self):
        """Yields an iterator of items for each recording, in order."""
        for number in itertools.count():
            with self._changed:
                self._current = number
                self._changed.notify_all()
                self._changed.wait_for(
                    lambda number=number: number in self._queues
                    or self._exhausted
                )
                waiting = self._queues.pop(number, None)
            if waiting is None:
                return
            yield self._items(waiting)

    def _items(self, waiting):
        item = None
        while not isinstance(item, End):
            with self._changed:
                self._changed.wait_for(lambda: waiting)
                item = waiting.popleft()
                self._changed.notify_all()
            yield item

    def _work(self):
        while (recording := self._next()) is not None:
            number, source, waiting = recording
            try:
                for item in source():
                    if not self._put(number, waiting, item):
                        break
            except Exception as error:  # raised again where it is looked at
                self._put(number, waiting, End(error=error))

    def _next(self):
        """The next recording to be read, None if there is none."""
        with self._changed:
            self._changed.wait_for(
                lambda: self._stopped
                or self._started < self._current + RECORDINGS_AHEAD
            )
            source = None if self._stopped else next(self._sources, None)
            self._changed.notify_all()
            if source is None:
                self._exhausted = True
                return None
            number, waiting = self._started, collections.deque()
            self._queues[number] = waiting
            self._started += 1
            return number, source, waiting

    def _put(self, number, waiting, item):
        """Waits for room; false if nobody wants the item any more."""

        def unwanted():
            return self._stopped or number < self._current

        def has_room():
            ahead = sum(len(items) for items in self._queues.values())
            first = number == self._current or ahead < ITEMS_AHEAD
            return first and len(waiting) < QUEUE_LENGTH

        with self._changed:
            self._changed.wait_for(
                lambda: unwanted() or isinstance(item, End) or has_room()
            )
            if unwanted():
                return False
            waiting.append(item)
            self._changed.notify_all()
        return True
