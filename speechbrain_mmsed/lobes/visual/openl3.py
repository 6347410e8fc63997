"""The image network of OpenL3, reading the official files of weights.

Cramer, Wu, Salamon & Bello, "Look, Listen and Learn More", ICASSP 2019;
features of section 2.1 of Boes & Van hamme 2022. The original runs on
TensorFlow; this is the same network on torch.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import os

import numpy as np

from speechbrain_mmsed.lobes.visual.base import (
    FrameEmbedder,
    centre_crop,
    file_sha256,
)
from speechbrain_mmsed.lobes.visual.keras_file import read_layers
from speechbrain_mmsed.lobes.visual.openl3_network import (
    POOLING,
    OpenL3Network,
)
from speechbrain_mmsed.lobes.visual.resizing import cropped_bilinear
from speechbrain_mmsed.lobes.visual.weights import find_weights

SIZE = 224
SHORT_SIDE = 256
PREPROCESSING = ("resize", "exact", "batch_max", "video", "original")


class OpenL3Embedder(FrameEmbedder):
    """OpenL3's image embedding, 512 or 8192 features.

    The original treats pictures in three ways, which depend on their size,
    and has its own reader for films. Here this is a choice:

    - "resize": shorter side to 256 (bilinear, not smoothed before), middle
      square of 224, values in [0, 1]: what pictures larger than 256 get;
    - "exact": squeezed to 224 x 224, values in [-1, 1]: what pictures of
      just this size get;
    - "batch_max": as "resize", divided by the largest value in the clip:
      what pictures get whose shorter side is at most 256, though these are
      not resized;
    - "video": squeezed to 256 x 256 (bicubic), middle square of 224, divided
      by the largest value in the clip: what films get that the original's
      command line reads, whatever their size;
    - "original": one of the first three by the film's size, as pictures in
      memory get. Those smaller than 224, which the original refuses, are
      treated as those above 256.

    Arguments
    ---------
    weights : str
        Official file `openl3_image_<mel128|mel256|linear>_<env|music>.h5`,
        packed with gzip (as it is published) or not.
    embedding_size : int
        512 or 8192.
    preprocessing : str
        As above.
    fold : bool
        Whether to fold batch normalisation into the convolutions where it
        follows them, which computes the same in less time.

    Raises
    ------
    WeightsError
        If the file is missing or holds another network.

    Example
    -------
    >>> OpenL3Embedder("openl3_image_mel256_env.h5")
    Traceback (most recent call last):
    ...
    speechbrain_mmsed.lobes.visual.weights.WeightsError: OpenL3 needs the \
file openl3_image_mel256_env.h5, which is not there. It is published at \
https://github.com/marl/openl3/tree/models as \
openl3_image_<...>-v0_4_0.h5.gz, which need not be unpacked (licence: \
CC BY 4.0); get it and put it there, nothing is downloaded for you
    """

    def __init__(
        self, weights, embedding_size=512, preprocessing="resize", fold=True
    ):
        if embedding_size not in POOLING:
            raise ValueError(
                f"embedding_size must be one of {sorted(POOLING)}, not "
                f"{embedding_size!r}"
            )
        if preprocessing not in PREPROCESSING:
            raise ValueError(
                f"preprocessing must be one of {PREPROCESSING}, not "
                f"{preprocessing!r}"
            )
        super().__init__(embedding_size, SIZE)
        path = find_weights(
            weights,
            "OpenL3",
            "https://github.com/marl/openl3/tree/models as "
            "openl3_image_<...>-v0_4_0.h5.gz, which need not be unpacked",
            "CC BY 4.0",
        )
        self.preprocessing = preprocessing
        network = OpenL3Network(embedding_size)
        read_layers(path, network.layers)
        self.weights_sha256 = file_sha256(path)
        network.requires_grad_(False).eval()
        if fold:
            network.fold()
        self.network = network
        self.weights_name = os.path.basename(path)

    @property
    def frame_size(self):
        """224 x 224 for "exact", 256 x 256 for "video", else as coded."""
        sides = {"exact": SIZE, "video": SHORT_SIDE}
        side = sides.get(self.preprocessing)
        return side and (side, side)

    def reduce(self, picture):
        """The middle square of the resized picture.

        Arguments
        ---------
        picture : np.ndarray
            (H, W, 3) uint8, read at `frame_size`.

        Returns
        -------
        reduced : np.ndarray
            (224, 224, 3): for "exact" and "video" uint8, otherwise float32
            from 0 to 255; for "original" already as the network takes it,
            unless it is to be divided by the largest value of the clip.
        """
        if self.preprocessing == "exact":
            return picture
        if self.preprocessing == "video":
            return _square(picture)
        if self.preprocessing == "original":
            height, width = picture.shape[:2]
            if (height, width) == (SIZE, SIZE):
                return picture.astype(np.float32) / 127.5 - 1.0
            if SIZE <= min(height, width) <= SHORT_SIDE:
                return _square(picture).astype(np.float32)
            return cropped_bilinear(picture, SHORT_SIDE, SIZE) / 255.0
        return cropped_bilinear(picture, SHORT_SIDE, SIZE)

    def preprocess(self, frames):
        """Scales pictures as `preprocessing` says.

        Arguments
        ---------
        frames : torch.Tensor
            (N, 224, 224, 3), as `reduce` gives them; one clip's pictures.

        Returns
        -------
        preprocessed : torch.Tensor
            (N, 3, 224, 224) float32.
        """
        pictures = centre_crop(frames, SIZE).permute(0, 3, 1, 2).float()
        if self.preprocessing == "exact":
            return pictures / 127.5 - 1.0
        if self.preprocessing == "resize":
            return pictures / 255.0
        largest = pictures.amax()
        # Only what is still to be divided goes beyond 1.
        if self.preprocessing == "original" and largest <= 1.0:
            return pictures
        return pictures / largest.clamp(min=1e-12)

    def forward(self, preprocessed):
        """Embeds pictures.

        Arguments
        ---------
        preprocessed : torch.Tensor
            (N, 3, 224, 224).

        Returns
        -------
        features : torch.Tensor
            (N, embedding_size).
        """
        return self.network(preprocessed)

    def description(self):
        """What decides on the features.

        Returns
        -------
        description : dict
            network, weights_sha256, preprocessing.
        """
        return {
            "network": f"OpenL3 image, {self.width}",
            "weights_sha256": self.weights_sha256,
            "weights_file": self.weights_name,
            "preprocessing": self.preprocessing,
        }


def _square(picture):
    """The middle square of 224 pixels, not resized."""
    top = (picture.shape[0] - SIZE) // 2
    left = (picture.shape[1] - SIZE) // 2
    return picture[top : top + SIZE, left : left + SIZE]
