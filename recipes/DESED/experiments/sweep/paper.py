"""The published experiment: its figures, and what another one differs in.

A table without its conditions is taken for a reproduction sooner or later, so
they stand in its title.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import re
from dataclasses import dataclass

from speechbrain_mmsed.dataio.corpus.text_tables import (
    AnnotationError,
    read_text_table,
)

METRICS = ("cbf1", "sbf1", "ebf1", "psds1", "psds2")
COLUMNS = ("table", "base", "streams", "training", "inference", "split")
ENDS = ("", "_std")
# What the paper trained and measured on (sections 3.1.1, 3.1.5, 3.2).
SEEDS = 20
STEPS = 25000
CLIPS = {"validation": 1168, "evaluation": 692}
# Table 7 has the systems of table 5 and these parts of the evaluation set.
SPLITS = ("video_available", "video_ignored", "video_unavailable")


@dataclass(frozen=True)
class PaperRow:
    """A row of a published table."""

    table: int  # 5 to 8
    training: str  # weight of the sound, or "random"
    inference: str  # weight of the sound
    figures: dict  # metric -> (mean, deviation or None), fractions


def read_paper(path):
    """Reads the transcription of the published tables.

    Arguments
    ---------
    path : str
        A csv with table, base, streams (joined by +), training, inference,
        split, and for each metric its mean and `<metric>_std`; F1 in %.

    Returns
    -------
    dict
        (table, base, streams, kind, split) -> PaperRow.
    """
    rows, figures = {}, [(m, f"{m}{end}") for m in METRICS for end in ENDS]
    columns = [*COLUMNS, *(name for _, name in figures)]
    for number, line in read_text_table(path, columns).iterrows():
        where = f"{path}, line {number}"
        base, split = line["base"], line["split"]
        table = int(_number(line["table"], where))
        streams = tuple(filter(None, line["streams"].split("+")))
        kind = "random" if line["training"] == "random" else "fixed"
        key = (table, base, streams, kind if streams else "audio", split)
        if key in rows:
            raise AnnotationError(f"{where}: {key} is there twice")
        found = dict.fromkeys(METRICS, ())
        for metric, name in figures:
            found[metric] += (_fraction(metric, line[name], where),)
        rows[key] = PaperRow(table, line["training"], line["inference"], found)
    return rows


def _fraction(metric, text, where):
    """A published figure: PSDS is a fraction, F1 in per cent."""
    if not text:
        return None
    return _number(text, where) / (1 if metric.startswith("psds") else 100)


def _number(text, where):
    """A number from 0 to 100."""
    if not re.fullmatch(r"\d+(\.\d*)?", text) or float(text) > 100:
        raise AnnotationError(
            f"{where}: {text!r} is no figure, expected 0 to 100"
        )
    return float(text)


def table_of(system):
    """The published table that a System belongs to."""
    if len(system.streams) > 1:
        return 8
    return 6 if system.kind == "random" else 5


def notes(choices, stands_for):
    """What differs from the paper's experiment; [] where nothing does.

    `choices` maps System -> Choice, at least one; `stands_for` is the plan's.
    """
    runs = [run for choice in choices.values() for run in choice.runs]
    found = []
    seeds = [len(choice.runs) for choice in choices.values()]
    if min(seeds) < SEEDS:
        found.append(f"{_range(seeds)} of {SEEDS} seeds")
    if not is_papers_corpus(choices):
        clips = " and ".join(
            f"{_range([_n_clips(run, subset) for run in runs])} of {published} "
            f"{subset} clips"
            for subset, published in CLIPS.items()
        )
        found.append(f"other clips ({clips})")
    steps = [run.report["metadata"]["training_steps"] for run in runs]
    if {*steps} != {STEPS}:
        found.append(f"{_range(steps)} training steps instead of {STEPS}")
    used = {name for system in choices for name in system.streams}
    found += [
        f"{name} in the place of {published}"
        for name, published in stands_for.items()
        if name in used
    ]
    if any(choice.n_missing for choice in choices.values()):
        found.append("weights chosen before all runs of the search were done")
    if any(system.pseudo_labels for system in choices):
        found.append("pseudo-labels of earlier networks")
    if any(run.model != "student" for run in runs):
        found.append("the teacher instead of the student")
    return found


def is_papers_corpus(choices):
    """Whether the runs were measured on as many clips as the paper's."""
    return all(
        _n_clips(run, subset) == published
        for choice in choices.values()
        for run in choice.runs
        for subset, published in CLIPS.items()
    )


def _n_clips(run, subset):
    return run.report["counts"]["subsets"][subset]["clips"]


def _range(numbers):
    """Smallest to largest."""
    low, high = min(numbers), max(numbers)
    return str(low) if low == high else f"{low} to {high}"
