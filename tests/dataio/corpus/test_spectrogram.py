"""Log-mel of single clips for pictures, by file name."""

import json

import numpy as np
import soundfile

from speechbrain_mmsed.dataio.corpus.spectrogram import (
    ManifestSpectrograms,
    SpectrogramFolder,
    clip_spectrogram,
)
from speechbrain_mmsed.lobes.frontend import LogMelFrontend


def test_clips_of_a_manifest_that_is_written_later(tmp_path):
    frontend = LogMelFrontend()
    manifest = tmp_path / "evaluation.json"
    # A yaml builds it before preparation.
    spectrograms = ManifestSpectrograms(str(manifest), frontend)
    sound = np.random.default_rng(0).uniform(-0.5, 0.5, 16000)
    soundfile.write(tmp_path / "a.wav", sound, 16000)
    clip = {"filename": "Ya.wav", "wav": str(tmp_path / "a.wav")}
    manifest.write_text(json.dumps({"a": clip}))
    log_mel, seconds = spectrograms("Ya.wav")
    assert seconds == 1
    assert log_mel.shape == (-(-16000 // frontend.hop_length), 64)
    expected, _ = clip_spectrogram(clip["wav"], frontend)
    np.testing.assert_array_equal(log_mel, expected)
    # The front end of the run is copied, never moved.
    assert spectrograms._on_cpu is not frontend
    assert spectrograms._on_cpu.mean.data_ptr() != frontend.mean.data_ptr()
    folder, _ = SpectrogramFolder(str(tmp_path))("a.wav")
    np.testing.assert_array_equal(folder, expected)
