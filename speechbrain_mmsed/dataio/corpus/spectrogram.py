"""Log-mel of single clips, for pictures.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import copy
import os

from speechbrain_mmsed.dataio.corpus.clips import (
    read_manifest,
    unpadded_waveform,
)
from speechbrain_mmsed.dataio.corpus.matching import candidates, index_folder
from speechbrain_mmsed.dataio.media.sound import SOUND_SUFFIXES, SoundError
from speechbrain_mmsed.lobes.frontend import LogMelFrontend


def clip_spectrogram(path, frontend):
    """Log-mel (frames, bins) of a sound or film, and its length in seconds.

    Not standardised; computed by a LogMelFrontend on the CPU.
    """
    waveform = unpadded_waveform(path, frontend)
    log_mel = frontend.log_mel(frontend.fit(waveform)[None])[0]
    frames = -(-len(waveform) // frontend.hop_length)
    seconds = len(waveform) / frontend.settings()["sample_rate"]
    return log_mel[:frames].cpu().numpy(), seconds


class ManifestSpectrograms:
    """Log-mel by file name, of the clips of a manifest.

    A call gives what `clip_spectrogram` does. Neither the manifest nor the
    front end is touched before the first one, so a yaml can build this before
    the corpus is prepared. A copy of the front end computes on the CPU.

    Arguments
    ---------
    manifest : str
        JSON file that preparation writes.
    frontend : LogMelFrontend
        What computes the log-mel.

    Example
    -------
    >>> spectrograms = ManifestSpectrograms("later.json", LogMelFrontend())
    >>> spectrograms("a.wav")  # doctest: +IGNORE_EXCEPTION_DETAIL
    Traceback (most recent call last):
    FileNotFoundError: later.json does not exist
    """

    def __init__(self, manifest, frontend):
        self.manifest = manifest
        self.frontend = frontend
        self._files = self._on_cpu = None

    def __call__(self, filename):
        """The log-mel of a clip and its length, by its file name."""
        if self._files is None:
            clips = read_manifest(self.manifest).values()
            self._files = {clip["filename"]: clip["wav"] for clip in clips}
            self._on_cpu = copy.deepcopy(self.frontend).cpu()
        return clip_spectrogram(self._files[filename], self._on_cpu)


class SpectrogramFolder:
    """As `ManifestSpectrograms`, of a folder; None for a clip without sound.

    Arguments
    ---------
    folder : str
        Sounds or films, named as the clips are, in any container.

    Example
    -------
    >>> SpectrogramFolder(getfixture("tmp_path"))("a.wav") is None
    True
    """

    def __init__(self, folder):
        if not os.path.isdir(folder):
            raise FileNotFoundError(f"{folder}: no such folder of sounds")
        self._files = index_folder(folder, SOUND_SUFFIXES)
        self._frontend = LogMelFrontend()

    def __call__(self, filename):
        """The log-mel of a clip and its length, by its file name."""
        for path in candidates(self._files, filename):
            try:
                return clip_spectrogram(path, self._frontend)
            except SoundError:
                continue
        return None
