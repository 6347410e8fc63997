"""Rows of the tables: figures of an experiment beside the published ones.

Authors
 * The speechbrain_mmsed authors, 2026
"""

from dataclasses import dataclass, field

from speechbrain_mmsed.experiments.clip_draws import clip_draws
from speechbrain_mmsed.experiments.paper import METRICS, SPLITS, table_of
from speechbrain_mmsed.experiments.results import figures_at
from speechbrain_mmsed.experiments.statistics import (
    difference,
    mean_and_deviation,
)

# With video against the sound alone: on the same clips.
COMPARED_WITH = {"video_available": "video_ignored"}


@dataclass
class Cell:
    """One figure of a system.

    Arguments
    ---------
    values : list of float
        Fractions, one for each seed in which it is defined.
    paper : tuple
        Published mean and deviation, None where there is none.
    difference : Difference or None
        From the system of sound alone with the same base model.
    """

    values: list
    paper: tuple = (None, None)
    difference: object = None

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
    """A system in a table.

    Arguments
    ---------
    table : int
        5 to 8, as published.
    system : System
        The system.
    training : object
        Weight of the sound in training, "random", or 1.
    inference : float
        Weight of the sound in scoring.
    split : str
        Part of the evaluation set.
    n_seeds : int
        Finished runs.
    cells : dict
        Metric -> Cell.
    other_clips : str
        Why there is no difference from sound alone, where the two were
        measured on different clips; else empty.
    """

    table: int
    system: object
    training: object
    inference: float
    split: str
    n_seeds: int
    cells: dict = field(default_factory=dict)
    other_clips: str = ""


def table_rows(choices, paper, stands_for, clips=True, progress=iter):
    """All rows of all tables, in the order of tables and systems.

    Arguments
    ---------
    choices : dict
        System -> Choice, systems with finished runs.
    paper : dict
        As `read_paper` returns; empty without published figures.
    stands_for : dict
        Stream -> the published stream in whose place it is.
    clips : bool
        Whether to resample the clips of differences.
    progress : callable
        Wraps the list of rows while they are filled.

    Returns
    -------
    list of Row
    """
    rows = []
    for system, choice in choices.items():
        places = [(table_of(system), "all")]
        if table_of(system) == 5:
            some = SPLITS if system.streams else SPLITS[1:]
            places += [(7, split) for split in some]
        for table, split in places:
            training = choice.configuration.training or 1
            rows.append(
                Row(
                    table,
                    system,
                    training,
                    choice.weight,
                    split,
                    len(choice.runs),
                )
            )
    rows.sort(key=lambda row: row.table)
    audio = {s.base: s for s in choices if s.kind == "audio"}
    for row in progress(rows):
        _fill(row, choices, audio.get(row.system.base), clips)
        _put_beside(row, paper, stands_for)
    return rows


def _fill(row, choices, audio, clips):
    """Figures of a row, and their differences from sound alone."""
    choice = choices[row.system]
    values = _values(choice, row.split)
    compared, draws, other_draws = {}, {}, {}
    if row.system.streams and audio is not None:
        split = COMPARED_WITH.get(row.split, row.split)
        sides = (choice, row.split), (choices[audio], split)
        row.other_clips = _other_clips(*sides)
        if not row.other_clips:
            compared = _values(*sides[1])
            if clips:
                draws, other_draws = _paired_draws(*sides)
    for metric in METRICS:
        found = None
        if compared:
            found = difference(
                compared[metric],
                values[metric],
                other_draws.get(metric, ()),
                draws.get(metric, ()),
            )
        row.cells[metric] = Cell(values[metric], difference=found)


def _values(choice, split):
    """Metric -> figures over seeds; those that are not defined left out."""
    found = [figures_at(run, choice.weight)[0][split] for run in choice.runs]
    return {
        metric: [f[metric] for f in found if f[metric] is not None]
        for metric in METRICS
    }


def _other_clips(*sides):
    """How many clips each side has, unless all runs have the same.

    The parts with and without video may differ: a stream may lack for a
    clip that has a film.
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


def _paired_draws(*sides):
    """Metric -> list of resampled figures, of each side; of the same clips.

    Empty where there are fewer than two clips.
    """
    drawn = [
        [clip_draws(run, choice.weight, split) for run in choice.runs]
        for choice, split in sides
    ]
    if len(drawn[0][0]["clips"]) < 2:
        return {}, {}
    return tuple(
        {metric: [draws[metric] for draws in side] for metric in METRICS}
        for side in drawn
    )


def _put_beside(row, paper, stands_for):
    """The published figures of the row, if there are any."""
    streams = tuple(stands_for.get(name, name) for name in row.system.streams)
    key = (row.table, row.system.base, streams, row.system.kind, row.split)
    if key in paper:
        for metric, cell in row.cells.items():
            cell.paper = paper[key].figures[metric]
