"""How much of a picture has which colour: a stream without a network.

No weights, next to no time, and hardly a substitute for the paper's streams:
it is there for a second stream where nothing may be downloaded, and as the
floor that a pretrained network should beat.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import torch

from speechbrain_mmsed.lobes.visual.base import FrameEmbedder, centre_crop


class ColourHistogramEmbedder(FrameEmbedder):
    """Square roots of the shares of colours in a picture.

    Each of red, green and blue is cut into equal levels. The square root
    keeps colours of few pixels from vanishing beside the background, and
    every vector has length 1.

    Arguments
    ---------
    levels : int
        Levels L of each of the three, 2 to 16; the width is L^3.
    image_size : int
        Side of the square that is counted, in pixels.

    Example
    -------
    >>> embedder = ColourHistogramEmbedder()
    >>> frames = torch.zeros(5, 32, 48, 3, dtype=torch.uint8)
    >>> embedder(embedder.preprocess(frames)).shape
    torch.Size([5, 64])
    """

    def __init__(self, levels=4, image_size=32):
        if levels not in range(2, 17):
            raise ValueError(
                f"ColourHistogramEmbedder: levels is {levels!r}, expected an "
                "integer from 2 to 16"
            )
        # bfloat16 holds whole numbers to 256 only: bins would run together.
        super().__init__(levels**3, image_size, bf16_accurate=False)
        self.levels = levels

    def preprocess(self, frames):
        """The bin of every pixel, a whole number below `levels` cubed.

        (N, H, W, 3) uint8 -> (N, 1, h, w) float32.
        """
        square = centre_crop(frames, self.image_size).to(torch.int64)
        red, green, blue = (square * self.levels // 256).unbind(3)
        bins = (red * self.levels + green) * self.levels + blue
        return bins.unsqueeze(1).float()

    def forward(self, preprocessed):
        """Counts: (N, 1, h, w) -> (N, width), each row of length 1."""
        bins = preprocessed.flatten(1).long()
        counts = torch.zeros(len(bins), self.width, device=bins.device)
        ones = torch.ones_like(bins, dtype=counts.dtype)
        counts.scatter_add_(1, bins, ones)
        return (counts / bins.shape[1]).sqrt()

    def description(self):
        """What decides on the features."""
        return {
            "network": "none: histogram of colours, square root of shares",
            "weights_sha256": None,
            "preprocessing": (
                f"crop {self.image_size}, {self.levels} levels a channel"
            ),
        }
