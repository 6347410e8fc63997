"""Detection while the sound is still coming.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import numpy as np

from speechbrain_mmsed.inference.errors import DetectionError
from speechbrain_mmsed.inference.resampling import BlockResampler
from speechbrain_mmsed.inference.scoring import Assembly


class DetectionStream:
    """Scores of sound that comes in chunks of any size.

    The parts that `feed` and `close` give are, one after the other, the
    scores of the whole as `scores_file` gives them. A frame is final when a
    window with a second of sound after it is complete: at most `latency`
    seconds after it began, and the length of a chunk.

    Arguments
    ---------
    detector : SoundEventDetector
        Whose network scores.
    sample_rate : int
        Hz of the chunks.
    filename : str
        A name for the results.

    Attributes
    ----------
    latency : float
        Seconds from a frame's beginning until it is given, at most, when
        chunks are short and the network is fast.
    """

    def __init__(self, detector, sample_rate, filename="stream"):
        if not sample_rate > 0:
            raise DetectionError(
                f"sample_rate is {sample_rate}, expected Hz above 0"
            )
        self.sample_rate = int(sample_rate)
        self.filename = filename
        self._detector = detector
        self._cutter = detector.new_cutter()
        self._resampler = BlockResampler(sample_rate, detector.sample_rate)
        self._assembly = Assembly()
        self._n_samples, self._closed = 0, False
        self.latency = (self._cutter.longest_clip + 1) / detector.sample_rate
        self.latency += self._resampler.delay / self.sample_rate

    @property
    def seconds(self):
        """Seconds of sound so far."""
        return self._n_samples / self.sample_rate

    def feed(self, chunk):
        """Takes the next sound; gives the frames that it makes final.

        Arguments
        ---------
        chunk : array_like
            (n,) or (n, channels) numbers, full scale at 1; whole numbers of
            16 or 32 bit are scaled to it.

        Returns
        -------
        FileScores
            Of the frames from `first_frame` on, perhaps none; `clip` is of
            all windows so far.
        """
        if self._closed:
            raise DetectionError("the stream is closed: start another one")
        chunk = _mono(chunk)
        self._n_samples += len(chunk)
        return self._score(self._cutter.feed(self._resampler.feed(chunk)))

    def close(self):
        """Ends the sound; gives what is left.

        Returns
        -------
        FileScores
            As `feed`.
        """
        if self._closed:
            raise DetectionError("the stream is closed: start another one")
        if not self._n_samples:
            raise DetectionError("the stream is closed without any sound")
        self._closed = True
        rest = self._cutter.feed(self._resampler.close())
        return self._score(rest + self._cutter.close())

    def _score(self, windows):
        detector, first = self._detector, self._assembly.stitcher.done
        n_classes = len(detector.labels)
        rows = [np.zeros((0, n_classes), np.float32)]
        if windows:
            clips, frames = detector.score_windows(windows)
            for window, clip, frame in zip(windows, clips, frames, strict=True):
                rows.append(self._assembly.add(window, clip, frame))
            self._assembly.rows.clear()
        return detector.make_scores(
            self.filename,
            np.concatenate(rows),
            self._assembly.clip,
            self.seconds,
            dict.fromkeys(detector.streams, "absent: sound only"),
            first,
        )


def _mono(chunk):
    """A chunk as (n,) float32."""
    chunk = np.asarray(chunk)
    if chunk.dtype.kind == "i":
        chunk = chunk / float(1 << (8 * chunk.dtype.itemsize - 1))
    if chunk.ndim not in (1, 2) or chunk.dtype.kind != "f":
        raise DetectionError(
            f"the chunk has shape {chunk.shape} and type {chunk.dtype}, "
            f"expected (samples,) or (samples, channels) of numbers"
        )
    chunk = chunk.astype(np.float32)
    if not np.isfinite(chunk).all():
        raise DetectionError("the chunk holds NaN or infinity")
    return chunk if chunk.ndim == 1 else chunk.mean(axis=1)
