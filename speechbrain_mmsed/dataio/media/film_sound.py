"""The sound track of a film, through PyAV.

libsndfile reads no mp4, mkv or webm. Samples are placed by their presentation
times, from the same zero as the pictures: a track that starts late or has a
damaged passage gets silence there; what the codec adds at the end is cut off.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import math
import os

import numpy as np

FILM_SUFFIXES = (
    *(".mp4", ".m4v", ".m4a", ".mov", ".mkv", ".mka", ".webm"),
    *(".avi", ".flv", ".ts", ".mpg", ".mpeg", ".3gp", ".aac", ".opus"),
)

# More than 8K has; decoders keep several such pictures, of 60 MB each. FFmpeg
# refuses larger ones, also where it only looks for what a film holds.
LARGEST_PICTURE = (8192, 5120)
LIMITS = {"max_pixels": str(math.prod(LARGEST_PICTURE))}

# A hole of less than this is rounding of time stamps.
GAP_SECONDS = 0.05
# A jump of more than this is a damaged time stamp and no silence.
LONGEST_GAP_SECONDS = 600.0


def open_media(path):
    """The container that PyAV opens, whatever the encoding of its tags."""
    import av

    # Since version 19 it is of no matter, and cannot be said.
    strict = int(av.__version__.partition(".")[0]) < 19
    tags = {"metadata_errors": "replace"} if strict else {}
    return av.open(os.fspath(path), options=LIMITS, **tags)


def zero_of(container):
    """The time of a container that counts as zero, for pictures and sound.

    Broadcast formats (MPEG-TS, MPEG-PS) begin at any time, so their first
    stamp is the zero. Elsewhere stamps count from zero, and a track that
    starts late does so on purpose. In seconds, to be subtracted from the
    stamps of all tracks of the open film.
    """
    import av

    arbitrary = container.format.flags & av.format.Flags.ts_discont.value
    start = container.start_time if arbitrary else None
    return (start or 0) / av.time_base


class NoSoundError(Exception):
    """A film whose sound cannot be had; the text is the reason."""


class FilmSound:
    """The open sound track of a film, to be read once by `blocks`.

    It has the `samplerate` in Hz, the number of `channels` and, after
    `blocks`, the number `n_bad` of packets that did not decode and why reading
    `stopped` before the end, if it did. Raises NoSoundError where there is no
    track that can be read.
    """

    def __init__(self, path):
        import av

        # IndexError: a track that appears only later in the file.
        self.errors = (av.FFmpegError, OSError, ValueError, IndexError)
        try:
            self.container = open_media(path)
        except self.errors as error:
            reason = getattr(error, "strerror", None) or error
            raise NoSoundError(f"unreadable: {reason}") from error
        if not self.container.streams.audio:
            self.container.close()
            raise NoSoundError("absent: the film has no sound track")
        self.track = self.container.streams.audio[0]
        if self.track.codec_context is None:
            self.container.close()
            raise NoSoundError("unreadable: no decoder for its sound")
        self.samplerate = self.track.codec_context.sample_rate
        self.channels = self.track.codec_context.channels
        self.zero = zero_of(self.container)
        self.n_bad, self.stopped = 0, ""
        self._convert = av.AudioResampler(format="fltp")

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.container.close()

    def blocks(self):
        """Yields (samples, channels) float32, silence where there is none."""
        at, end = 0, self.end()
        for seconds, samples in self._frames():
            gap = 0
            if seconds is not None:
                gap = round(seconds * self.samplerate) - at
            if gap >= LONGEST_GAP_SECONDS * self.samplerate:
                gap = 0
            if gap > GAP_SECONDS * self.samplerate:
                for first in range(0, gap, 2**18):
                    size = min(gap - first, 2**18)
                    yield np.zeros((size, len(samples)), np.float32)
                at += gap
            if end <= at:
                break
            keep = samples[:, : int(min(end - at, samples.shape[1]))]
            at += keep.shape[1]
            yield np.ascontiguousarray(keep.T, np.float32)

    def _frames(self):
        """Decoded pieces (time or None, (channels, samples)); bad ones out."""
        packets = self._packets()
        while True:
            try:
                packet = next(packets)
            except StopIteration:
                return
            except self.errors as error:
                self.stopped = str(getattr(error, "strerror", "") or error)
                return
            try:
                frames = packet.decode()
            except self.errors:
                self.n_bad += bool(packet.size)  # none: the decoder's rest
                continue
            for frame in frames:
                for piece in self._convert.resample(frame):
                    seconds = piece.time
                    if seconds is not None:
                        seconds -= self.zero
                    yield seconds, piece.to_ndarray()

    def _packets(self):
        """Those of the track, in their order."""
        return self.container.demux(self.track)

    def end(self):
        """Sample at which the track ends by its own account, or infinity."""
        if self.track.duration is None:
            return np.inf
        base = self.track.time_base
        start = float((self.track.start_time or 0) * base) - self.zero
        seconds = max(start, 0) + float(self.track.duration * base)
        return round(seconds * self.samplerate)
