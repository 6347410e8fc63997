"""The one error of detection.

Authors
 * The speechbrain_mmsed authors, 2026
"""


class DetectionError(ValueError):
    """What cannot be detected in or with; the message says what to do."""
