"""Scores of a set of clips: what a network leaves behind for evaluation.

A file of them holds the probabilities of all clips and frames, and what turns
them into events: durations, class labels, the frames' hop.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import re
from dataclasses import dataclass, replace

import numpy as np

from speechbrain_mmsed.files import DamagedFileError, atomic_path, read_arrays

# The weight of a network that weighs the streams of each clip itself.
GATED = "gated"
_SCORE_FILE = re.compile(
    r"weight_(gated|\d+\.\d{4}(?:_\d+\.\d{4})*)(?:_without_(.+))?\.npz"
)


def score_file(weight, without=""):
    """Name of the file of the scores at some fusion weights.

    Arguments
    ---------
    weight : float, tuple of float or str
        Weight of the primary stream, the rest shared equally; one for each
        stream; or `GATED`.
    without : str
        What was ignored, if anything.

    Example
    -------
    >>> score_file(0.5), score_file((0.5, 0.375, 0.125), "video")
    ('weight_0.5000.npz', 'weight_0.5000_0.3750_0.1250_without_video.npz')
    """
    ending = without and f"_without_{without}"
    return f"weight_{weight_text(weight)}{ending}.npz"


def weight_text(weight):
    """Fusion weights with four decimals each, as `score_file` takes them.

    Example
    -------
    >>> weight_text(0.5), weight_text((0.5, 0.5)), weight_text("gated")
    ('0.5000', '0.5000_0.5000', 'gated')
    """
    if weight == GATED:
        return weight
    parts = weight if isinstance(weight, tuple) else (weight,)
    return "_".join(f"{part:.4f}" for part in parts)


def weight_of_file(name):
    """Weight and what was ignored, of a `score_file`; None for others.

    Example
    -------
    >>> weight_of_file("weight_0.5000.npz"), weight_of_file("notes.txt")
    ((0.5, ''), None)
    """
    found = _SCORE_FILE.fullmatch(name)
    if found is None:
        return None
    weight, without = found[1], found[2] or ""
    if weight != GATED:
        parts = tuple(map(float, weight.split("_")))
        weight = parts if len(parts) > 1 else parts[0]
    return weight, without


def ignored_streams(streams, kinds, weight):
    """What is left out in turn, of streams of these `kinds` at this `weight`.

    Name -> the arguments of `score_file`, and the columns of availability: all
    films together, as "video" (Table 7), and each stream that is not all of
    them. Where nothing else is left it is the sound alone.

    Example
    -------
    >>> ignored_streams(["openl3", "yamnet"], ["film", "sound"], 0.5)
    {'video': (0.5, 'video', [1]), 'yamnet': (0.5, 'yamnet', [2])}
    >>> ignored_streams(["openl3"], ["film"], 0.5)
    {'video': (1.0, '', [1])}
    """
    films = [i for i, kind in enumerate(kinds, 1) if kind == "film"]
    columns = {"video": films} if films else {}
    for column, name in enumerate(streams, 1):
        if [column] != films:
            columns[name] = [column]
    return {
        name: (weight, name, out) if len(out) < len(streams) else (1.0, "", out)
        for name, out in columns.items()
    }


@dataclass
class ClipScores:
    """Probabilities of N clips, T frames and C classes.

    Frame k covers [k * frame_hop, (k + 1) * frame_hop), cut at the clip's end
    (section 3.1.3). Rows past that are dropped when events are made.

    Arguments
    ---------
    filenames : list of str
        N different file names, as in the ground truth.
    durations : numpy.ndarray
        (N,) measured durations in seconds.
    labels : list of str
        C class labels.
    clip : numpy.ndarray
        (N, C) probabilities of the clips, 0 to 1.
    frame : numpy.ndarray
        (N, T, C) probabilities of the frames, 0 to 1.
    has_video : numpy.ndarray
        (N,) booleans.
    frame_hop : float
        Seconds between the starts of two frames.

    Raises
    ------
    ValueError
        Where shapes disagree, names repeat or a value is no probability.

    Example
    -------
    >>> scores = ClipScores(
    ...     filenames=["a.wav", "b.wav"],
    ...     durations=[10.0, 8.5],
    ...     labels=["Dog", "Cat", "Speech"],
    ...     clip=np.zeros((2, 3)),
    ...     frame=np.zeros((2, 64, 3)),
    ...     has_video=[True, False],
    ...     frame_hop=0.1565,
    ... )
    >>> scores.subset(scores.has_video).frame.shape
    (1, 64, 3)
    """

    filenames: list
    durations: np.ndarray
    labels: list
    clip: np.ndarray
    frame: np.ndarray
    has_video: np.ndarray
    frame_hop: float

    def __post_init__(self):
        self.filenames = [str(name) for name in self.filenames]
        self.labels = [str(label) for label in self.labels]
        self.durations = np.asarray(self.durations, dtype=np.float64)
        self.clip = np.asarray(self.clip, dtype=np.float32)
        self.frame = np.asarray(self.frame, dtype=np.float32)
        self.has_video = np.asarray(self.has_video, dtype=bool)
        self.frame_hop = float(self.frame_hop)
        self._check_shapes()
        self._check_values()

    def _check_shapes(self):
        """Refuses arrays that do not fit each other, and names that repeat."""
        n_clips, n_classes = len(self.filenames), len(self.labels)
        expected = {
            "durations": (n_clips,),
            "clip": (n_clips, n_classes),
            "frame": (n_clips, *self.frame.shape[1:2], n_classes),
            "has_video": (n_clips,),
        }
        for name, shape in expected.items():
            found = getattr(self, name).shape
            if found != shape:
                raise ValueError(
                    f"scores: {name} has shape {found}, expected {shape} for "
                    f"{n_clips} clips and {n_classes} classes"
                )
        for name in ("filenames", "labels"):
            values = getattr(self, name)
            if len(set(values)) != len(values):
                twice = sorted({v for v in values if values.count(v) > 1})
                raise ValueError(f"scores: {name} repeat: {twice[:10]}")

    def _check_values(self):
        """Refuses what is no probability, duration or hop."""
        if not self.frame_hop > 0:
            raise ValueError(
                f"scores: frame_hop is {self.frame_hop}, expected seconds > 0"
            )
        good = np.isfinite(self.durations) & (self.durations > 0)
        # NaN fails both comparisons, so it is found as well.
        good &= ((self.clip >= 0) & (self.clip <= 1)).all(axis=1)
        good &= ((self.frame >= 0) & (self.frame <= 1)).all(axis=(1, 2))
        if not good.all():
            bad = [self.filenames[i] for i in np.flatnonzero(~good)]
            raise ValueError(
                f"scores: {len(bad)} clips have a duration that is not > 0 or "
                f"probabilities outside 0 to 1 (or NaN): {bad[:10]}. Scores "
                "are probabilities after the sigmoid, durations are seconds"
            )

    def subset(self, mask):
        """Scores of the clips of a (N,) boolean mask, in the same order."""
        mask = np.asarray(mask, dtype=bool)
        if mask.shape != (len(self.filenames),):
            raise ValueError(
                f"scores: mask has shape {mask.shape}, expected "
                f"({len(self.filenames)},)"
            )
        return replace(
            self,
            filenames=[self.filenames[i] for i in np.flatnonzero(mask)],
            durations=self.durations[mask],
            clip=self.clip[mask],
            frame=self.frame[mask],
            has_video=self.has_video[mask],
        )

    def video(self):
        """Which clips have video: file name -> bool."""
        flags = self.has_video.tolist()
        return dict(zip(self.filenames, flags, strict=True))

    def save(self, path):
        """Write the scores to an npz file, whole or not at all."""
        with atomic_path(path) as name, open(name, "wb") as file:
            np.savez(file, **vars(self))

    @classmethod
    def load(cls, path):
        """Read what `save` wrote; if it is not, a DamagedFileError."""
        found = read_arrays(path, cls.__dataclass_fields__)
        found = [found[name] for name in cls.__dataclass_fields__]
        try:
            kinds = "".join(part.dtype.kind for part in found)
            if kinds[1] + kinds[3:] != "fffbf":  # no names: none
                raise TypeError(f"arrays of the kinds {kinds}, not UfUffbf")
            return cls(*found)
        except (ValueError, TypeError) as error:
            raise DamagedFileError(f"{path}: {error}") from error
