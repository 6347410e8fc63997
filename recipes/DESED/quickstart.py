#!/usr/bin/env python3
"""The main job on the built-in corpus: corpus, streams, training, report.

Runs the recipe's own programs one after another and prints how long each
took. Everything can be interrupted and started again.

> python recipes/DESED/quickstart.py --output_folder results/quickstart

Authors
 * The speechbrain_mmsed authors, 2026
"""

import argparse
import json
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


def summary(report):
    """What the built-in corpus is made to show, in a few lines.

    Arguments
    ---------
    report : dict
        Content of report.json.

    Returns
    -------
    list of str
        Lines.
    """

    def percent(group, model, split, metric):
        figure = report["class_groups"][group]["metrics"][model][split][metric]
        return "   -" if figure is None else f"{100 * figure:5.1f}"

    eight = ("eight_classes", "all")
    pair, seen = "same_sound_pair", "video_available"
    rows = [
        ("Eight classes that differ in sound", "CBF1", "EBF1"),
        *(
            (
                f"  {model}",
                percent(eight[0], model, eight[1], "cbf1"),
                percent(eight[0], model, eight[1], "ebf1"),
            )
            for model in ("student", "teacher", "untrained")
        ),
        ("Two classes that only the film tells apart", "CBF1", ""),
        ("  with video", percent(pair, "student", seen, "cbf1"), ""),
        (
            "  the same clips, video ignored",
            percent(pair, "student", "video_ignored", "cbf1"),
            "",
        ),
        (
            "  the same clips, other clips' video",
            percent(pair, "shuffled_streams", seen, "cbf1"),
            "",
        ),
    ]
    return [f"{name:44s} {a:>6s} {b:>6s}" for name, a, b in rows]


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
    report = json.loads((output / "run" / "report.json").read_text())
    print("\n== in short (student's evaluation figures in %)")
    print("\n".join(summary(report)))
    # What the last program spent before and after training is mostly
    # start-up, scoring and the report.
    whole = split.pop("training, scores and report")
    split["training"] = report["metadata"]["training_seconds"]
    split["start-up, scores and report"] = whole - split["training"]
    print("\n== time")
    for title, seconds in split.items():
        print(f"{title:30s} {seconds:6.1f} s")
    print(f"{'all':30s} {sum(split.values()):6.1f} s")
    print(f"Report: {output / 'run' / 'report.md'}")


if __name__ == "__main__":
    main()
