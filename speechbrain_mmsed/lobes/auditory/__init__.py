"""Sound embedders: a waveform in, feature vectors and their times out.

Authors
 * The speechbrain_mmsed authors, 2026
"""

from speechbrain_mmsed.lobes.auditory.base import SoundEmbedder
from speechbrain_mmsed.lobes.auditory.cnn14_classifier import Cnn14Classifier
from speechbrain_mmsed.lobes.auditory.networks import (
    BeatsEmbedder,
    Cnn14Embedder,
    HuggingFaceEmbedder,
)
from speechbrain_mmsed.lobes.auditory.yamnet import YamnetEmbedder
from speechbrain_mmsed.lobes.auditory.yamnet_classifier import (
    YamnetClassifier,
)

__all__ = [
    "BeatsEmbedder",
    "Cnn14Classifier",
    "Cnn14Embedder",
    "HuggingFaceEmbedder",
    "SoundEmbedder",
    "YamnetClassifier",
    "YamnetEmbedder",
]
