"""What a frame embedder is, and what several of them need.

Section 2.1 of the paper feeds the network sequences of such vectors from
pretrained image networks. What they have in common is `FrameEmbedder`; a
user's own network needs nothing else.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import abc

import torch

from speechbrain_mmsed.lobes.visual.weights import file_sha256


class FrameEmbedder(torch.nn.Module, abc.ABC):
    """What extraction needs to know of an image network.

    Arguments
    ---------
    width : int
        Length D of a feature vector.
    image_size : int
        Side of the square pictures that the network takes, in pixels.
    bf16_accurate : bool or None
        Whether features computed in bfloat16 have a cosine of at least
        0.999 with those in float32. If not, extraction computes in
        float32 unless instructed otherwise. None: it is measured.

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

    kind = "film"

    def __init__(self, width, image_size, bf16_accurate=None):
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

    def reduce(self, picture):
        """What to keep of one picture; called as soon as it is decoded.

        A network that is particular about how pictures are made smaller
        reads them as coded (`frame_size` None) and does it here, so that
        memory does not grow with the resolution of the films.

        Arguments
        ---------
        picture : np.ndarray
            (H, W, 3) uint8, RGB, read at `frame_size`.

        Returns
        -------
        reduced : np.ndarray
            (h, w, 3) uint8 or float32; by default the picture itself.
        """
        return picture

    @abc.abstractmethod
    def preprocess(self, frames):
        """Pictures as the network was trained on.

        Arguments
        ---------
        frames : torch.Tensor
            (N, h, w, 3) RGB, as `reduce` gives them: the pictures of one
            clip, those that are equal only once.

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


class PretrainedEmbedder(FrameEmbedder):
    """A frame embedder around a network that is trained no further.

    Arguments
    ---------
    width, image_size
        As of a `FrameEmbedder`.
    network : torch.nn.Module
        (N, 3, image_size, image_size) -> (N, width); frozen here.
    name : str
        What the network is, for the description.
    weights : str
        The file its weights came from.
    **details : str
        The rest of the description: `preprocessing` and others.
    """

    def __init__(self, width, image_size, network, name, weights, **details):
        super().__init__(width, image_size)
        self.network = network.requires_grad_(False).eval()
        self._description = {
            "network": name,
            "weights_sha256": file_sha256(weights),
            **details,
        }

    def forward(self, preprocessed):
        """Embeds pictures: (N, 3, h, w) -> (N, width)."""
        return self.network(preprocessed).flatten(1)

    def description(self):
        """What decides on the features, as a new dict."""
        return dict(self._description)


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
