"""The sound track of a film, through PyAV.

libsndfile reads no mp4, mkv or webm. Where a collection has films and no
separate sound, their tracks are the sound. Samples are placed by their
presentation times, from the same zero as the pictures: a track that starts
late or has a damaged passage gets silence there, and what the codec adds at
the end is cut off.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import os

import numpy as np

from speechbrain_mmsed.dataio.film_clock import zero_of

FILM_SUFFIXES = (
    *(".mp4", ".m4v", ".m4a", ".mov", ".mkv", ".mka", ".webm"),
    *(".avi", ".flv", ".ts", ".mpg", ".mpeg", ".3gp", ".aac", ".opus"),
)

# A hole of less than this is rounding of time stamps.
GAP_SECONDS = 0.05
# A jump of more than this is a damaged time stamp and no silence.
LONGEST_GAP_SECONDS = 600.0


class NoSoundError(Exception):
    """A film whose sound cannot be had; the text is the reason."""


class FilmSound:
    """An open sound track.

    Arguments
    ---------
    path : str
        The film.

    Raises
    ------
    NoSoundError
        If it cannot be opened or has no sound track.
    """

    def __init__(self, path):
        import av

        # IndexError: a track that appears only later in the file.
        self.errors = (av.FFmpegError, OSError, ValueError, IndexError)
        try:
            self.container = av.open(os.fspath(path), metadata_errors="replace")
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
        self._convert = av.AudioResampler(format="fltp")

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.container.close()

    def _frames(self):
        """Decoded pieces (time or None, (channels, samples)); bad ones out."""
        packets = self.container.demux(self.track)
        while True:
            try:
                packet = next(packets)
            except (StopIteration, *self.errors):
                return  # the end, or of what can be read
            try:
                frames = packet.decode()
            except self.errors:
                continue
            for frame in frames:
                for piece in self._convert.resample(frame):
                    seconds = piece.time
                    if seconds is not None:
                        seconds -= self.zero
                    yield seconds, piece.to_ndarray()

    def _end(self):
        """Sample at which the track ends by its own account, or infinity."""
        if self.track.duration is None:
            return np.inf
        base = self.track.time_base
        start = float((self.track.start_time or 0) * base) - self.zero
        seconds = max(start, 0) + float(self.track.duration * base)
        return round(seconds * self.samplerate)

    def blocks(self):
        """Yields (samples, channels) float32 blocks until the end."""
        at, end = 0, self._end()
        for seconds, samples in self._frames():
            gap = 0
            if seconds is not None:
                gap = round(seconds * self.samplerate) - at
            if gap > GAP_SECONDS * self.samplerate:
                longest = LONGEST_GAP_SECONDS * self.samplerate
                for size in _pieces(gap if gap < longest else 0, 2**18):
                    yield np.zeros((size, len(samples)), np.float32)
                    at += size
            keep = samples[:, : int(min(end - at, samples.shape[1]))]
            if end <= at:
                return
            at += keep.shape[1]
            yield np.ascontiguousarray(keep.T, np.float32)


def _pieces(n_samples, most):
    """Splits a number into parts of at most `most`."""
    while n_samples > 0:
        yield min(n_samples, most)
        n_samples -= most
