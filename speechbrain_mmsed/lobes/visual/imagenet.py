"""What image networks of torchvision have in common.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import torch

from speechbrain_mmsed.lobes.visual.base import PretrainedEmbedder, centre_crop

SIZE = 224
SHORT_SIDE = 256
MEAN = (0.485, 0.456, 0.406)
DEVIATION = (0.229, 0.224, 0.225)


class ImageNetEmbedder(PretrainedEmbedder):
    """A network that takes pictures as those trained on ImageNet do.

    The shorter side gets 256 pixels (bicubic), the middle square of 224 is
    cut out, values are standardised with ImageNet's mean and deviation.
    Arguments are those of a `PretrainedEmbedder`.
    """

    def __init__(self, width, network, name, weights):
        done = f"bicubic {SHORT_SIDE}, crop {SIZE}, ImageNet"
        super().__init__(
            width, SIZE, network, name, weights, preprocessing=done
        )
        shape = (3, 1, 1)
        self.register_buffer("mean", torch.tensor(MEAN).view(shape))
        self.register_buffer("deviation", torch.tensor(DEVIATION).view(shape))

    @property
    def frame_size(self):
        """The shorter side."""
        return SHORT_SIDE

    def preprocess(self, frames):
        """Crops and standardises: (N, H, W, 3) uint8 -> (N, 3, 224, 224)."""
        square = centre_crop(frames, SIZE).permute(0, 3, 1, 2)
        return (square.float() / 255.0 - self.mean) / self.deviation
