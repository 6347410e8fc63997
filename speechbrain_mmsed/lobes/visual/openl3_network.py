"""The layers of OpenL3's image network.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import torch

EPSILON = 1e-3  # of Keras' batch normalisation
# Embedding size -> pooling of the last map of 28 x 28 x 512.
POOLING = {512: 28, 8192: 7}


class OpenL3Network(torch.nn.Module):
    """Seven convolutions up to a map of 28 x 28 x 512.

    Arguments
    ---------
    embedding_size : int
        512 or 8192: the last map's maximum over all of it, or over squares
        of 7 x 7, which are then laid out with the channels last.

    Example
    -------
    >>> OpenL3Network(512).eval()(torch.zeros(1, 3, 224, 224)).shape
    torch.Size([1, 512])
    """

    def __init__(self, embedding_size=512):
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
        """Embeds preprocessed pictures.

        Arguments
        ---------
        pictures : torch.Tensor
            (N, 3, 224, 224).

        Returns
        -------
        features : torch.Tensor
            (N, embedding_size).
        """
        maps = torch.nn.functional.max_pool2d(self.layers(pictures), self.pool)
        return maps.permute(0, 2, 3, 1).flatten(1)
