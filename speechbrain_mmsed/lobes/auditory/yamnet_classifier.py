"""YAMNet as it was published: the probabilities of 521 AudioSet classes.

The names are those of the class map that is published beside its weights,
under the same licence (Apache-2.0).

Authors
 * The speechbrain_mmsed authors, 2026
"""

import pathlib

import torch
from torch import nn

from speechbrain_mmsed.lobes.auditory import yamnet
from speechbrain_mmsed.lobes.visual.weights import WeightsError

NAMES = pathlib.Path(__file__).with_name("yamnet_classes.txt")
STEP = 25  # frames of the spectrogram from one vector of scores to the next


class YamnetClassifier(nn.Module):
    """Scores of each quarter of a second of sound.

    Each is the network's for the 0.975 s around the middle of the quarter; at
    both ends of the sound for the first and the last 0.975 s. Other than as a
    stream, it hears the sound as loud as it is.

    Arguments
    ---------
    weights : str
        `yamnet.h5` as published, or `yamnet.tflite`.

    Raises
    ------
    WeightsError
        If the file is missing or holds another network.
    """

    sample_rate = yamnet.SAMPLE_RATE
    frame_samples = STEP * yamnet.HOP
    n_frames = 40  # that are scored at a time, and their samples
    n_samples = n_frames * frame_samples

    def __init__(self, weights):
        super().__init__()
        self.embedder = yamnet.YamnetEmbedder(weights)
        self.labels = NAMES.read_text(encoding="utf-8").splitlines()
        found = self.embedder.classifier
        shapes = found and [tuple(values.shape) for values in found]
        expected = [
            (len(self.labels), self.embedder.width),
            (len(self.labels),),
        ]
        if shapes != expected:
            raise WeightsError(
                f"{weights} ends with values of the shapes {shapes}, "
                f"expected are those of YAMNet's classes, {expected}; get the "
                f"whole file"
            )
        self.last = nn.Linear(*reversed(expected[0])).requires_grad_(False)
        self.last.weight.copy_(found[0])
        self.last.bias.copy_(found[1])

    def forward(self, waveform):
        """(samples,) at 16 kHz -> (T, 521) probabilities.

        T is the number of quarters of a second that begin in the sound.
        """
        patch, hop = yamnet.PATCH, yamnet.HOP
        frames = torch.arange(-(-len(waveform) // self.frame_samples))
        shortest = (patch - 1) * hop + yamnet.FRAME
        missing = max(0, shortest - len(waveform))
        log_mel = self.embedder.log_mel(
            nn.functional.pad(waveform, (0, missing))
        )
        starts = (STEP * frames + STEP // 2 - patch // 2).clamp(
            0, len(log_mel) - patch
        )
        starts, back = starts.unique(return_inverse=True)
        maps = log_mel.unfold(0, patch, 1)[starts.to(log_mel.device)]
        maps = maps.transpose(1, 2)[:, None]
        vectors = [
            self.embedder.network(
                part.contiguous(memory_format=torch.channels_last)
            ).mean((2, 3))
            for part in maps.split(self.embedder.batch_size)
        ]
        scores = self.last(torch.cat(vectors)).sigmoid()
        return scores[back.to(scores.device)]
