"""Pictures of a film that is still coming, beside its sound.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import collections
import contextlib

import numpy as np

from speechbrain_mmsed.dataio.media.film import MAX_HOLD
from speechbrain_mmsed.dataio.media.film_sound import (
    LONGEST_GAP_SECONDS,
    FilmSound,
)
from speechbrain_mmsed.dataio.media.frames import resized, to_rgb
from speechbrain_mmsed.dataio.streams.clip_features import coverage
from speechbrain_mmsed.inference.streams import RecordingStreams

# Seconds of sound that wait for the pictures beside it.
AHEAD = 1.0


class LiveStreams(RecordingStreams):
    """The streams of sound that comes in chunks, and of pictures beside it.

    Until a picture was looked at, there is sound alone. A picture is shown
    until the next one, for a second at most; those that no later window shows
    are forgotten.

    Arguments
    ---------
    setup : StreamSetup
        What the detector wants.
    """

    def __init__(self, setup):
        super().__init__(setup)
        self._seconds, self._pictures, self._sizes = [], {}, {}

    def look(self, seconds, frame):
        """Takes the picture that is shown from a moment of the sound on.

        `frame` is an av.VideoFrame, or (H, W, 3) uint8; one that is earlier
        than the last one is passed over.
        """
        if self.film is None:
            # Only now networks of pictures are worth loading.
            super().__init__(self.setup, film="pictures")
            for name, embed in self._reader.embeddings.items():
                self._pictures[name] = []
                self._sizes[name] = embed.embedder.frame_size
        if self._seconds and seconds < self._seconds[-1]:
            return
        convert = resized if isinstance(frame, np.ndarray) else to_rgb
        for name, pictures in self._pictures.items():
            picture = convert(frame, self._sizes[name])
            # A film may change its size; then the first picture's is kept.
            self._sizes[name] = picture.shape[:2]
            reduce = self._reader.embeddings[name].embedder.reduce
            pictures.append(reduce(picture))
        self._seconds.append(seconds)

    def window(self, window):
        """As of RecordingStreams; what came before it is forgotten."""
        found = super().window(window)
        for times in self._covered.values():
            del times[:-1]
        old = np.searchsorted(self._seconds, window.begin - MAX_HOLD)
        for kept in (self._seconds, *self._pictures.values()):
            del kept[:old]
        return found

    def statuses(self, duration):
        """Name -> "used", or why a stream is absent."""
        lost = {} if self.film else dict.fromkeys(self._covered, "sound only")
        return {
            name: f"absent: {(self._reasons | lost).get(name, 'no pictures')}"
            if self.setup.embedders.kind(name) == "film" and not times
            else "used"
            for name, times in self._covered.items()
        }

    def _from_film(self, window):
        """Name -> (features, covered, reason), of what was looked at."""
        times = window.begin + self._times
        shown = np.searchsorted(self._seconds, times, side="right") - 1
        # The last one as long as the one before it; another may come.
        lasts = np.diff(self._seconds).clip(max=MAX_HOLD)
        lasts = np.append(lasts, lasts[-1:] if len(lasts) else MAX_HOLD)
        ends = np.append(self._seconds + lasts, -np.inf)
        covered = (shown >= 0) & (times < ends[shown])
        limits = window.seconds, self.setup.min_coverage
        _, reason = coverage(covered, self._times, *limits)
        # As in a file that is read: the last picture, before it the first.
        kept = np.maximum.accumulate(np.where(covered, shown, -1))
        kept = np.where(kept < 0, np.append(shown[covered], 0)[0], kept)
        return {
            name: (
                None
                if reason
                else embed(np.stack([self._pictures[name][i] for i in kept])),
                covered,
                reason,
            )
            for name, embed in self._reader.embeddings.items()
        }


class LiveSource(FilmSound):
    """The sound of a source that is still coming, and pictures to `look` at.

    Arguments
    ---------
    path : str
        What FFmpeg opens: a file, an address, "pipe:0".
    """

    look = None  # (seconds, av.VideoFrame); None: there is sound alone
    _begun, _seen = False, 0.0

    def blocks(self):
        """As of FilmSound, each once the pictures beside it were given."""
        watched = self.look is not None and self.container.streams.video
        waiting, at = collections.deque(), 0
        for block in super().blocks():
            at += len(block)
            waiting.append((at / self.samplerate, block))
            late = at / self.samplerate - AHEAD if watched else np.inf
            while waiting and waiting[0][0] <= max(self._seen, late):
                yield waiting.popleft()[1]
        if watched:
            # Pictures that the sound ended before, and those of the decoder.
            with contextlib.suppress(*self.errors):
                collections.deque(self._packets(), maxlen=0)
        for _, block in waiting:
            yield block

    def _packets(self):
        """Packets of the sound; pictures are given on the way."""
        tracks = [self.track]
        if self.look is not None:
            tracks += self.container.streams.video[:1]
        for packet in self.container.demux(tracks):
            if packet.stream.type == "audio":
                self._set_zero(packet)
                yield packet
                continue
            try:
                frames = packet.decode()
            except self.errors:
                continue
            for frame in frames:
                if frame.time is not None:
                    self._seen = max(self._seen, frame.time - self.zero)
                    self.look(frame.time - self.zero, frame)

    def _set_zero(self, packet):
        """A camera's clock counts from its first sound."""
        if packet.pts is not None and not self._begun:
            seconds = float(packet.pts * packet.time_base) - self.zero
            self.zero += seconds * (seconds > LONGEST_GAP_SECONDS)
            self._begun = True
