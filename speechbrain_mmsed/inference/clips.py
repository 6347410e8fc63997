"""Scores of clips that are already in memory.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import numpy as np

from speechbrain_mmsed.inference.errors import DetectionError
from speechbrain_mmsed.inference.streams import RecordingStreams


def score_clips(model, waveforms, streams, batch_size):
    """Scores of clips, each of one window.

    Arguments
    ---------
    model : ExportedModel
        Whose network scores.
    waveforms : sequence of array_like
        B times (samples,) at the model's rate.
    streams : dict
        Name -> for each clip (T, D) features or None.
    batch_size : int
        Clips at a time.

    Returns
    -------
    windows : list of Window
        One for each clip.
    clip : numpy.ndarray
        (B, C) float32.
    frame : numpy.ndarray
        (B, T, C) float32.

    Raises
    ------
    DetectionError
        If a clip is empty or too long, or features do not fit.
    """
    model.setup.check_names(streams)
    n_clips = len(waveforms)
    for name, values in streams.items():
        if len(values) != n_clips:
            raise DetectionError(
                f"stream {name} has features of {len(values)} clips, "
                f"expected {n_clips}, one (or None) for each waveform"
            )
    items = []
    for number, waveform in enumerate(waveforms):
        window = _window(model, number, waveform)
        features = {
            name: values[number]
            for name, values in streams.items()
            if values[number] is not None
        }
        own = RecordingStreams(model.setup, features=features)
        items.append((window, *own.window(window)))
    scores = [
        model.score_windows(items[begin : begin + batch_size])
        for begin in range(0, n_clips, batch_size)
    ]
    if not scores:
        raise DetectionError("no waveform was given, expected one or more")
    clip, frame = (np.concatenate(part) for part in zip(*scores, strict=True))
    return [window for window, *_ in items], clip, frame


def _window(model, number, waveform):
    """The one window of a clip."""
    n_samples = model.mods.frontend.n_samples
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
    return window
