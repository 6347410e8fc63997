"""Frame embedders: pictures in, one feature vector per picture out.

Authors
 * The speechbrain_mmsed authors, 2026
"""

from speechbrain_mmsed.lobes.visual.base import FrameEmbedder, centre_crop
from speechbrain_mmsed.lobes.visual.colour import ColourHistogramEmbedder
from speechbrain_mmsed.lobes.visual.efficientnet import (
    EfficientNetLite0Embedder,
)
from speechbrain_mmsed.lobes.visual.openl3 import OpenL3Embedder
from speechbrain_mmsed.lobes.visual.resnet import (
    ResNet50Embedder,
    TemporallyCoherentEmbedder,
)
from speechbrain_mmsed.lobes.visual.timm_network import TimmEmbedder
from speechbrain_mmsed.lobes.visual.vgg import VGG16Embedder
from speechbrain_mmsed.lobes.visual.weights import WeightsError

__all__ = [
    "ColourHistogramEmbedder",
    "EfficientNetLite0Embedder",
    "FrameEmbedder",
    "OpenL3Embedder",
    "ResNet50Embedder",
    "TemporallyCoherentEmbedder",
    "TimmEmbedder",
    "VGG16Embedder",
    "WeightsError",
    "centre_crop",
]
