"""A published classifier of sounds as a detector that needs no training.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import os
import pathlib

import numpy as np
import torch

from speechbrain_mmsed.dataio.corpus.text_tables import read_rows
from speechbrain_mmsed.inference.detector import TAG_METRIC, SoundEventDetector
from speechbrain_mmsed.inference.results import DetectionError
from speechbrain_mmsed.inference.wanted import nearest
from speechbrain_mmsed.lobes import auditory
from speechbrain_mmsed.postprocessing.parameters import ClassParameters

# Name on the command line -> network, and where its weights are published.
PUBLISHED = {
    "yamnet": (
        auditory.YamnetClassifier,
        "https://storage.googleapis.com/audioset/yamnet.h5",
    ),
    "cnn14": (auditory.Cnn14Classifier, auditory.cnn14_classifier.PUBLISHED),
}
# Maps that come with the package; others are files.
MAPS = {"desed": pathlib.Path(auditory.__file__).with_name("desed.csv")}
TITLES = ("audioset", "display_name")
MARGIN, SHORTEST_HOP = 4, 16  # frames, as of a `WindowCutter`
THRESHOLD = 0.5


class PublishedDetector(SoundEventDetector):
    """A published classifier with all that a `SoundEventDetector` does.

    A recording is heard in windows of some 10 s at the level it has. Tags are
    the classes whose score is above the threshold in any frame, as events are.

    Arguments
    ---------
    name : str
        A key of PUBLISHED.
    weights : str or pathlib.Path
        The file that its authors publish.
    mapping : str, pathlib.Path or None
        "desed", or a table of two columns: a class of the network and what
        it counts as. The score of a class is then the largest of its members.
        None: all classes of the network.
    device : str
        Where the network runs.

    Raises
    ------
    WeightsError
        If the weights are missing or those of another network.
    DetectionError
        If the table names a class that the network does not know.

    Example
    -------
    >>> detector = PublishedDetector(
    ...     "yamnet", "yamnet.h5", "desed"
    ... )  # doctest: +SKIP
    >>> print(detector.detect_file("film.mp4"))  # doctest: +SKIP
    """

    TAGS_OF_FRAMES = True

    def __init__(self, name, weights, mapping=None, device="cpu"):
        network = PUBLISHED[name][0](weights)
        self._members, table = None, None
        labels = network.labels
        if mapping is not None:
            table = MAPS.get(mapping, mapping)
            groups = read_map(table, labels)
            labels = list(groups)
            self._members = [
                [network.labels.index(member) for member in members]
                for members in groups.values()
            ]
        parameters = ClassParameters(
            labels,
            [THRESHOLD] * len(labels),
            [1] * len(labels),
            [False] * len(labels),
        ).to_dict()
        metrics = ("ebf1", "sbf1", TAG_METRIC)
        hop = network.frame_samples / network.sample_rate
        super().__init__(
            modules={"network": network, "frontend": network},
            hparams={
                "labels": labels,
                "frame_hop": hop,
                "sample_rate": network.sample_rate,
                "clip_seconds": network.n_frames * hop,
                "n_frames": network.n_frames,
                **{"margin_frames": MARGIN, "shortest_hop": SHORTEST_HOP},
                **{"streams": [], "stream_widths": {}, "embedders": {}},
                **{"min_video_coverage": 1.0, "peak_floor": None},
                "use_logmel_cache": False,
            },
            run_opts={"device": device},
            folder=os.fspath(weights),
            postprocessing={
                "parameters": dict.fromkeys(metrics, parameters),
                "primary_weight": 1.0,
            },
            descriptions=[],
            card=name,
        )
        self.files = [self.folder, *filter(None, [table])]

    @torch.inference_mode()
    def score_windows(self, items, weight=None):
        """(B, C) and (B, T, C) probabilities of B windows and their frames."""
        frames = [self._frames(window) for window, *_ in items]
        return np.stack([rows.max(0) for rows in frames]), np.stack(frames)

    def _frames(self, window):
        """(T, C) of a window; 0 for frames beyond the sound."""
        n_samples = round(window.seconds * self.sample_rate)
        waveform = torch.from_numpy(window.waveform[: max(n_samples, 1)])
        scores = self.mods.network(waveform.to(self.device)).cpu().numpy()
        if self._members is not None:
            scores = np.stack(
                [scores[:, members].max(1) for members in self._members], 1
            )
        if not np.isfinite(scores).all():
            raise DetectionError(
                f"{self.folder}: the network gives NaN; get the file again"
            )
        missing = self.mods.network.n_frames - len(scores)
        return np.pad(scores, [(0, missing), (0, 0)])


def read_map(path, known):
    """Own class -> classes of a network that is known, from a table.

    Text as `read_rows` takes it: a class of the network and one's own in each
    line; the first may be titles, AudioSet or display_name.
    """
    if not os.path.isfile(path):
        raise DetectionError(
            f"map {path}: there is no such file; expected one of "
            f"{', '.join(MAPS)}, or a table of two columns: a class of the "
            f"network, your class"
        )
    rows, *_ = read_rows(path)
    first, groups = min(rows, default=0), {}
    for line, cells in rows.items():
        cells = [cell.strip() for cell in cells]
        if len(cells) != 2 or not all(cells):
            raise DetectionError(
                f"map {path}, line {line}: {len(cells)} cells, expected two, "
                f"a class of the network and your class; one that holds a "
                f"comma is put in quotes"
            )
        theirs, own = cells
        if theirs in known:
            groups.setdefault(own, []).append(theirs)
        elif line != first or theirs.casefold() not in TITLES:
            raise DetectionError(
                f"map {path}, line {line}: {theirs!r} is no class of the "
                f"network{nearest(theirs, known)}"
            )
    if not groups:
        raise DetectionError(f"map {path} names no class of the network")
    return groups
