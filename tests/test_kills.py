"""Every program is killed at random moments; resumed, nothing has changed.

`MMSED_KILLS=20 pytest -m faults tests/test_kills.py` kills each twenty times.
"""

import hashlib
import json
import os
import pathlib
import random
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import torch

pytestmark = [pytest.mark.faults, pytest.mark.timeout(3600)]

ROOT = pathlib.Path(__file__).resolve().parents[1]
DESED = ROOT / "recipes/DESED"
TRAINING = DESED / "sound_event_detection"
KILLS = int(os.environ.get("MMSED_KILLS", 1))
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
    "streams": "[efficientnet_lite0]",
    "stream_widths": "{efficientnet_lite0: 1280}",
}
# What tells when and where something was made, and nothing else.
VOLATILE = {"seconds", "training_seconds"}


class Program:
    """A command with a place for its output, and what it must leave."""

    def __init__(self, words, result):
        self.words, self.result, self.env = words, result, {**os.environ}
        self.env["PYTHONPATH"] = str(ROOT)

    def start(self, out):
        words = [sys.executable, *(word.format(out=out) for word in self.words)]
        return subprocess.Popen(
            words,
            env=self.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def finish(self, out):
        """Runs to the end; what it left, and the seconds it took."""
        begun, process = time.monotonic(), self.start(out)
        said = process.communicate()[0].decode(errors="replace")
        assert process.returncode == 0, said[-2000:]
        found = {
            str(path.relative_to(out)): content(path)
            for pattern in self.result
            for path in sorted(out.glob(pattern))
            if path.is_file()
        }
        assert found
        return found, time.monotonic() - begun


def content(path):
    """What a file holds, less when and where it was made."""
    if path.suffix == ".npz":
        with np.load(path, allow_pickle=False) as arrays:
            return {name: arrays[name].tobytes() for name in arrays.files}
    if path.suffix == ".ckpt":
        state = torch.load(path, weights_only=True)
        return {
            name: values.numpy().tobytes() for name, values in state.items()
        }
    if path.suffix == ".json":
        return _stable(json.loads(path.read_text()))
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _stable(node):
    if isinstance(node, dict):
        return {k: _stable(v) for k, v in node.items() if k not in VOLATILE}
    return [_stable(v) for v in node] if isinstance(node, list) else node


def assert_kills_change_nothing(program, folder, seed):
    """Killed at random moments of a run, then run to its end."""
    expected, seconds = program.finish(folder / "whole")
    rng = random.Random(seed)
    for number in range(KILLS):
        out = folder / f"killed_{number}"
        process = program.start(out)
        try:
            process.communicate(timeout=rng.uniform(0.1, 0.98) * seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        found, _ = program.finish(out)
        assert found.keys() == expected.keys()
        for name, held in expected.items():
            assert found[name] == held, name


@pytest.fixture(scope="module")
def corpus(tiny_corpus, tmp_path_factory):
    """The sounds and films, and streams extracted from them."""
    prepared = tmp_path_factory.mktemp("kills") / "prepared"
    Program(extraction(tiny_corpus[0]), ["streams/*/stream.json"]).finish(
        prepared
    )
    return tiny_corpus[0], prepared


def extraction(data):
    """The command that prepares and extracts."""
    return [
        str(DESED / "extract_streams.py"),
        str(DESED / "hparams/extract.yaml"),
        *("--data_folder", str(data)),
        *("--prepared_folder", "{out}", "--streams", "[efficientnet_lite0]"),
    ]


@pytest.fixture(scope="module")
def trained(corpus, tmp_path_factory):
    """A run of the training."""
    out = tmp_path_factory.mktemp("trained") / "run"
    Program(training(*corpus), ["report.json"]).finish(out)
    return out


def training(data, prepared):
    """The command that trains, scores, reports and exports."""
    settings = {"data_folder": data, "prepared_folder": prepared, **SETTINGS}
    options = [str(word) for pair in settings.items() for word in pair]
    options[::2] = [f"--{name}" for name in options[::2]]
    # Braces of a yaml are no places.
    options = [word.replace("{", "{{").replace("}", "}}") for word in options]
    return [
        *(
            str(TRAINING / "train.py"),
            str(TRAINING / "hparams/quickstart.yaml"),
        ),
        *("--device", "cpu", "--noprogressbar", "--output_folder", "{out}"),
        *options,
    ]


def test_preparation_and_extraction(tiny_corpus, tmp_path):
    program = Program(
        extraction(tiny_corpus[0]),
        ["manifests/*", "ground_truth/*", "streams/*/**/*.npy"],
    )
    assert_kills_change_nothing(program, tmp_path, 1)


def test_training_scores_report_and_export(corpus, tmp_path):
    patterns = ["scores/**/*.npz", "report.json", "detector/*", "counts_*.npz"]
    program = Program(training(*corpus), patterns)
    assert_kills_change_nothing(program, tmp_path, 2)


def test_detection_of_a_folder(corpus, trained, tmp_path):
    words = ["-m", "speechbrain_mmsed.cli", "detect"]
    words += [str(corpus[0] / "audio/validation"), "--model", str(trained)]
    words += ["--out", "{out}", "--format", "tsv,json,html,audacity"]
    program = Program(words, ["**/*.tsv", "**/*.html", "**/*.txt"])
    assert_kills_change_nothing(program, tmp_path, 3)


def test_evaluation_of_scores(corpus, trained, tmp_path):
    truth = corpus[1] / "ground_truth"
    words = ["-m", "speechbrain_mmsed.cli", "evaluate", "--intervals"]
    scores = trained / "scores/student/evaluation"
    words += ["--predictions", str(next(scores.glob("*.npz")))]
    words += ["--ground-truth", str(truth / "evaluation.tsv")]
    words += ["--durations", str(truth / "evaluation_durations.tsv")]
    words += ["--out", "{out}", "--no-pictures"]
    program = Program(words, ["report.json", "counts_*.npz"])
    assert_kills_change_nothing(program, tmp_path, 4)
