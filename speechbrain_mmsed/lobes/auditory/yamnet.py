"""YAMNet: 1024 values for each 0.96 s of sound, trained on AudioSet.

Published by Google, weights under Apache-2.0; 13 depthwise-separable
convolutions on a log-mel spectrogram.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import math

import torch
from torch import nn

from speechbrain_mmsed.lobes.auditory.base import PretrainedSoundEmbedder
from speechbrain_mmsed.lobes.auditory.yamnet_weights import read_weights
from speechbrain_mmsed.lobes.visual.weights import (
    WeightsError,
    find_weights,
)

SAMPLE_RATE = 16000
FRAME, HOP, FFT = 400, 160, 512  # samples: 25 ms, 10 ms
N_MELS, LOWEST, HIGHEST = 64, 125.0, 7500.0  # Hz
OFFSET = 0.001  # added before the logarithm
PATCH = 96  # frames that the network sees at once
# Channels and stride of the blocks after the first convolution.
BLOCKS = (
    *((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2)),
    *((512, 1),) * 5,
    *((1024, 2), (1024, 1)),
)


class YamnetEmbedder(PretrainedSoundEmbedder):
    """YAMNet up to the mean over its last map, 1024 values.

    Arguments
    ---------
    weights : str
        `yamnet.h5` as published, or `yamnet.tflite`, whose 8-bit weights
        change the vectors by a fifth of their length.
    hop_seconds : float
        Time from one vector to the next, in whole steps of 10 ms; each hears
        0.975 s. Half of it costs twice the time.
    batch_size : int
        Vectors computed at once.

    Raises
    ------
    WeightsError
        If the file is missing or holds another network.

    Example
    -------
    >>> YamnetEmbedder("yamnet.h5")
    Traceback (most recent call last):
    ...
    speechbrain_mmsed.lobes.visual.weights.WeightsError: YAMNet needs the \
file yamnet.h5, which is not there. It is published at \
https://storage.googleapis.com/audioset/yamnet.h5 (licence: Apache-2.0); \
get it and put it there, nothing is downloaded for you
    """

    def __init__(self, weights, hop_seconds=0.3, batch_size=32):
        hop = round(hop_seconds * SAMPLE_RATE / HOP)
        if not 1 <= hop <= PATCH:
            raise ValueError(
                f"hop_seconds is {hop_seconds}, expected 0.01 to 0.96: beyond "
                "that some of the sound would not be heard"
            )
        path = find_weights(
            weights,
            "YAMNet",
            "https://storage.googleapis.com/audioset/yamnet.h5",
            "Apache-2.0",
        )
        network = _network()
        # Of the classes that it was trained on; a stream does without.
        convolutions, classifier = read_weights(path)
        _fill(network, convolutions, path)
        super().__init__(
            BLOCKS[-1][0],
            SAMPLE_RATE,
            network,
            "YAMNet, mean of last map",
            path,
            f"0.975 s each {hop * HOP / SAMPLE_RATE:g} s",
        )
        self.hop, self.batch_size = hop, batch_size
        self.classifier = classifier
        self.register_buffer("window", torch.hann_window(FRAME))
        self.register_buffer("mel", mel_matrix())

    def forward(self, waveform):
        """(samples,) at 16 kHz -> (N, 1024), and times (N,) in seconds.

        The last vector hears zeros beyond the end.
        """
        frames = max(0, math.ceil((len(waveform) - FRAME) / HOP)) + 1
        number = 1 + max(0, math.ceil((frames - PATCH) / self.hop))
        samples = ((number - 1) * self.hop + PATCH - 1) * HOP + FRAME
        sound = nn.functional.pad(waveform, (0, samples - len(waveform)))
        patches = self.log_mel(sound).unfold(0, PATCH, self.hop)
        maps = patches.transpose(1, 2)[:, None]
        features = [
            self.network(part.contiguous(memory_format=torch.channels_last))
            for part in maps.split(self.batch_size)
        ]
        middle = ((PATCH - 1) * HOP + FRAME) / 2
        times = middle + torch.arange(number) * self.hop * HOP
        return torch.cat(features).mean((2, 3)), times / SAMPLE_RATE

    def log_mel(self, waveform):
        """(samples,) -> (frames, 64), as many as fit."""
        frames = waveform.unfold(0, FRAME, HOP) * self.window
        return (torch.fft.rfft(frames, FFT).abs() @ self.mel + OFFSET).log()


def mel_matrix():
    """(257, 64) triangles that are linear in mel (HTK's formula).

    Example
    -------
    >>> mel_matrix().shape
    torch.Size([257, 64])
    """

    def mel(hertz):
        return 1127.0 * torch.log1p(hertz / 700.0)

    bins = mel(torch.linspace(0, SAMPLE_RATE / 2, FFT // 2 + 1).double())
    ends = mel(torch.tensor([LOWEST, HIGHEST]).double())
    edges = torch.linspace(*ends, N_MELS + 2, dtype=torch.float64)
    low, centre, high = edges[:-2], edges[1:-1], edges[2:]
    rising = (bins[:, None] - low) / (centre - low)
    falling = (high - bins[:, None]) / (high - centre)
    triangles = torch.minimum(rising, falling).clamp(min=0.0)
    triangles[0] = 0.0  # the mean of the sound is none of its pitches
    return triangles.float()


def _network():
    """The convolutions, batch normalisation already folded into them."""
    layers, width = _convolution(1, 32, 3, 2), 32
    for n_out, stride in BLOCKS:
        layers += _convolution(width, width, 3, stride, groups=width)
        layers += _convolution(width, n_out, 1, 1)
        width = n_out
    network = nn.Sequential(*layers)
    return network.to(memory_format=torch.channels_last)


def _convolution(n_in, n_out, size, stride, groups=1):
    """A convolution with TensorFlow's padding, and a rectifier."""
    padding = size // 2 if stride == 1 else 0
    layers = [
        nn.Conv2d(n_in, n_out, size, stride, padding, groups=groups),
        nn.ReLU(inplace=True),
    ]
    # At even sizes and a stride of 2 it pads behind alone.
    return layers if stride == 1 else [nn.ZeroPad2d((0, 1, 0, 1)), *layers]


def _fill(network, state, path):
    """Fills the convolutions in their order with pairs of weight and bias."""
    targets = [layer for layer in network if isinstance(layer, nn.Conv2d)]
    expected = [tuple(layer.weight.shape) for layer in targets]
    found = [tuple(weight.shape) for weight, _ in state]
    if found != expected:
        raise WeightsError(
            f"{path} holds {len(found)} convolutions such as {found[:2]}, "
            f"expected are YAMNet's {len(expected)}, such as {expected[:2]}"
        )
    with torch.no_grad():
        for layer, (weight, bias) in zip(targets, state, strict=True):
            layer.weight.copy_(weight)
            layer.bias.copy_(bias)
