#!/usr/bin/env python3
"""The main job on the built-in corpus: corpus, streams, training, report.

Runs the recipe's own programs one after another and prints how long each
took. Everything can be interrupted and started again. What it leaves behind
is also a detector: `mmsed detect film.mp4 --model results/quickstart/run`.

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

from speechbrain_mmsed.files import run_program

HERE = pathlib.Path(__file__).resolve().parent
RECIPE = HERE / "sound_event_detection"


# Enough to see that every step works; the figures mean nothing.
TINY = {
    "corpus": "--strong 8 --weak 8 --unlabelled 4 --validation 6 "
    "--evaluation 6",
    "streams": "--image_size 32",
    "training": "--number_of_epochs 1 --batches_per_epoch 4 --batch_strong 2 "
    "--batch_weak 2 --batch_unlabelled 1 --control_untrained False "
    "--control_shuffled_streams False --class_groups null "
    "--inference_weights [0.5] --postprocessing median",
}


def steps(output, seed, tiny=False):
    """The programs of the main job, in order.

    Arguments
    ---------
    output : pathlib.Path
        Folder of everything that is written.
    seed : int
        Seed of the corpus and of training.
    tiny : bool
        Whether everything is made as small as it can be.

    Returns
    -------
    dict
        title -> command.
    """
    data, prepared = output / "corpus", output / "prepared"
    folders = ["--data_folder", str(data), "--prepared_folder", str(prepared)]
    more = {step: text.split() if tiny else [] for step, text in TINY.items()}
    return {
        "corpus": [
            str(HERE / "builtin_corpus.py"),
            *("--out", str(data), "--seed", str(seed)),
            *more["corpus"],
        ],
        "streams": [
            str(HERE / "extract_streams.py"),
            str(HERE / "hparams" / "extract.yaml"),
            *folders,
            *(more["streams"] or ("--image_size", "96")),
        ],
        "training, scores and report": [
            str(RECIPE / "train.py"),
            str(RECIPE / "hparams" / "quickstart.yaml"),
            *folders,
            *("--output_folder", str(output / "run")),
            *("--seed", str(seed), "--device", "cpu"),
            *more["training"],
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
    parser.add_argument(
        "--tiny",
        action="store_true",
        help="only see that every step works; the figures mean nothing",
    )
    args = parser.parse_args()
    output = pathlib.Path(args.output_folder).resolve()
    split = {}
    for title, command in steps(output, args.seed, args.tiny).items():
        print(f"\n== {title}: python {' '.join(command)}", flush=True)
        start = time.time()
        done = subprocess.run([sys.executable, *command])
        if done.returncode:
            sys.exit(f"{title} failed, see above; run again to continue.")
        split[title] = time.time() - start
    report = json.loads((output / "run" / "report.json").read_text())
    if not args.tiny:
        print("\n== in short (student's evaluation figures in %)")
        print("\n".join(summary(report)))
    # What the last program spent before and after training is mostly
    # start-up, scoring and the report.
    trained = report["metadata"]["training_seconds"]
    if trained < split["training, scores and report"]:
        whole = split.pop("training, scores and report")
        split["training"] = trained
        split["start-up, scores and report"] = whole - trained
    # Otherwise an earlier call trained, and this one went on from there.
    print("\n== time")
    for title, seconds in split.items():
        print(f"{title:30s} {seconds:6.1f} s")
    print(f"{'all':30s} {sum(split.values()):6.1f} s")
    print(f"Report: {output / 'run' / 'report.html'}")
    print(f"Detector: {output / 'run' / 'detector'}")
    print(
        "It knows the built-in corpus' sounds. Events of a film of yours, and "
        "a page to look at them:\n"
        f"mmsed detect film.mp4 --model {output / 'run'}\n"
        f"mmsed detect film.mp4 --model {output / 'run'} --out events "
        "--format html"
    )


if __name__ == "__main__":
    run_program("quickstart.py", main)
