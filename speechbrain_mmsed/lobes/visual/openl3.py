"""The image network of OpenL3, reading the official files of weights.

Cramer, Wu, Salamon & Bello, "Look, Listen and Learn More", ICASSP 2019;
features of section 2.1 of Boes & Van hamme 2022. The original runs on
TensorFlow; this is the same network on torch.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import os

import numpy as np
import torch

from speechbrain_mmsed.lobes.visual.base import PretrainedEmbedder, centre_crop
from speechbrain_mmsed.lobes.visual.keras_weights import fill_from_keras
from speechbrain_mmsed.lobes.visual.weights import find_weights

EPSILON = 1e-3  # of Keras' batch normalisation
# Embedding size -> pooling of the last map of 28 x 28 x 512.
POOLING = {512: 28, 8192: 7}
SIZE = 224
SHORT_SIDE = 256
PREPROCESSING = ("resize", "exact", "batch_max", "video", "original")


class OpenL3Embedder(PretrainedEmbedder):
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
        path = find_weights(
            weights,
            "OpenL3",
            "https://github.com/marl/openl3/tree/models as "
            "openl3_image_<...>-v0_4_0.h5.gz, which need not be unpacked",
            "CC BY 4.0",
        )
        network = _Network(embedding_size)
        fill_from_keras(network.layers, path)
        super().__init__(
            embedding_size,
            SIZE,
            network,
            f"OpenL3 image, {embedding_size}",
            path,
            weights_file=os.path.basename(path),
            preprocessing=preprocessing,
        )
        self.preprocessing = preprocessing
        if fold:
            network.fold()

    @property
    def frame_size(self):
        """224 x 224 for "exact", 256 x 256 for "video", else as coded."""
        sides = {"exact": SIZE, "video": SHORT_SIDE}
        side = sides.get(self.preprocessing)
        return side and (side, side)

    def reduce(self, picture):
        """The middle square of the resized picture, (224, 224, 3).

        For "exact" and "video" uint8, otherwise float32 from 0 to 255; for
        "original" already as the network takes it, unless it is to be divided
        by the largest value of the clip.
        """
        if self.preprocessing == "exact":
            return picture
        if self.preprocessing == "video":
            return centre_crop(picture[None], SIZE)[0]
        if self.preprocessing == "original":
            height, width = picture.shape[:2]
            if (height, width) == (SIZE, SIZE):
                return picture.astype(np.float32) / 127.5 - 1.0
            if SIZE <= min(height, width) <= SHORT_SIDE:
                return centre_crop(picture[None], SIZE)[0].astype(np.float32)
            return cropped_bilinear(picture, SHORT_SIDE, SIZE) / 255.0
        return cropped_bilinear(picture, SHORT_SIDE, SIZE)

    def preprocess(self, frames):
        """Scales one clip's pictures as `preprocessing` says.

        (N, 224, 224, 3), as `reduce` gives them -> (N, 3, 224, 224) float32.
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


class _Network(torch.nn.Module):
    """Convolutions up to a map of 28 x 28 x 512, whose maximum is taken.

    Over all of it for a size of 512, for 8192 over squares of 7 x 7, which
    are then laid out with the channels last.
    """

    def __init__(self, embedding_size):
        super().__init__()
        nn = torch.nn
        self.pool = POOLING[embedding_size]

        def conv(n_in, n_out):
            return nn.Conv2d(n_in, n_out, 3, padding=1)

        def norm(width):
            return nn.BatchNorm2d(width, eps=EPSILON)

        def relu():
            return nn.ReLU(inplace=True)

        layers = [norm(3), conv(3, 64), norm(64), relu()]
        # Only here the rectification comes before the normalisation.
        layers += [conv(64, 64), relu(), norm(64), nn.MaxPool2d(2)]
        width = 64
        for n_out in (128, 256):
            for n_in in (width, n_out):
                layers += [conv(n_in, n_out), norm(n_out), relu()]
            layers.append(nn.MaxPool2d(2))
            width = n_out
        # Nothing follows the last convolution.
        layers += [conv(256, 512), norm(512), relu(), conv(512, 512)]
        self.layers = nn.Sequential(*layers)

    def fold(self):
        """Folds each normalisation that follows a convolution into it."""
        folded = []
        for layer in self.layers:
            after_convolution = folded and isinstance(
                folded[-1], torch.nn.Conv2d
            )
            if after_convolution and isinstance(layer, torch.nn.BatchNorm2d):
                layer = torch.nn.utils.fuse_conv_bn_eval(folded.pop(), layer)
            folded.append(layer)
        self.layers = torch.nn.Sequential(*folded)

    def forward(self, pictures):
        """(N, 3, 224, 224), preprocessed -> (N, embedding_size)."""
        maps = torch.nn.functional.max_pool2d(self.layers(pictures), self.pool)
        return maps.permute(0, 2, 3, 1).flatten(1)


def cropped_bilinear(picture, short_side, size):
    """The middle square of a picture whose shorter side is resized.

    Bilinear without smoothing before, the same as resizing all of it with
    `torch.nn.functional.interpolate(antialias=False)` and then cropping,
    but only the pixels that are needed are looked at, in bounded memory:
    (H, W, 3) uint8 -> (size, size, 3) float32, 0 to 255.

    Example
    -------
    >>> cropped_bilinear(np.zeros((480, 640, 3), np.uint8), 256, 224).shape
    (224, 224, 3)
    """
    height, width = picture.shape[:2]
    scale = short_side / min(height, width)
    (top, bottom, down), (left, right, along) = (
        _neighbours(length, round(length * scale), size)
        for length in (height, width)
    )
    down, along = down[:, None, None], along[None, :, None]

    def row(of):
        one, other = picture[of][:, left], picture[of][:, right]
        return one * (1 - along) + other * along

    return row(top) * (1 - down) + row(bottom) * down


def _neighbours(length, resized, size):
    """Where the middle `size` of `resized` pixels lie among `length`.

    The pixels before and after, and the share of the latter.
    """
    first = (resized - size) // 2
    at = (np.arange(first, first + size) + 0.5) * (length / resized) - 0.5
    at = np.clip(at, 0, length - 1)
    before = np.floor(at).astype(int)
    after = np.minimum(before + 1, length - 1)
    return before, after, (at - before).astype(np.float32)
