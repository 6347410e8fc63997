#!/usr/bin/env python3
"""The main job on the built-in corpus: corpus, streams, training, report.

Runs the recipe's own programs one after another and prints how long each
took. Everything can be interrupted and started again.

> python recipes/DESED/quickstart.py --output_folder results/quickstart

Authors
 * The speechbrain_mmsed authors, 2026
"""

import argparse
import pathlib
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
RECIPE = HERE / "sound_event_detection"


def steps(output, seed):
    """The programs of the main job, in order.

    Arguments
    ---------
    output : pathlib.Path
        Folder of everything that is written.
    seed : int
        Seed of the corpus and of training.

    Returns
    -------
    dict
        title -> command.
    """
    data, prepared = output / "corpus", output / "prepared"
    folders = ["--data_folder", str(data), "--prepared_folder", str(prepared)]
    return {
        "corpus": [
            str(HERE / "builtin_corpus.py"),
            *("--out", str(data), "--seed", str(seed)),
        ],
        "streams": [
            str(HERE / "extract_visual.py"),
            str(HERE / "hparams" / "extract.yaml"),
            *folders,
            *("--image_size", "96"),
        ],
        "training, scores and report": [
            str(RECIPE / "train.py"),
            str(RECIPE / "hparams" / "quickstart.yaml"),
            *folders,
            *("--output_folder", str(output / "run")),
            *("--seed", str(seed), "--device", "cpu"),
        ],
    }


def main():
    """Runs the steps and prints the split of the time."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--output_folder", default="results/quickstart")
    parser.add_argument("--seed", type=int, default=1986)
    args = parser.parse_args()
    output = pathlib.Path(args.output_folder).resolve()
    split = {}
    for title, command in steps(output, args.seed).items():
        print(f"\n== {title}: python {' '.join(command)}", flush=True)
        start = time.time()
        done = subprocess.run([sys.executable, *command])
        if done.returncode:
            sys.exit(f"{title} failed, see above; run again to go on.")
        split[title] = time.time() - start
    print("\n== time")
    for title, seconds in split.items():
        print(f"{title:30s} {seconds:6.1f} s")
    print(f"{'all':30s} {sum(split.values()):6.1f} s")
    print(f"Report: {output / 'run' / 'report.md'}")


if __name__ == "__main__":
    main()
