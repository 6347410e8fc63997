"""What image networks of torchvision have in common.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import torch

from speechbrain_mmsed.lobes.visual.base import (
    FrameEmbedder,
    centre_crop,
    file_sha256,
)

SIZE = 224
SHORT_SIDE = 256
MEAN = (0.485, 0.456, 0.406)
DEVIATION = (0.229, 0.224, 0.225)


class ImageNetEmbedder(FrameEmbedder):
    """A network that takes pictures as those trained on ImageNet do.

    The shorter side gets 256 pixels (bicubic), the middle square of 224 is
    cut out, values are standardised with ImageNet's mean and deviation.

    Arguments
    ---------
    width : int
        Length D of a feature vector.
    network : torch.nn.Module
        (N, 3, 224, 224) -> (N, D).
    name : str
        For `stream.json`.
    weights : str
        The file they came from.
    """

    def __init__(self, width, network, name, weights):
        super().__init__(width, SIZE)
        self.network = network.requires_grad_(False).eval()
        self.name = name
        self.weights_sha256 = file_sha256(weights)
        shape = (3, 1, 1)
        self.register_buffer("mean", torch.tensor(MEAN).view(shape))
        self.register_buffer("deviation", torch.tensor(DEVIATION).view(shape))

    @property
    def frame_size(self):
        """The shorter side."""
        return SHORT_SIDE

    def preprocess(self, frames):
        """Crops and standardises.

        Arguments
        ---------
        frames : torch.Tensor
            (N, H, W, 3) uint8, RGB, read at `frame_size`.

        Returns
        -------
        preprocessed : torch.Tensor
            (N, 3, 224, 224) float32.
        """
        square = centre_crop(frames, SIZE).permute(0, 3, 1, 2)
        return (square.float() / 255.0 - self.mean) / self.deviation

    def forward(self, preprocessed):
        """Embeds pictures.

        Arguments
        ---------
        preprocessed : torch.Tensor
            (N, 3, 224, 224).

        Returns
        -------
        features : torch.Tensor
            (N, width).
        """
        return self.network(preprocessed).flatten(1)

    def description(self):
        """What decides on the features.

        Returns
        -------
        description : dict
            network, weights_sha256, preprocessing.
        """
        return {
            "network": self.name,
            "weights_sha256": self.weights_sha256,
            "preprocessing": f"bicubic {SHORT_SIDE}, crop {SIZE}, ImageNet",
        }


def torchvision_models(network):
    """The module torchvision.models, or an error that says what to install.

    Arguments
    ---------
    network : str
        What it is needed for.

    Returns
    -------
    module
    """
    try:
        import torchvision
    except ImportError as error:
        raise ImportError(
            f"{network} needs torchvision: "
            f"pip install 'speechbrain_mmsed[networks]'"
        ) from error
    return torchvision.models
