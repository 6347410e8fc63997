"""ResNet-50: temporally coherent embeddings, and a substitute.

Knights et al., "Temporally Coherent Embeddings for Self-Supervised Video
Representation Learning", ICPR 2020; features of section 2.1 of Boes & Van
hamme 2022. The published checkpoints are no longer at their address, so
that the network trained on ImageNet is offered beside, under its own name.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import torch

from speechbrain_mmsed.lobes.visual.imagenet import ImageNetEmbedder
from speechbrain_mmsed.lobes.visual.weights import (
    WeightsError,
    fill_network,
    find_weights,
    load_weights,
    optional_package,
)

WIDTH = 2048
BACKBONE = "backbone."


class TemporallyCoherentEmbedder(ImageNetEmbedder):
    """The trunk of the temporally coherent network, 2048 features.

    Taken after the mean over the last map and before the head that the
    contrastive loss sees.

    Arguments
    ---------
    weights : str
        A checkpoint in the published layout: a state dict, perhaps under
        "state_dict" or "model" beside those of an optimizer, whose names
        begin with "module.backbone." or "backbone.".

    Raises
    ------
    WeightsError
        If the file is missing or holds no such trunk.

    Example
    -------
    >>> TemporallyCoherentEmbedder("tce.pth.tar")
    Traceback (most recent call last):
    ...
    speechbrain_mmsed.lobes.visual.weights.WeightsError: The temporally \
coherent network needs the file tce.pth.tar, which is not there. It is \
published at https://github.com/csiro-robotics/TCE, whose checkpoints' host \
is gone: ask its authors, or take the stream resnet50 (licence: none \
stated); get it and put it there, nothing is downloaded for you
    """

    def __init__(self, weights):
        who = "The temporally coherent network"
        path = find_weights(
            weights,
            who,
            "https://github.com/csiro-robotics/TCE, whose checkpoints' host is "
            "gone: ask its authors, or take the stream resnet50",
            "none stated",
        )
        network = _trunk(who)
        state = _backbone(load_weights(path), path)
        fill_network(network, state, path, ("fc.",))
        name = "ResNet-50, temporally coherent (TCE)"
        super().__init__(WIDTH, network, name, path)


class ResNet50Embedder(ImageNetEmbedder):
    """ResNet-50 trained on ImageNet, 2048 features.

    Not a network of the paper: a substitute for those who have no temporally
    coherent weights, and a baseline for those who do.

    Arguments
    ---------
    weights : str
        A state dict of torchvision's resnet50, such as
        `resnet50-11ad3fa6.pth`.

    Raises
    ------
    WeightsError
        If the file is missing or holds another network.

    Example
    -------
    >>> ResNet50Embedder("resnet50-11ad3fa6.pth")
    Traceback (most recent call last):
    ...
    speechbrain_mmsed.lobes.visual.weights.WeightsError: ResNet-50 needs \
the file resnet50-11ad3fa6.pth, which is not there. It is published at \
https://download.pytorch.org/models/resnet50-11ad3fa6.pth (licence: \
BSD-3-Clause, trained on ImageNet); get it and put it there, nothing is \
downloaded for you
    """

    def __init__(self, weights):
        path = find_weights(
            weights,
            "ResNet-50",
            "https://download.pytorch.org/models/resnet50-11ad3fa6.pth",
            "BSD-3-Clause, trained on ImageNet",
        )
        network = _trunk("ResNet-50")
        fill_network(network, load_weights(path), path, ("fc.",))
        name = (
            "ResNet-50, ImageNet (a substitute, not the paper's temporally "
            "coherent network)"
        )
        super().__init__(WIDTH, network, name, path)


def _backbone(checkpoint, path):
    """The trunk's state dict in a checkpoint of the published layout."""
    for state in (checkpoint, *checkpoint.values()):
        if not isinstance(state, dict):
            continue
        found = {
            str(name).removeprefix("module.").removeprefix(BACKBONE): tensor
            for name, tensor in state.items()
            if str(name).removeprefix("module.").startswith(BACKBONE)
        }
        if found:
            return found
    raise WeightsError(
        f"{path} has no weights named module.backbone.*, found are "
        f"{sorted(map(str, checkpoint))[:4]}. For ImageNet's ResNet-50 take "
        f"the stream resnet50"
    )


def _trunk(who):
    """ResNet-50 without its last layer, weights not set."""
    torchvision = optional_package("torchvision", who, "networks")
    network = torchvision.models.resnet50(weights=None)
    network.fc = torch.nn.Identity()
    return network
