"""Log-mel of single clips, for pictures.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import os

from speechbrain_mmsed.dataio.corpus.clips import unpadded_waveform
from speechbrain_mmsed.dataio.corpus.matching import candidates, index_folder
from speechbrain_mmsed.dataio.media.sound import SOUND_SUFFIXES, SoundError


def clip_spectrogram(path, frontend):
    """Log-mel of a clip, not standardised.

    Arguments
    ---------
    path : str
        Sound file, or film with sound.
    frontend : LogMelFrontend
        What computes it.

    Returns
    -------
    log_mel : np.ndarray
        (frames, bins), as long as the sound is.
    seconds : float
        Their length.
    """
    waveform = unpadded_waveform(path, frontend)
    log_mel = frontend.log_mel(frontend.fit(waveform)[None])[0]
    frames = -(-len(waveform) // frontend.hop_length)
    seconds = len(waveform) / frontend.settings()["sample_rate"]
    return log_mel[:frames].cpu().numpy(), seconds


class SpectrogramFolder:
    """Log-mel by file name, of the sounds of a folder.

    Arguments
    ---------
    folder : str
        Sounds or films, named as the clips are, in any container.

    Raises
    ------
    FileNotFoundError
        If there is no such folder.

    Example
    -------
    >>> SpectrogramFolder(getfixture("tmp_path"))("a.wav") is None
    True
    """

    def __init__(self, folder):
        from speechbrain_mmsed.lobes.frontend import LogMelFrontend

        if not os.path.isdir(folder):
            raise FileNotFoundError(f"{folder}: no such folder of sounds")
        self._files = index_folder(folder, SOUND_SUFFIXES)
        self._frontend = LogMelFrontend()

    def __call__(self, filename):
        """The log-mel of a clip; None where it has no sound here.

        Arguments
        ---------
        filename : str
            The clip.

        Returns
        -------
        tuple or None
            As `clip_spectrogram`.
        """
        for path in candidates(self._files, filename):
            try:
                return clip_spectrogram(path, self._frontend)
            except SoundError:
                continue
        return None
