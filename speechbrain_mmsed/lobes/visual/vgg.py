"""VGG16, trained on ImageNet (section 2.1 of the paper).

Authors
 * The speechbrain_mmsed authors, 2026
"""

import torch

from speechbrain_mmsed.lobes.visual.imagenet import ImageNetEmbedder
from speechbrain_mmsed.lobes.visual.weights import (
    fill_network,
    find_weights,
    load_weights,
    optional_package,
)

WIDTH = 4096
# The classifier: fc6, ReLU, dropout, fc7, ReLU, dropout, fc8.
UP_TO_FC7 = 4


class VGG16Embedder(ImageNetEmbedder):
    """VGG16's seventh layer (fc7), 4096 features.

    Arguments
    ---------
    weights : str
        A state dict of torchvision's vgg16, such as `vgg16-397923af.pth`.
    after_relu : bool
        Whether the features are rectified.

    Raises
    ------
    WeightsError
        If the file is missing or holds another network.

    Example
    -------
    >>> VGG16Embedder("vgg16-397923af.pth")
    Traceback (most recent call last):
    ...
    speechbrain_mmsed.lobes.visual.weights.WeightsError: VGG16 needs the \
file vgg16-397923af.pth, which is not there. It is published at \
https://download.pytorch.org/models/vgg16-397923af.pth (licence: \
BSD-3-Clause, trained on ImageNet); get it and put it there, nothing is \
downloaded for you
    """

    def __init__(self, weights, after_relu=True):
        path = find_weights(
            weights,
            "VGG16",
            "https://download.pytorch.org/models/vgg16-397923af.pth",
            "BSD-3-Clause, trained on ImageNet",
        )
        torchvision = optional_package("torchvision", "VGG16", "networks")
        # Not initialised: 138 million random numbers were drawn in vain.
        with torch.device("meta"):
            network = torchvision.models.vgg16(weights=None)
        network = network.to_empty(device="cpu")
        fill_network(network, load_weights(path), path)
        last = UP_TO_FC7 + 1 if after_relu else UP_TO_FC7
        network.classifier = network.classifier[:last]
        rectified = "after ReLU" if after_relu else "before ReLU"
        name = f"VGG16, ImageNet, fc7 {rectified}"
        super().__init__(WIDTH, network, name, path)
