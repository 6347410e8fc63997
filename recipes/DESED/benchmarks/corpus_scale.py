#!/usr/bin/env python3
"""What preparation, start and sampling of many clips take.

A corpus of generated rows: a table of labels of two words, and for each clip
a sound file (links to one and the same) and, for every second one, the name
of a film. Each size runs in a process of its own, which tells its processor
seconds and its peak memory. Grown ten times as large, a corpus should take
ten times as long.

> python recipes/DESED/benchmarks/corpus_scale.py --clips 1000,10000,100000

Authors
 * The speechbrain_mmsed authors, 2026
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time

import numpy as np
import soundfile
from speechbrain.dataio.dataset import DynamicItemDataset
from tqdm import tqdm

from speechbrain_mmsed.dataio.corpus.clips import read_manifest
from speechbrain_mmsed.dataio.corpus.preparation import Subset, prepare_corpus
from speechbrain_mmsed.dataio.corpus.sampler import SubsetBatchSampler

LABELS = [f"class {n}, spoken" for n in range(50)]
BATCH, STEPS = 32, 1000


def make_corpus(folder, n_clips):
    """Writes the table and as many names of sounds and films."""
    audio, films = os.path.join(folder, "audio"), os.path.join(folder, "films")
    os.mkdir(audio)
    os.mkdir(films)
    sound, film = os.path.join(folder, "a.wav"), os.path.join(folder, "a.mp4")
    soundfile.write(sound, np.zeros(1600), 16000)
    open(film, "wb").close()
    table = os.path.join(folder, "weak.tsv")
    with open(table, "w") as file:
        file.write("filename\tevent_labels\n")
        for n in tqdm(range(n_clips), "corpus", leave=False, disable=None):
            # A file has a limited number of names; copies begin new ones.
            if n and n % 30_000 == 0:
                sound = os.path.join(folder, f"{n}.wav")
                film = os.path.join(folder, f"{n}.mp4")
                soundfile.write(sound, np.zeros(1600), 16000)
                open(film, "wb").close()
            os.link(sound, os.path.join(audio, f"clip_{n:07}.wav"))
            if n % 2:
                os.link(film, os.path.join(films, f"clip_{n:07}.mp4"))
            file.write(f'clip_{n:07}.wav\t"{LABELS[n % 50]}"\n')
    return Subset("weak", audio, table, films, "tags")


def measure(n_clips):
    """Seconds of each part, and MiB at the end, of a corpus of n clips."""
    found, last = {"clips": n_clips}, time.process_time()

    def note(part):
        nonlocal last
        now = time.process_time()
        found[part], last = now - last, now

    with tempfile.TemporaryDirectory() as folder:
        subset, out = make_corpus(folder, n_clips), os.path.join(folder, "out")
        last = time.process_time()
        prepare_corpus([subset], out, LABELS, clip_seconds=0.1)
        note("prepare s")
        manifest = os.path.join(out, "manifests", "weak.json")
        dataset = DynamicItemDataset(read_manifest(manifest), [], ["id"])
        note("start s")
        sampler = SubsetBatchSampler([len(dataset)], [BATCH], STEPS, seed=1)
        for batch in sampler:
            dataset[batch[0]]
        note("sample ms")
        found["manifest MB"] = os.path.getsize(manifest) / 1e6
    found["sample ms"] *= 1000 / STEPS
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found["peak MiB"] = peak / (2**20 if sys.platform == "darwin" else 2**10)
    return found


def main(arguments):
    """Prints a table, a row for each size."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--clips", default="1000,10000,100000", metavar="N,N")
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.one:
        print("\n" + json.dumps(measure(options.one)))
        return
    rows = []
    for n in options.clips.split(","):
        command = [sys.executable, __file__, "--one", n]
        done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
        rows.append(json.loads(done.stdout.splitlines()[-1]))
        if len(rows) == 1:
            print(" | ".join(rows[0]))
        print(" | ".join(f"{value:.6g}" for value in rows[-1].values()))


if __name__ == "__main__":
    main(sys.argv[1:])
