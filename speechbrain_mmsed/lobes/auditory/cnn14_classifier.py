"""PANNs' Cnn14 as it was published: the probabilities of 527 AudioSet classes.

Kong et al., "PANNs: Large-Scale Pretrained Audio Neural Networks for Audio
Pattern Recognition" (2020); the variant whose last layer judges each time.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import torch
from speechbrain.lobes.models.Cnn14 import Cnn14
from torch import nn

from speechbrain_mmsed.lobes.auditory.yamnet_classifier import NAMES
from speechbrain_mmsed.lobes.visual.weights import (
    WeightsError,
    fill_network,
    find_weights,
    load_weights,
)

PUBLISHED = (
    "https://zenodo.org/records/3987831/files/"
    "Cnn14_DecisionLevelMax_mAP=0.385.pth"
)
# The classes of AudioSet that YAMNet leaves out, at their places.
MORE = {
    1: "Male speech, man speaking",
    2: "Female speech, woman speaking",
    12: "Battle cry",
    32: "Male singing",
    33: "Female singing",
    277: "Funny music",
}
N_FFT, HOP, N_MELS, POOLING, WIDTH = 1024, 320, 64, 32, 2048
FLOOR = 1e-10  # the least power of a band, as of torchlibrosa
# Names of SpeechBrain's lobe -> the published ones.
RENAMED = {"norm0": "bn0", "norm1": "bn1", "norm2": "bn2"}


class Cnn14Classifier(nn.Module):
    """Scores of each 0.32 s of sound, of SpeechBrain's Cnn14 as an encoder.

    Arguments
    ---------
    weights : str
        A checkpoint of Cnn14_DecisionLevelMax as its authors publish it.

    Raises
    ------
    WeightsError
        If the file is missing or holds another network.

    Example
    -------
    >>> Cnn14Classifier("Cnn14.pth")
    Traceback (most recent call last):
    ...
    speechbrain_mmsed.lobes.visual.weights.WeightsError: Cnn14 needs the \
file Cnn14.pth, which is not there. It is published at \
https://zenodo.org/records/3987831/files/Cnn14_DecisionLevelMax_mAP=0.385.pth \
(licence: CC BY 4.0); get it and put it there, nothing is downloaded for you
    """

    sample_rate = 32000
    frame_samples = POOLING * HOP
    n_frames = 32  # that are scored at a time, and their samples
    n_samples = n_frames * frame_samples

    def __init__(self, weights):
        super().__init__()
        path = find_weights(weights, "Cnn14", PUBLISHED, "CC BY 4.0")
        self.labels = NAMES.read_text(encoding="utf-8").splitlines()
        for place, name in MORE.items():
            self.labels.insert(place, name)
        # Random values for 80 million weights would take seconds.
        with torch.device("meta"):
            self.network = Cnn14(N_MELS, WIDTH, return_reps=True)
            self.fc1 = nn.Linear(WIDTH, WIDTH)
            self.fc_audioset = nn.Linear(WIDTH, len(self.labels))
            self.register_buffer("mel", torch.zeros(N_FFT // 2 + 1, N_MELS))
        self.to_empty(device="cpu")
        content = load_weights(path)
        state = content.get("model")
        if not isinstance(state, dict):
            raise WeightsError(
                f"{path} holds {sorted(map(str, content))[:5]}, expected is "
                "`model`, as PANNs are published"
            )
        # Its own transform is that of `torch.stft`.
        state = {k: v for k, v in state.items() if "spectrogram" not in k}
        for own in self.state_dict():
            theirs = own.removeprefix("network.")
            for name, published in RENAMED.items():
                theirs = theirs.replace(f"{name}.", f"{published}.")
            theirs = "logmel_extractor.melW" if own == "mel" else theirs
            if theirs in state:
                state[own] = state.pop(theirs)
        fill_network(self, state, path)
        self.eval().requires_grad_(False)

    def log_mel(self, waveform):
        """(samples,) at 32 kHz -> (1 + samples // HOP, N_MELS), decibels."""
        window = torch.hann_window(N_FFT, device=waveform.device)
        spectrum = torch.stft(
            waveform, N_FFT, HOP, window=window, return_complex=True
        )
        power = spectrum.real.square() + spectrum.imag.square()
        return 10 * (power.T @ self.mel).clamp(min=FLOOR).log10()

    def forward(self, waveform):
        """(samples,) at 32 kHz -> (T, 527) probabilities.

        T is the number of frames of 0.32 s that begin in the sound.
        """
        missing = -len(waveform) % self.frame_samples
        sound = nn.functional.pad(waveform, (0, missing))
        _, (last, *_) = self.network(self.log_mel(sound)[None])
        maps, around = last.mean(3), {"kernel_size": 3, "stride": 1}
        pooled = nn.functional.max_pool1d(maps, **around, padding=1)
        pooled = pooled + nn.functional.avg_pool1d(maps, **around, padding=1)
        vectors = self.fc1(pooled[0].T).relu()
        return self.fc_audioset(vectors).sigmoid()
