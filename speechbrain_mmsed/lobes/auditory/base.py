"""What a sound embedder is: the twin of a frame embedder.

Pretrained auditory features are what the paper leaves for later (section 5);
as a stream they stand beside the log-mel sound and any films.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import abc

import torch

from speechbrain_mmsed.lobes.visual.weights import file_sha256


class SoundEmbedder(torch.nn.Module, abc.ABC):
    """What extraction needs to know of a network for sound.

    Arguments
    ---------
    width : int
        Length D of a feature vector.
    sample_rate : int
        Hz of the sound that the network takes.

    Example
    -------
    >>> class Loudness(SoundEmbedder):
    ...     def forward(self, waveform):
    ...         seconds = torch.nn.functional.pad(
    ...             waveform, (0, -len(waveform) % 8000)
    ...         ).reshape(-1, 8000)
    ...         times = 0.5 + torch.arange(len(seconds))
    ...         return seconds.square().mean(1, keepdim=True), times
    ...
    ...     def description(self):
    ...         return {"network": "loudness", "weights_sha256": None,
    ...                 "preprocessing": "mean square of each second"}
    >>> features, times = Loudness(width=1, sample_rate=8000)(torch.ones(9000))
    >>> features.flatten().tolist(), times.tolist()
    ([1.0, 0.125], [0.5, 1.5])
    """

    kind = "sound"

    def __init__(self, width, sample_rate):
        super().__init__()
        self.width = width
        self.sample_rate = sample_rate

    @abc.abstractmethod
    def forward(self, waveform):
        """Embeds the sound of a clip or of a window of a recording.

        Arguments
        ---------
        waveform : torch.Tensor
            (samples,) float32 at `sample_rate`, at least one sample; its peak
            is 1, or 0.

        Returns
        -------
        features : torch.Tensor
            (N, width), N at least 1.
        times : torch.Tensor
            (N,) seconds, rising: the middle of what each vector hears.
        """

    @abc.abstractmethod
    def description(self):
        """What decides on the features, as of a `FrameEmbedder`.

        Returns
        -------
        description : dict
            "network" (name), "weights_sha256" (of the file of weights),
            "preprocessing" (text); values that JSON can hold.
        """


class PretrainedSoundEmbedder(SoundEmbedder):
    """A sound embedder around a network that is trained no further.

    Arguments
    ---------
    width, sample_rate
        As of a `SoundEmbedder`.
    network : torch.nn.Module
        Frozen here.
    name : str
        What the network is, for the description.
    weights : str
        The file its weights came from.
    preprocessing : str
        For the description.
    """

    def __init__(
        self, width, sample_rate, network, name, weights, preprocessing
    ):
        super().__init__(width, sample_rate)
        self.network = network.requires_grad_(False).eval()
        self._description = {
            "network": name,
            "weights_sha256": file_sha256(weights),
            "preprocessing": preprocessing,
        }

    def description(self):
        """What decides on the features, as a new dict."""
        return dict(self._description)
