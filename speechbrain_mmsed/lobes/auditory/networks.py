"""Sound networks that SpeechBrain brings along, with the user's weights.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import os

import torch
from speechbrain.lobes.models.beats import BEATs
from speechbrain.lobes.models.Cnn14 import Cnn14
from speechbrain.processing.features import STFT, Filterbank, spectral_magnitude

from speechbrain_mmsed.lobes.auditory.base import PretrainedSoundEmbedder
from speechbrain_mmsed.lobes.visual.weights import (
    WeightsError,
    fill_network,
    find_weights,
    load_weights,
    optional_package,
)


class BeatsEmbedder(PretrainedSoundEmbedder):
    """BEATs, a transformer on patches of 0.16 s, 768 values for each.

    The mean over the eight patches of a time.

    Arguments
    ---------
    weights : str
        A checkpoint of its authors, with its configuration in it.

    Raises
    ------
    WeightsError
        If the file is missing or holds another network.

    Example
    -------
    >>> BeatsEmbedder("BEATs_iter3_plus_AS2M.pt")
    Traceback (most recent call last):
    ...
    speechbrain_mmsed.lobes.visual.weights.WeightsError: BEATs needs the \
file BEATs_iter3_plus_AS2M.pt, which is not there. It is published at \
https://github.com/microsoft/unilm/tree/master/beats (licence: MIT); get it \
and put it there, nothing is downloaded for you
    """

    FRAME, HOP = 400, 160  # samples of a frame of the spectrogram

    def __init__(self, weights):
        path = find_weights(
            weights,
            "BEATs",
            "https://github.com/microsoft/unilm/tree/master/beats",
            "MIT",
        )
        content = load_weights(path)
        if not {"cfg", "model"} <= set(content):
            raise WeightsError(
                f"{path} holds {sorted(content)[:5]}, expected are `cfg` and "
                "`model`, as BEATs is published"
            )
        # Its own reader runs no code either: the file has just been read so.
        network = BEATs(path)
        self.patch = network.input_patch_size
        super().__init__(
            network.cfg.encoder_embed_dim,
            16000,
            network,
            "BEATs, mean over frequency",
            path,
            "its own log-mel",
        )

    def forward(self, waveform):
        """(samples,) at 16 kHz -> (N, 768), and times (N,) in seconds."""
        seen = (self.patch - 1) * self.HOP + self.FRAME
        missing = max(0, seen - len(waveform))
        sound = torch.nn.functional.pad(waveform, (0, missing))[None]
        lengths = torch.ones(1, device=sound.device)
        features = self.network.extract_features(sound, lengths)[0][0]
        # Patches are in the order of time, those of a time side by side.
        features = features.unflatten(0, (-1, 128 // self.patch)).mean(1)
        middles = torch.arange(len(features)) * self.patch * self.HOP + seen / 2
        return features, middles / self.sample_rate


class Cnn14Embedder(PretrainedSoundEmbedder):
    """Cnn14, a convolutional network, 2048 values for each 0.37 s.

    The mean over frequency of its last map, before the times are pooled.

    Arguments
    ---------
    weights : str
        SpeechBrain's checkpoint of the encoder.

    Raises
    ------
    WeightsError
        If the file is missing or holds another network.

    Example
    -------
    >>> Cnn14Embedder("embedding_model.ckpt")
    Traceback (most recent call last):
    ...
    speechbrain_mmsed.lobes.visual.weights.WeightsError: Cnn14 needs the \
file embedding_model.ckpt, which is not there. It is published at \
https://huggingface.co/speechbrain/cnn14-esc50 as embedding_model.ckpt \
(licence: Apache-2.0); get it and put it there, nothing is downloaded for you
    """

    RATE, N_FFT, N_MELS, POOLING = 44100, 1024, 80, 32
    WINDOW, HOP = 23.2199, 11.6099  # milliseconds

    def __init__(self, weights):
        path = find_weights(
            weights,
            "Cnn14",
            "https://huggingface.co/speechbrain/cnn14-esc50 as "
            "embedding_model.ckpt",
            "Apache-2.0",
        )
        network = Cnn14(self.N_MELS, 2048, return_reps=True)
        fill_network(network, load_weights(path), path)
        super().__init__(
            2048,
            self.RATE,
            network,
            "Cnn14, mean over frequency",
            path,
            f"{self.N_MELS} log-mel",
        )
        self.stft = STFT(self.RATE, self.WINDOW, self.HOP, self.N_FFT)
        self.mel = Filterbank(
            self.N_MELS, n_fft=self.N_FFT, sample_rate=self.RATE
        )

    def forward(self, waveform):
        """(samples,) at 44.1 kHz -> (N, 2048), and times (N,) in seconds."""
        hop = self.HOP / 1000
        shortest = round(self.POOLING * hop * self.RATE)
        missing = max(0, shortest - len(waveform))
        sound = torch.nn.functional.pad(waveform, (0, missing))[None]
        log_mel = self.mel(spectral_magnitude(self.stft(sound), power=0.5))
        _, (last, *_) = self.network(log_mel)
        features = last[0].mean(2).T
        times = (torch.arange(len(features)) + 0.5) * self.POOLING * hop
        return features, times


class HuggingFaceEmbedder(PretrainedSoundEmbedder):
    """An encoder of waveforms in HuggingFace's form: wav2vec 2.0, HuBERT, ...

    Arguments
    ---------
    weights : str
        A folder with config.json, preprocessor_config.json and
        model.safetensors (or pytorch_model.bin), as `save_pretrained` writes
        them and the hub publishes them. Nothing is downloaded.

    Raises
    ------
    WeightsError
        If one of them is not there.

    Example
    -------
    >>> HuggingFaceEmbedder("wavlm-base")
    Traceback (most recent call last):
    ...
    speechbrain_mmsed.lobes.visual.weights.WeightsError: wavlm-base has no \
config.json; expected a folder with that, preprocessor_config.json and \
model.safetensors or pytorch_model.bin, as https://huggingface.co/models \
publishes them under the licence of each model
    """

    WEIGHTS = ("model.safetensors", "pytorch_model.bin")

    def __init__(self, weights):
        folder = os.fspath(weights)
        there = os.listdir(folder) if os.path.isdir(folder) else []
        missing = {"config.json", "preprocessor_config.json"}.difference(there)
        found = [name for name in self.WEIGHTS if name in there]
        if missing or not found:
            raise WeightsError(
                f"{folder} has no {min(missing, default='weights')}; expected "
                "a folder with that, preprocessor_config.json and "
                "model.safetensors or pytorch_model.bin, as "
                "https://huggingface.co/models publishes them under the "
                "licence of each model"
            )
        optional_package("transformers", f"The network {folder}", "networks")
        from speechbrain.integrations.huggingface.wav2vec2 import Wav2Vec2

        network = Wav2Vec2(folder, save_path=folder, freeze=True)
        super().__init__(
            network.model.config.hidden_size,
            network.feature_extractor.sampling_rate,
            network,
            f"{network.model.config.model_type}, last layer",
            os.path.join(folder, found[0]),
            "its own",
        )

    def forward(self, waveform):
        """(samples,) at its rate -> (N, D), and times (N,) in seconds."""
        # Its convolutions see 25 ms.
        missing = max(0, self.sample_rate // 20 - len(waveform))
        sound = torch.nn.functional.pad(waveform, (0, missing))[None]
        features = self.network(sound)[0]
        seconds = sound.shape[1] / self.sample_rate
        times = (torch.arange(len(features)) + 0.5) * seconds / len(features)
        return features, times
