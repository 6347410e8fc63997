#!/usr/bin/env python3
"""Makes 40 recordings and a table, to try the recipe with.

> python make_example.py --out example

Three kinds of sound that a small network tells apart, over faint noise, in
recordings of 5 to 14 s at 16 kHz.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import argparse
import pathlib

import numpy as np
import pandas as pd
import soundfile
from synthetic import SAMPLE_RATE, mix_sounds
from synthetic_clips import plan_clips

from speechbrain_mmsed.dataio.corpus.tables import EVENT_COLUMNS, write_table

# Label -> number of its kind of sound
KINDS = {"doorbell": 0, "mixer": 1, "cat": 2}


def make_example(folder, n_recordings=40, seed=1):
    """Writes `recordings/` and `events.tsv`; returns their paths."""
    rng = np.random.default_rng(seed)
    sounds, table = folder / "recordings", folder / "events.tsv"
    sounds.mkdir(parents=True, exist_ok=True)
    plans = plan_clips(
        n_recordings, list(KINDS), rng, short=0.5, clip_seconds=14.0
    )
    rows = []
    for number, plan in enumerate(plans):
        events = [(a, b, KINDS[label]) for a, b, label in plan.events]
        sound = mix_sounds(events, round(plan.duration * SAMPLE_RATE), rng)
        name = f"recording_{number:02d}.wav"
        soundfile.write(sounds / name, sound, SAMPLE_RATE)
        rows += [(name, *event) for event in plan.events]
    write_table(pd.DataFrame(rows, columns=EVENT_COLUMNS), table)
    return sounds, table


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", default="example", type=pathlib.Path)
    sounds, table = make_example(parser.parse_args().out)
    print(f"recordings: {sounds}\ntable: {table}")
