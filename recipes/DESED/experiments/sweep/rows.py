"""Rows of the tables: figures of an experiment beside the published ones.

The interval over clips says how far a difference rests on the clips that
happen to be in the evaluation set. It is paired: both systems, and all their
seeds, are measured on the same resamples.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import contextlib
import os
from dataclasses import dataclass, field

import numpy as np

from speechbrain_mmsed.evaluation.statistics.bootstrap import resample_weights
from speechbrain_mmsed.evaluation.statistics.clip_statistics import (
    PSDS,
    clip_statistics,
)
from speechbrain_mmsed.files import DamagedFileError, atomic_path, read_arrays
from sweep.paper import METRICS, SPLITS, table_of
from sweep.results import figures_at
from sweep.statistics import (
    difference,
    mean_and_deviation,
)

# With video against the sound alone: on the same clips.
COMPARED_WITH = {"video_available": "video_ignored"}
# PSDS costs a hundred times as much as F1.
RESAMPLES = {"f1": 1000, "psds": 200}
AVERAGE = {"cbf1": "micro", "sbf1": "micro", "ebf1": "macro"}


@dataclass
class Cell:
    """One figure of a system, a fraction."""

    values: list  # one for each seed in which it is defined
    paper: tuple = (None, None)  # mean and deviation
    difference: object = None  # from sound alone with the same base model

    @property
    def mean(self):
        """Mean over seeds, or None."""
        return mean_and_deviation(self.values)[0]

    @property
    def deviation(self):
        """Standard deviation over seeds, or None."""
        return mean_and_deviation(self.values)[1]


@dataclass
class Row:
    """A system in a table."""

    table: int  # 5 to 8, as published
    system: object
    choice: object
    split: str  # part of the evaluation set
    cells: dict = field(default_factory=dict)  # metric -> Cell
    other_clips: str = ""  # why nothing is compared with sound alone, if so

    @property
    def training(self):
        """Weight of the sound in training, "random", or 1."""
        return self.choice.configuration.training or 1

    @property
    def inference(self):
        """Weight of the sound in scoring."""
        return self.choice.weight

    @property
    def n_seeds(self):
        """Finished runs."""
        return len(self.choice.runs)


def table_rows(choices, paper, stands_for, clips=True, progress=iter):
    """All rows of all tables, in the order of tables and systems.

    `choices` maps System -> Choice, `paper` is what `read_paper` returns or
    empty, `stands_for` is the plan's; `clips` says whether to resample the
    clips of differences; `progress` wraps the list of Row while it is filled.
    """
    rows = []
    for system, choice in choices.items():
        places = [(table_of(system), "all")]
        if table_of(system) == 5:
            some = SPLITS if system.streams else SPLITS[1:]
            places += [(7, split) for split in some]
        rows += [Row(table, system, choice, split) for table, split in places]
    rows.sort(key=lambda row: row.table)
    audio = {
        system.base: choice
        for system, choice in choices.items()
        if system.kind == "audio" and not system.pseudo_labels
    }
    for row in progress(rows):
        _fill(row, audio.get(row.system.base), clips)
        _put_beside(row, paper, stands_for)
    return rows


def _fill(row, audio, clips):
    """Figures of a row, and their differences from sound alone."""
    values = _values(row.choice, row.split)
    compared, draws, other_draws = {}, {}, {}
    if row.system.streams and audio is not None:
        other = audio, COMPARED_WITH.get(row.split, row.split)
        sides = (row.choice, row.split), other
        row.other_clips = _other_clips(*sides)
        if not row.other_clips:
            compared = _values(*other)
            if clips:
                draws, other_draws = map(_draws, sides)
    for metric in METRICS:
        cell = row.cells[metric] = Cell(values[metric])
        if compared:
            cell.difference = difference(
                compared[metric],
                values[metric],
                other_draws.get(metric, ()),
                draws.get(metric, ()),
            )


def _values(choice, split):
    """Metric -> figures over seeds; those that are not defined left out."""
    found = [figures_at(run, choice.weight)[0][split] for run in choice.runs]
    return {
        metric: [f[metric] for f in found if f[metric] is not None]
        for metric in METRICS
    }


def _other_clips(*sides):
    """How many clips each side has, unless all runs have the same.

    The parts with and without video may differ: a clip that has a film may
    still have no features of a stream.
    """
    ours, theirs = (
        [run.clips(split) for run in choice.runs] for choice, split in sides
    )
    if len({*ours, *theirs}) == 1:
        return ""
    shared = len(frozenset.intersection(*ours, *theirs))
    own, other = (
        " or ".join(str(n) for n in sorted({len(clips) for clips in side}))
        for side in (ours, theirs)
    )
    return f"{own} clips against {other} of sound alone, {shared} in common"


def _draws(side):
    """Metric -> for each seed its resampled figures; empty below two clips."""
    choice, split = side
    drawn = [clip_draws(run, choice.weight, split) for run in choice.runs]
    if len(drawn[0]["clips"]) < 2:
        return {}
    return {metric: [draws[metric] for draws in drawn] for metric in METRICS}


def _put_beside(row, paper, stands_for):
    """The published figures of the row, if there are any."""
    if row.system.pseudo_labels:
        return
    streams = tuple(stands_for.get(name, name) for name in row.system.streams)
    key = (row.table, row.system.base, streams, row.system.kind, row.split)
    if key in paper:
        for metric, cell in row.cells.items():
            cell.paper = paper[key].figures[metric]


def clip_draws(run, weight, split):
    """Figures of a run on resampled clips of a split; kept on disk.

    Returns
    -------
    dict
        "clips" (N,) file names in rising order, and metric -> (R,) figures;
        only "clips" where there are fewer than two clips.
    """
    name = f"{run.model}_weight_{weight:.4f}_{split}.npz"
    path = os.path.join(run.folder, name)
    # One that is damaged is made again.
    with contextlib.suppress(FileNotFoundError, DamagedFileError):
        found = read_arrays(path, ["mark"])
        if str(found.pop("mark")) == run.mark:
            return found
    draws = _draw(run, weight, split)
    with atomic_path(path) as temporary:
        np.savez(temporary, mark=run.mark, **draws)
    return draws


def _draw(run, weight, split):
    _, parameters = figures_at(run, weight)
    used = 1.0 if split == "video_ignored" else weight
    scores = run.scores("evaluation", used)
    if split != "all":
        wanted = split != "video_unavailable"
        scores = scores.subset(scores.has_video == wanted)
    clips = sorted(scores.filenames)
    draws = {"clips": np.array(clips, dtype=np.str_)}
    if len(clips) < 2:
        return draws
    truth = run.truth("evaluation").subset(scores.filenames)
    counts = clip_statistics(scores, truth, parameters, METRICS)
    weights = {
        kind: resample_weights(len(clips), number)
        for kind, number in RESAMPLES.items()
    }
    for metric in METRICS:
        # Counts have their own order of the clips.
        order = np.searchsorted(clips, counts[metric].filenames)
        drawn = weights["psds" if metric in PSDS else "f1"][:, order]
        figures = counts[metric].figures(drawn)
        draws[metric] = np.asarray(figures[AVERAGE.get(metric, "value")])
    return draws
