"""Frame embedders: pictures in, one feature vector per picture out.

Authors
 * The speechbrain_mmsed authors, 2026
"""

from speechbrain_mmsed.lobes.visual.base import FrameEmbedder, centre_crop
from speechbrain_mmsed.lobes.visual.efficientnet import (
    EfficientNetLite0Embedder,
)

__all__ = ["EfficientNetLite0Embedder", "FrameEmbedder", "centre_crop"]
