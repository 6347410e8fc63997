"""Sound that the caller has: whole clips, or chunks that are still coming.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import contextlib

import numpy as np
import torch

from speechbrain_mmsed.inference.listening import LiveCutter
from speechbrain_mmsed.inference.live_film import LiveStreams
from speechbrain_mmsed.inference.resampling import BlockResampler
from speechbrain_mmsed.inference.results import DetectionError
from speechbrain_mmsed.inference.scoring import BATCH_SIZE
from speechbrain_mmsed.inference.streams import RecordingStreams


class DetectionStream:
    """Scores of sound that comes in chunks of any size.

    The parts that `feed` and `close` give are, one after the other, the
    scores of the whole as `scores_file` gives them. A frame is final when a
    window with a second of sound after it is complete: at most `latency`
    seconds after it began, and the length of a chunk. With a `latency` of
    less than a window they are those of windows that end with the newest
    sound, and differ from those of the file. `SoundEventDetector` builds it
    in `stream`.
    """

    def __init__(self, detector, sample_rate, filename="stream", latency=None):
        if not sample_rate > 0:
            raise DetectionError(
                f"sample_rate is {sample_rate}, expected Hz above 0"
            )
        self.sample_rate = int(sample_rate)
        self.filename = filename
        self._detector = detector
        self.frame_hop = detector.frame_hop
        self._cutter = detector.new_cutter()
        if latency is not None:
            self._cutter = LiveCutter(self._cutter, latency)
        self._resampler = BlockResampler(sample_rate, detector.sample_rate)
        self._streams = LiveStreams(detector.setup)
        self._stitcher = detector.new_stitcher()
        self._n_samples, self._closed = 0, False
        self.latency = (self._cutter.longest_clip + 1) / detector.sample_rate
        self.latency += self._resampler.delay / self.sample_rate

    def look(self, seconds, picture):
        """Takes a picture that is shown beside the sound, before the sound.

        Without any, films are absent. See `LiveStreams.look`.
        """
        self._streams.look(seconds, picture)

    @property
    def seconds(self):
        """Seconds of sound so far."""
        return self._n_samples / self.sample_rate

    def feed(self, chunk):
        """Takes the next sound; gives the frames that it makes final.

        `chunk` is (n,) or (n, channels), full scale at 1; whole numbers of 16
        or 32 bit are scaled to it. The FileScores begin at `first_frame` and
        may have no frames; `clip` is of all so far.
        """
        self._check_open()
        chunk = _mono(chunk)
        self._n_samples += len(chunk)
        with _one_thread():
            chunk = self._resampler.feed(chunk)
            return self._score(self._cutter.feed(chunk))

    def close(self):
        """Ends the sound; gives what is left, as `feed` does."""
        self._check_open()
        if not self._n_samples:
            raise DetectionError("the stream is closed without any sound")
        self._closed = True
        with _one_thread():
            rest = self._cutter.feed(self._resampler.close())
            return self._score(rest + self._cutter.close())

    def _check_open(self):
        if self._closed:
            raise DetectionError("the stream is closed: start another one")

    def _score(self, windows):
        """FileScores of the frames that some windows make final."""
        detector, first = self._detector, self._stitcher.done
        if windows:
            items = [(w, *self._streams.window(w)) for w in windows]
            scores = detector.score_windows(items)
            for window, clip, frame in zip(windows, *scores, strict=True):
                self._stitcher.add(window, clip, frame)
        return detector.make_scores(
            self.filename,
            self._stitcher.take(),
            self._stitcher.clip,
            self.seconds,
            self._streams.statuses(self.seconds),
            first,
        )


def score_clips(model, waveforms, streams):
    """FileScores, (B, C) and (B, T, C) of B clips; see `detect_batch`."""
    model.setup.check_names(streams)
    n_clips = len(waveforms)
    for name, values in streams.items():
        if len(values) != n_clips:
            raise DetectionError(
                f"stream {name} has features of {len(values)} clips, "
                f"expected {n_clips}, one (or None) for each waveform"
            )
    if n_clips == 0:
        raise DetectionError("no waveform was given, expected one or more")
    n_samples = model.new_cutter().n_samples
    items = []
    for number, waveform in enumerate(waveforms):
        waveform = np.asarray(waveform, dtype=np.float32)
        if waveform.ndim != 1 or not 0 < len(waveform) <= n_samples:
            raise DetectionError(
                f"waveform {number} has shape {waveform.shape}, expected "
                f"(samples,) of 1 to {n_samples} samples at "
                f"{model.sample_rate} Hz; for longer ones use `stream`"
            )
        if not np.isfinite(waveform).all():
            raise DetectionError(f"waveform {number} holds NaN or infinity")
        cutter = model.new_cutter()
        (window,) = cutter.feed(waveform) + cutter.close()
        features = {
            name: values[number]
            for name, values in streams.items()
            if values[number] is not None
        }
        own = RecordingStreams(model.setup, features=features)
        items.append((window, *own.window(window)))
    scores = [
        model.score_windows(items[begin : begin + BATCH_SIZE])
        for begin in range(0, n_clips, BATCH_SIZE)
    ]
    clip, frame = map(np.concatenate, zip(*scores, strict=True))
    parts = [
        model.make_scores(str(i), frame[i], clip[i], items[i][0].seconds, {})
        for i in range(n_clips)
    ]
    return parts, clip, frame


@contextlib.contextmanager
def _one_thread():
    """Further threads cost more than they do in milliseconds of sound.

    Those of torch wait in a loop for the next piece: on a busy machine a
    stream took fifty times the processor time of the file.
    """
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(n_threads)


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
