"""Counts by clip on disk, so that two systems can be compared later.

A report leaves `counts_<system>.npz` beside it. It holds all that a paired
comparison needs, and neither scores nor ground truth.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import dataclasses
import pathlib

import numpy as np

from speechbrain_mmsed.evaluation.counts.counts import Counts
from speechbrain_mmsed.evaluation.counts.psds_changes import Changes
from speechbrain_mmsed.evaluation.counts.psds_counts import PsdsCounts
from speechbrain_mmsed.evaluation.metrics.psd_roc import Scenario
from speechbrain_mmsed.files import atomic_path, read_arrays, read_json
from speechbrain_mmsed.folders import plain_name
from speechbrain_mmsed.postprocessing.box_parameters import BOXES
from speechbrain_mmsed.problems import PredictionError, listed

CLASSES = {"f1": Counts, "psds": PsdsCounts}
# A system with its video ignored, after the system's name.
IGNORED = "_video_ignored"
FORMAT = "speechbrain_mmsed counts by clip, 3"
# What the arrays of a name hold, as numpy has it; others hold numbers.
TEXTS = ("filenames", "labels", "form", "definition", "computed_by")
KINDS = {**dict.fromkeys(TEXTS, "U"), "values": "b"}


def counts_path(folder, name):
    """Where the counts of a system are kept in the folder of a report."""
    return pathlib.Path(folder) / f"counts_{plain_name(name)}.npz"


def counts_file(path, postprocessing=None):
    """The counts that a user names: a file, or a report's first system's.

    `postprocessing` is the system's, "median" or "boxes"; None: either.
    """
    path = pathlib.Path(path)
    if path.is_file():
        return path
    if not path.is_dir():
        raise PredictionError(
            f"{path}: no such folder or file; expected the folder of a report"
        )
    found = sorted(path.glob("counts_*.npz"))
    if not found:
        raise PredictionError(
            f"{path}: no counts_<system>.npz; expected the folder of a report "
            "of `mmsed evaluate` or of a training"
        )
    report, systems = path / "report.json", []
    if report.is_file():
        systems = read_json(report).get("metrics")
        if not isinstance(systems, dict):
            raise PredictionError(f"{report}: no metrics; evaluate again")
    for name in systems:
        file = counts_path(path, name)
        made = "boxes" if name.endswith(BOXES) else "median"
        if file in found and postprocessing in (None, made):
            return file
    if postprocessing is not None:
        raise PredictionError(
            f"{path}: no counts of a system by {postprocessing}, there are "
            f"{listed(systems) or 'no others'}; evaluate with --postprocessing "
            "both, or repeat a training's command with it"
        )
    if len(found) > 1:
        raise PredictionError(
            f"{path}: {listed(file.name for file in found)}; give one of them"
        )
    return found[0]


def save_counts(path, statistics, has_video=None):
    """Writes the counts of a system to an npz file.

    PSDS over all thresholds is left out: its counts are as large as the
    scores. `has_video` is file name -> bool, None where it is not known.

    Example
    -------
    >>> ones = np.ones((2, 1), dtype=int)
    >>> counts = Counts(["a", "b"], ["Dog"], ones, ones, ones)
    >>> path = getfixture("tmp_path") / "counts_some.npz"
    >>> save_counts(path, {"ebf1": counts}, {"a": True, "b": False})
    >>> statistics, has_video = load_counts(path)
    >>> statistics["ebf1"].filenames, has_video["b"]
    (['a', 'b'], False)
    """
    arrays = {"format": np.array(FORMAT)}
    for kind, counts in statistics.items():
        form = "psds" if isinstance(counts, PsdsCounts) else "f1"
        if form == "psds" and counts.n_thresholds is None:
            continue
        arrays[f"{kind}/form"] = np.array(form)
        for field in dataclasses.fields(counts):
            value = getattr(counts, field.name)
            if field.name == "scenario":
                value = dataclasses.astuple(value)
            if value is not None:
                arrays[f"{kind}/{field.name}"] = np.asarray(value)
    if has_video is not None:
        arrays["has_video/filenames"] = np.array(list(has_video), dtype=np.str_)
        arrays["has_video/values"] = np.array(list(has_video.values()), bool)
    with atomic_path(path) as name, open(name, "wb") as file:
        np.savez_compressed(file, **arrays)


def load_counts(path):
    """Statistics and `has_video` of what `save_counts` wrote."""
    arrays = read_arrays(path, [])
    found = str(arrays.pop("format", "something else"))
    if found != FORMAT:
        raise PredictionError(
            f"{path}: holds {found[:99]!r}, expected {FORMAT!r}; evaluate again"
        )
    parts = {}
    try:
        for name, value in arrays.items():
            kind, field = name.split("/")
            parts.setdefault(kind, {})[field] = value
            wanted = KINDS.get(field, "iuf")
            finite = wanted == "U" or np.isfinite(value).all()
            if value.dtype.kind not in wanted or not finite:
                raise ValueError(f"{name} holds {value.dtype}, or NaN")
        video = parts.pop("has_video", None)
        if video is not None:
            names = video["filenames"].tolist()
            video = dict(zip(names, video["values"].tolist(), strict=True))
        return {kind: _counts(fields) for kind, fields in parts.items()}, video
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise PredictionError(
            f"{path}: damaged ({error}); evaluate again"
        ) from error


def _counts(fields):
    """The object that these fields belong to."""
    kind = CLASSES[str(fields.pop("form"))]
    size = len(fields["filenames"]), len(fields["labels"])
    for name in ("tp", "nsys", "n_reference", "reference_seconds"):
        if name in fields and fields[name].shape != size:
            raise ValueError(f"{name} is of {fields[name].shape}, not {size}")
    if "changes" in fields:
        most = np.reshape([size[0], size[1], size[1] + 1], (3, 1))
        inside = fields["changes"][:3] < most
        if not (inside & (fields["changes"][:3] >= 0)).all():
            raise ValueError("changes are of other clips or classes")
    for name in ("filenames", "labels"):
        fields[name] = fields[name].tolist()
    for name in ("definition", "computed_by"):
        if name in fields:
            fields[name] = str(fields[name])
    if kind is PsdsCounts:
        fields["scenario"] = Scenario(*fields["scenario"].tolist())
        fields["changes"] = Changes(*fields["changes"])
        fields["n_thresholds"] = int(fields["n_thresholds"])
    return kind(**fields)


def counts_of_clips(counts, keep):
    """Counts or PsdsCounts of the clips whose names are in `keep`."""
    rows = np.flatnonzero([name in keep for name in counts.filenames])
    changed = {"filenames": [counts.filenames[i] for i in rows]}
    for field in dataclasses.fields(counts):
        value = getattr(counts, field.name)
        if isinstance(value, Changes):
            kept = Changes(*(x[np.isin(value.clip, rows)] for x in value))
            clip = np.searchsorted(rows, kept.clip)
            changed[field.name] = kept._replace(clip=clip)
        # All other arrays have one row for each clip.
        elif isinstance(value, np.ndarray) and field.name != "windows":
            changed[field.name] = value[rows]
    return dataclasses.replace(counts, **changed)
