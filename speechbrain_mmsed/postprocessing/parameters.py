"""Parameters of post-processing: a threshold and a window for each class.

Authors
 * The speechbrain_mmsed authors, 2026
"""

from dataclasses import dataclass

import numpy as np


@dataclass
class ClassParameters:
    """Thresholds and median windows of C classes for one metric.

    Section 3.1.3 tunes both for each class and separately for each metric.
    Clip-based F1 has no windows, PSDS no thresholds: these are None.

    Arguments
    ---------
    labels : list of str
        C class labels.
    thresholds : numpy.ndarray or None
        (C,) probabilities; a class is active where p > threshold.
    windows : numpy.ndarray or None
        (C,) odd median windows in frames.
    tuned : numpy.ndarray
        (C,) booleans; False where the validation set has no event of the
        class and the values are defaults.

    Example
    -------
    >>> parameters = ClassParameters(
    ...     ["Dog", "Cat"], [0.5, 0.3], [1, 7], [False, True]
    ... )
    >>> ClassParameters.from_dict(parameters.to_dict()).windows.shape
    (2,)
    """

    labels: list
    thresholds: np.ndarray | None
    windows: np.ndarray | None
    tuned: np.ndarray

    def __post_init__(self):
        self.labels = [str(label) for label in self.labels]
        self.tuned = np.asarray(self.tuned, dtype=bool)
        if self.thresholds is not None:
            self.thresholds = np.asarray(self.thresholds, dtype=np.float64)
        if self.windows is not None:
            self.windows = np.asarray(self.windows, dtype=np.int64)
            if (self.windows < 1).any() or (self.windows % 2 == 0).any():
                raise ValueError(
                    f"median windows {self.windows.tolist()}: expected odd "
                    "numbers of frames >= 1"
                )
        for name in ("thresholds", "windows", "tuned"):
            values = getattr(self, name)
            if values is not None and values.shape != (len(self.labels),):
                raise ValueError(
                    f"class parameters: {name} has shape {values.shape}, "
                    f"expected ({len(self.labels)},), one for each class"
                )

    def to_dict(self):
        """Plain lists and numbers, for json and yaml."""
        return {
            name: None if values is None else np.asarray(values).tolist()
            for name, values in vars(self).items()
        }

    @classmethod
    def from_dict(cls, values):
        """The inverse of `to_dict`."""
        expected = set(cls.__dataclass_fields__)
        if set(values) != expected:
            raise ValueError(
                f"class parameters: keys {sorted(values)}, expected "
                f"{sorted(expected)}"
            )
        return cls(**values)
