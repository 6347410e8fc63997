"""Every program of the project as a small command, and what it must leave."""

import functools
import hashlib
import json
import os
import pathlib
import select
import shutil
import signal
import subprocess
import sys
import time

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[1]
DESED = ROOT / "recipes/DESED"
TRAINING = DESED / "sound_event_detection"
# Small in every respect, but with each part of a training.
SETTINGS = {
    "number_of_epochs": 3,
    "batches_per_epoch": 3,
    "batch_strong": 2,
    "batch_weak": 2,
    "batch_unlabelled": 2,
    "num_workers": 0,
    "n_layers": 1,
    "control_untrained": False,
    "control_shuffled_streams": False,
    "inference_weights": "[0.5, 1.0]",
    "class_groups": "null",
}
STREAM = {
    "streams": "[efficientnet_lite0]",
    "stream_widths": "{efficientnet_lite0: 1280}",
}
PLAN = f"""
title: Tiny
program: {TRAINING}/train.py
labeller: {TRAINING}/pseudo_labels.py
base_models: {{quick: {TRAINING}/hparams/quickstart.yaml}}
paper_figures: {DESED}/experiments/paper_figures.csv
seeds: 1
devices: [cpu]
systems:
  first: {{base: quick}}
  second: {{base: quick, pseudo_labels: first}}
budget:
"""
# What tells when and where something was made, and nothing else.
VOLATILE = {"seconds", "training_seconds"}


class Program:
    """A command with a place for its output, and what it must leave there.

    `result` are patterns of files that equal those of a run which nothing
    disturbed; those of `interim` only do so when the program has ended.
    Pictures, which take most of the time of some, are left out or not. The
    folder `begun` is what is there at first.
    """

    def __init__(self, words, result, interim=(), pictures=False, begun=None):
        self.words = [str(word) for word in words]
        self.result, self.interim = [*result, *interim], interim
        self.pictures, self.begun = pictures, begun

    def command(self, out):
        """Its words behind the interpreter."""
        return [word.replace("OUT", str(out)) for word in self.words]

    def run(self, out, last=0, seconds=None):
        """Runs it, to its change `last` or for some seconds; how it ended.

        The exit code, below 0 if it was killed; how many changes it made to
        files; and the seconds it took.
        """
        server, begun = _server(self.pictures), time.monotonic()
        said = pathlib.Path(f"{out}.said")
        if self.begun and not out.exists():
            shutil.copytree(self.begun, out)
        asked = {"words": self.command(out), "said": str(said), "last": last}
        asked["folder"] = str(out.parent)
        print(json.dumps(asked), file=server.stdin, flush=True)
        number = int(server.stdout.readline())
        # Its second answer is that the program has ended.
        if not select.select([server.stdout], [], [], seconds)[0]:
            os.killpg(number, signal.SIGKILL)
        code = int(server.stdout.readline())
        took, changes = time.monotonic() - begun, f"{said}.changes"
        count = int(pathlib.Path(changes).read_text()) if code >= 0 else None
        return code, count, took

    def finish(self, out):
        """Runs to the end; what it left, changes of files, and seconds."""
        code, changes, seconds = self.run(out)
        assert code == 0, pathlib.Path(f"{out}.said").read_text()[-2000:]
        return self.found(out), changes, seconds

    def found(self, out, made_in=None):
        """Name of each file that matters -> what it holds."""
        paths = (p for one in self.result for p in pathlib.Path(out).glob(one))
        named = ((str(p.relative_to(out)), p) for p in paths if p.is_file())
        # Hidden ones are those that a kill left half written.
        return {
            name: content(path, str(made_in or out))
            for name, path in named
            if not any(part.startswith(".") for part in name.split("/"))
        }

    def is_interim(self, name):
        """Whether a file may differ until the program has ended."""
        patterns = self.interim
        return any(pathlib.PurePath(name).match(one) for one in patterns)


def session_of(pid):
    """Session of a process that runs; one that nobody asked after does not."""
    try:
        stat = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    state, _, _, session, *_ = stat.rsplit(")", 1)[1].split()
    return None if state == "Z" else int(session)


def is_alive(pid):
    """Whether a process runs."""
    return session_of(pid) is not None


def environment(pictures):
    """Variables of a program with the package on its path."""
    paths = [ROOT, ROOT / "tests", ROOT / "tests/without_pictures"]
    paths = os.pathsep.join(map(str, paths[: 2 if pictures else 3]))
    return {**os.environ, "PYTHONPATH": paths}


@functools.cache
def _server(pictures):
    """A process of `warm`, with or without pictures."""
    server = subprocess.Popen(
        [sys.executable, ROOT / "tests/warm.py"],
        env=environment(pictures),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert server.stdout.readline() == "ready\n"
    return server


def content(path, out):
    """What a file holds, less when, and in which folder, it was made."""
    if path.suffix == ".npz":
        with np.load(path, allow_pickle=False) as arrays:
            return {name: arrays[name].tobytes() for name in arrays.files}
    if path.suffix == ".ckpt":
        import torch

        state = torch.load(path, weights_only=True)
        return {
            name: values.numpy().tobytes() for name, values in state.items()
        }
    if path.suffix == ".json":
        return _stable(json.loads(path.read_text().replace(out, "OUT")))
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _stable(node):
    if isinstance(node, dict):
        return {k: _stable(v) for k, v in node.items() if k not in VOLATILE}
    return [_stable(v) for v in node] if isinstance(node, list) else node


def options(settings):
    """Words of a command line."""
    words = ((f"--{name}", str(value)) for name, value in settings.items())
    return [word for pair in words for word in pair]


def corpus():
    """Makes the built-in corpus."""
    sizes = {"strong": 2, "weak": 3, "unlabelled": 2}
    sizes |= {"validation": 2, "evaluation": 2}
    words = [DESED / "builtin_corpus.py", "--out", "OUT", *options(sizes)]
    return Program(words, ["**/*.wav", "**/*.tsv", "**/*.mp4", "*.json"])


def extraction(data):
    """Prepares and extracts."""
    given = {"data_folder": data, "prepared_folder": "OUT"}
    given["streams"] = STREAM["streams"]
    words = [DESED / "extract_streams.py", DESED / "hparams/extract.yaml"]
    return Program(
        [*words, *options(given)],
        ["manifests/*", "ground_truth/*", "streams/*/**/*.npy"],
    )


def training(data, prepared, begun=None):
    """Trains, scores, reports and exports; from a folder with checkpoints."""
    given = {"data_folder": data, "prepared_folder": prepared}
    given |= {"output_folder": "OUT", "device": "cpu", **SETTINGS, **STREAM}
    words = [TRAINING / "train.py", TRAINING / "hparams/quickstart.yaml"]
    return Program(
        [*words, "--noprogressbar", *options(given)],
        ["scores/**/*.npz", "report.json", "counts_*.npz"],
        # The first detector has other thresholds.
        ["detector/*"],
        begun=begun,
    )


def pseudo_labels(run):
    """Scores the unlabelled clips by the network of a training."""
    words = [TRAINING / "pseudo_labels.py", run, "--out", "OUT"]
    return Program(words, ["*.npz", "source.json"])


def experiment(data, prepared, plan):
    """Two trainings of sound, the second by pseudo-labels, and tables."""
    budget = {"data_folder": data, "prepared_folder": prepared, **SETTINGS}
    budget |= {"number_of_epochs": 1, "export": "null"}
    budget |= {"postprocessing": "median"}
    lines = [f"  {name}: {value}\n" for name, value in budget.items()]
    plan.write_text(PLAN + "".join(lines))
    words = [DESED / "experiments/run.py", plan, "--folder", "OUT"]
    runs = ["report.json", "scores/**/*.npz", "counts_*.npz"]
    return Program(
        words,
        [*(f"runs/*/*/{name}" for name in runs), "pseudo_labels/*/*.npz"],
        ["tables/*"],
    )


def detection(data, run):
    """Detects in a folder of recordings."""
    words = ["-m", "speechbrain_mmsed.cli", "detect", "--model", run]
    words += [data / "audio/validation", "--out", "OUT", "--plot"]
    words += ["--cut", "OUT/cut", "--format", "tsv,json,html,audacity"]
    kinds = ("tsv", "html", "txt", "png", "wav")
    return Program(words, [f"**/*.{kind}" for kind in kinds], pictures=True)


def evaluation(prepared, run):
    """Evaluates stored scores."""
    truth = prepared / "ground_truth"
    given = {
        "predictions": next((run / "scores/student/evaluation").glob("*.npz")),
        "ground-truth": truth / "evaluation.tsv",
        "durations": truth / "evaluation_durations.tsv",
        "out": "OUT",
    }
    words = ["-m", "speechbrain_mmsed.cli", "evaluate", "--intervals"]
    return Program(
        [*words, *options(given)],
        ["report.json", "counts_*.npz", "*.png"],
        pictures=True,
    )


def ensemble(run, copy):
    """Averages and evaluates two runs."""
    words = ["-m", "speechbrain_mmsed.cli", "ensemble", run, copy]
    return Program(
        [*words, "--out", "OUT"],
        ["scores/**/*.npz", "**/report.json", "*.json", "detector/**/*.ckpt"],
    )
