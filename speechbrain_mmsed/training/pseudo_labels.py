"""Pseudo-labels: scores of an earlier network as targets of the next one.

Weak clips say which classes are there but not when, unlabelled ones say
nothing. What an earlier network, or several, made of them is one more target:
soft, with the classes that a weak label rules out at 0.

A folder of pseudo-labels has the scores of both subsets, and what gave them.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import os

import numpy as np
import torch
from speechbrain.utils.logger import get_logger

from speechbrain_mmsed.dataio.corpus.clips import read_manifest
from speechbrain_mmsed.files import ClearError, read_json, write_json
from speechbrain_mmsed.lobes.visual.weights import file_sha256
from speechbrain_mmsed.postprocessing.scores import ClipScores
from speechbrain_mmsed.training.losses import masked_bce

logger = get_logger(__name__)

SUBSETS = ("weak", "unlabelled")
SOURCE_FILE = "source.json"


class PseudoLabelError(ClearError, ValueError):
    """Pseudo-labels that do not fit the training, or their source."""


def save_pseudo_labels(folder, scores, sources):
    """Writes a folder of pseudo-labels; without a `SOURCE_FILE` it is none.

    Arguments
    ---------
    folder : str
        Where to.
    scores : dict
        Each of `SUBSETS` -> ClipScores.
    sources : list of dict
        What gave them: settings, seed and checkpoint of each run.
    """
    digests = {}
    for subset in SUBSETS:
        scores[subset].save(_scores_path(folder, subset))
        digests[subset] = file_sha256(_scores_path(folder, subset))
    content = {"sha256": digests, "sources": sources}
    write_json(os.path.join(folder, SOURCE_FILE), content)


def read_source(folder):
    """What `save_pseudo_labels` noted of a folder, None if there is none."""
    try:
        return read_json(os.path.join(folder, SOURCE_FILE))
    except FileNotFoundError:
        return None


class PseudoLabels:
    """Targets of weak and unlabelled clips, and their term of the loss.

    Arguments
    ---------
    folder : str
        As of `save_pseudo_labels`.
    labels, n_frames, frame_hop : list of str, int, float
        C classes, T frames and seconds of a frame of the network.
    weight : float
        Of the term, above 0.
    temperature : float
        Divides the logit of each score: below 1 sharpens, above 1 softens.

    Raises
    ------
    PseudoLabelError
        If the folder was not made for such a network, or its files are not
        those that were stored.

    Example
    -------
    >>> folder = getfixture("tmp_path")
    >>> scores = ClipScores(["a.wav"], [1.0], ["Dog"], np.full((1, 1), 0.5),
    ...     np.full((1, 4, 1), 0.5), [False], 0.25)
    >>> save_pseudo_labels(folder, dict.fromkeys(SUBSETS, scores), [])
    >>> clip = {"filename": "a.wav", "tags": ["Dog"]}
    >>> for name in SUBSETS:
    ...     write_json(folder / f"{name}.json", {f"{name}/a": clip})
    >>> pseudo = PseudoLabels(folder, ["Dog"], 4, 0.25)
    >>> pseudo.open({name: folder / f"{name}.json" for name in SUBSETS})
    >>> student = torch.zeros(1, 1), torch.zeros(1, 4, 1)
    >>> losses = pseudo(student, ["weak/a"])
    >>> {name: round(loss.item(), 4) for name, loss in losses.items()}
    {'pseudo_clip_bce': 0.6931, 'pseudo_frame_bce': 0.6931}
    """

    def __init__(
        self, folder, labels, n_frames, frame_hop, weight=1.0, temperature=1.0
    ):
        if not (weight > 0 and temperature > 0):
            raise PseudoLabelError(
                f"pseudo_labels: weight {weight} and temperature {temperature} "
                "must be above 0 (for none leave pseudo_labels_folder null)"
            )
        self.folder, self.labels = folder, list(labels)
        self.weight, self.temperature = weight, temperature
        source = read_source(folder)
        if source is None:
            raise PseudoLabelError(
                f"{folder} has no {SOURCE_FILE}: it holds no pseudo-labels, or "
                "they were not stored to the end; run pseudo_labels.py (again)"
            )
        sums = source.get("sha256")
        sums = sums if isinstance(sums, dict) else {}
        self.sha256 = {name: str(sums.get(name)) for name in SUBSETS}
        self._scores = {name: self._read(name) for name in SUBSETS}
        for name, scores in self._scores.items():
            _, found, _ = scores.frame.shape
            for what, has, wanted in (
                ("classes", scores.labels, self.labels),
                ("frames in a clip", found, n_frames),
                ("seconds in a frame", scores.frame_hop, float(frame_hop)),
            ):
                if has != wanted:
                    raise PseudoLabelError(
                        f"{_scores_path(folder, name)}: {what}: {has}, but "
                        f"{wanted} in the yaml; store the scores of a run that "
                        "has these"
                    )

    def _read(self, subset):
        """ClipScores of a subset, if they are those that were stored."""
        path = _scores_path(self.folder, subset)
        found = file_sha256(path) if os.path.isfile(path) else "no file"
        if found != self.sha256[subset]:
            raise PseudoLabelError(
                f"{path}: sha256 is {found[:12]}, expected "
                f"{self.sha256[subset][:12]} as in {SOURCE_FILE}: the file is "
                "not what was stored; run pseudo_labels.py again"
            )
        return ClipScores.load(path)

    def settings(self):
        """What a run must go on with and its report names: plain values."""
        digests = (self.sha256[subset][:12] for subset in SUBSETS)
        return {
            "pseudo_labels_weight": self.weight,
            "pseudo_labels_temperature": self.temperature,
            "pseudo_labels_sha256": "-".join(digests),
        }

    def open(self, manifests, device="cpu"):
        """Puts the targets of all weak and unlabelled clips on a device.

        Arguments
        ---------
        manifests : dict
            Subset -> path of its manifest.
        device : str or torch.device
            Where the losses are computed.

        Raises
        ------
        PseudoLabelError
            If clips have no scores; says how many.
        """
        self._row, targets, unused = {}, [], 0
        for subset, scores in self._scores.items():
            clips = read_manifest(manifests[subset])
            at = {name: row for row, name in enumerate(scores.filenames)}
            missing = [c for c in clips.values() if c["filename"] not in at]
            if missing:
                raise PseudoLabelError(
                    f"{_scores_path(self.folder, subset)}: {len(missing)} of "
                    f"{len(clips)} {subset} clips have no scores, the first is "
                    f"{missing[0]['filename']}; store the scores of runs on "
                    "this corpus"
                )
            unused += len(at) - len(clips)
            rows = [at[clip["filename"]] for clip in clips.values()]
            clip, frame = scores.clip[rows], scores.frame[rows]
            if subset == "weak":
                present = self._present(clips.values())
                clip, frame = clip * present, frame * present[:, None]
            first = len(self._row)
            self._row |= {name: n for n, name in enumerate(clips, first)}
            targets.append((self._soft(clip), self._soft(frame)))
        self._targets = [
            torch.cat(x).to(device) for x in zip(*targets, strict=True)
        ]
        logger.info(
            f"{len(self._row)} clips have pseudo-labels from {self.folder}; "
            f"{unused} of those stored there are of no clip here."
        )

    def __call__(self, student, clip_ids, plan=None):
        """Weighted cross entropies with the targets, of clips that have some.

        Arguments
        ---------
        student : tuple of torch.Tensor
            Clip logits (B, C) and frame logits (B, T, C).
        clip_ids : list of str
            The B clips; others than weak and unlabelled ones do not count.
        plan : MixupPlan or None
            What the batch was mixed with, within subsets.

        Returns
        -------
        dict of torch.Tensor
            Scalars "pseudo_clip_bce" and "pseudo_frame_bce".
        """
        rows = torch.tensor([self._row.get(name, -1) for name in clip_ids])
        device = self._targets[0].device
        if device.type == "cuda":
            rows = rows.pin_memory()
        rows = rows.to(device, non_blocking=True)
        found = {}
        for kind, logits, table in zip(
            ("clip", "frame"), student, self._targets, strict=True
        ):
            targets = table[rows]
            if plan is not None:
                targets = plan.apply(targets)
            loss = masked_bce(logits, targets, rows >= 0)
            found[f"pseudo_{kind}_bce"] = self.weight * loss
        return found

    def _present(self, clips):
        """(N, C) float32, 1 for the classes of the clips' weak labels."""
        return np.array(
            [[label in c["tags"] for label in self.labels] for c in clips],
            dtype=np.float32,
        )

    def _soft(self, scores):
        """Targets of an array of scores, by the temperature."""
        return torch.sigmoid(
            torch.logit(torch.from_numpy(scores)) / self.temperature
        )


def pseudo_labels_from_setting(folder, **settings):
    """The PseudoLabels of the yaml, or None without a folder.

    `settings` are the other arguments of `PseudoLabels`.

    Example
    -------
    >>> pseudo_labels_from_setting(None, weight=1.0) is None
    True
    """
    return None if folder is None else PseudoLabels(folder, **settings)


def _scores_path(folder, subset):
    """File of the scores of a subset."""
    return os.path.join(folder, f"{subset}.npz")
