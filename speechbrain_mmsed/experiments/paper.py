"""The published figures, to stand beside those of an experiment.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import csv
from dataclasses import dataclass

METRICS = ("cbf1", "sbf1", "ebf1", "psds1", "psds2")
# What the paper trained and measured on (sections 3.1.1, 3.1.5, 3.2).
SEEDS = 20
STEPS = 25000
CLIPS = {"validation": 1168, "evaluation": 692}
# Table 7 has the systems of table 5 and these parts of the evaluation set.
SPLITS = ("video_available", "video_ignored", "video_unavailable")


@dataclass(frozen=True)
class PaperRow:
    """A row of a published table.

    Arguments
    ---------
    table : int
        5 to 8.
    base : str
        Base model.
    streams : tuple of str
        Streams beside the sound.
    training : str
        Weight of the sound in training, or "random".
    inference : str
        Weight of the sound in scoring.
    split : str
        Part of the evaluation set.
    figures : dict
        Metric -> (mean, deviation or None), fractions.
    """

    table: int
    base: str
    streams: tuple
    training: str
    inference: str
    split: str
    figures: dict

    @property
    def kind(self):
        """audio, fixed or random."""
        if not self.streams:
            return "audio"
        return "random" if self.training == "random" else "fixed"


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

    Raises
    ------
    ValueError
        If two rows are of the same system and split.
    """
    rows = {}
    with open(path, newline="", encoding="utf-8") as file:
        for number, line in enumerate(csv.DictReader(file), 2):
            figures = {
                metric: (
                    _fraction(metric, line[metric]),
                    _fraction(metric, line[f"{metric}_std"]),
                )
                for metric in METRICS
            }
            row = PaperRow(
                int(line["table"]),
                line["base"],
                tuple(line["streams"].split("+")) if line["streams"] else (),
                line["training"],
                line["inference"],
                line["split"],
                figures,
            )
            key = (row.table, row.base, row.streams, row.kind, row.split)
            if key in rows:
                raise ValueError(f"{path}: line {number} is there twice: {key}")
            rows[key] = row
    return rows


def table_of(system):
    """The published table that a system belongs to.

    Arguments
    ---------
    system : System
        A system of a plan.

    Returns
    -------
    int
        8 for several streams beside the sound, 6 for one with random
        weights, 5 for the rest.
    """
    if len(system.streams) > 1:
        return 8
    return 6 if system.kind == "random" else 5


def _fraction(metric, text):
    if not text:
        return None
    # PSDS is published as a fraction, F1 in per cent.
    return float(text) / (1 if metric.startswith("psds") else 100)
