"""Settings of sound event bounding boxes, for each class.

Authors
 * The speechbrain_mmsed authors, 2026
"""

from dataclasses import dataclass

import numpy as np

from speechbrain_mmsed.postprocessing.boxes import box_scores
from speechbrain_mmsed.postprocessing.parameters import ClassParameters

# Ends the name of a system whose events are boxes.
BOXES = ", boxes"


@dataclass(kw_only=True)
class BoxParameters(ClassParameters):
    """Settings of the boxes of C classes for one metric.

    Arguments
    ---------
    labels, thresholds, windows, tuned : list and numpy.ndarray
        As of ClassParameters, but thresholds are those of confidences, and
        windows are not given: boxes have no median filter (a window of 1).
    lengths : numpy.ndarray
        (C,) seconds > 0 on each side of a change over which scores are
        averaged; at least one frame.
    absolute : numpy.ndarray
        (C,) how far below its boxes a gap's score has to fall, 0 to 1 ...
    relative : numpy.ndarray
        (C,) ... and by which factor >= 1, for the gap to stay open.

    Raises
    ------
    ValueError
        For shapes and values other than these.

    Example
    -------
    >>> parameters = BoxParameters(
    ...     labels=["Dog"],
    ...     thresholds=None,
    ...     tuned=[True],
    ...     lengths=[0.5],
    ...     absolute=[0.2],
    ...     relative=[2.0],
    ... )
    >>> BoxParameters.from_dict(parameters.to_dict()).windows.tolist()
    [1]
    """

    windows: np.ndarray | None = None
    lengths: np.ndarray
    absolute: np.ndarray
    relative: np.ndarray

    def __post_init__(self):
        self.windows = np.ones(len(self.labels), dtype=int)
        super().__post_init__()
        shape = (len(self.labels),)
        limits = {"lengths": (0, np.inf), "absolute": (0, 1)}
        limits["relative"] = (1, np.inf)
        for name, (low, high) in limits.items():
            values = np.asarray(getattr(self, name), dtype=np.float64)
            setattr(self, name, values)
            good = (low <= values) & (values <= high) & np.isfinite(values)
            if name == "lengths":
                good &= values > 0
            if values.shape != shape or not good.all():
                raise ValueError(
                    f"box parameters: {name} {values.tolist()}, expected "
                    f"{shape[0]} numbers from {low} to {high}, one for each "
                    "class"
                )

    def to_dict(self):
        """Plain lists and numbers, for json and yaml."""
        boxes = ("lengths", "absolute", "relative")
        lists = {name: getattr(self, name).tolist() for name in boxes}
        return super().to_dict() | lists

    def boxes(self, scores):
        """What `box_scores` makes of scores of these classes."""
        return box_scores(scores, self.lengths, self.absolute, self.relative)


def boxes_of(name):
    """What a system is called where its events are boxes.

    Example
    -------
    >>> boxes_of("student")
    'student, boxes'
    """
    return f"{name}{BOXES}"


def check_postprocessing(report, detector):
    """Stops at settings of a recipe that only a trained run would show wrong.

    Arguments
    ---------
    report : str
        "median": the report's figures are of the median filter; "both": it
        has further ones, of boxes.
    detector : str
        "median" or "boxes": how an exported detector makes events.

    Raises
    ------
    ValueError
        For other values, and for boxes that nothing tunes.

    Example
    -------
    >>> check_postprocessing("both", "boxes")
    """
    if report not in ("median", "both"):
        raise ValueError(
            f"postprocessing is {report!r}, expected median, or both: boxes "
            "beside it"
        )
    if detector not in ("median", "boxes"):
        raise ValueError(
            f"detector_postprocessing is {detector!r}, expected median or boxes"
        )
    if detector == "boxes" and report != "both":
        raise ValueError(
            f"detector_postprocessing is boxes, but postprocessing is "
            f"{report}, so that none are tuned; set postprocessing: both"
        )


def has_boxes(parameters):
    """Whether these are the parameters of boxes, or of a median filter."""
    return isinstance(parameters, BoxParameters)


def processed(scores, parameters):
    """Scores that `decode` takes at these parameters: of boxes, if so."""
    return parameters.boxes(scores) if has_boxes(parameters) else scores
