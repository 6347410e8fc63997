"""Detection with a trained network: an exported folder and any recording.

Authors
 * The speechbrain_mmsed authors, 2026
"""

from speechbrain_mmsed.inference.detector import SoundEventDetector
from speechbrain_mmsed.inference.loading import load_detector
from speechbrain_mmsed.inference.published import PublishedDetector
from speechbrain_mmsed.inference.results import (
    Detection,
    DetectionError,
    FileScores,
)

__all__ = [
    "Detection",
    "DetectionError",
    "FileScores",
    "PublishedDetector",
    "SoundEventDetector",
    "load_detector",
]
