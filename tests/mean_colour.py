"""A network of pictures that is quick, and easy to check."""

from speechbrain_mmsed.lobes.visual import FrameEmbedder


class MeanColour(FrameEmbedder):
    """The mean of each colour."""

    def __init__(self, scale=255.0):
        super().__init__(width=3, image_size=16)
        self.scale = scale

    def preprocess(self, frames):
        return frames.permute(0, 3, 1, 2) / self.scale

    def forward(self, preprocessed):
        return preprocessed.mean((2, 3))

    def description(self):
        return {
            "network": "mean colour",
            "weights_sha256": None,
            "preprocessing": f"[0, {255 / self.scale:g}]",
        }
