"""A training that is told to end, or finds damage, as real processes."""

import os
import pathlib
import signal
import subprocess
import sys
import time

import numpy as np
import programs
import pytest
import torch

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]

ROOT = pathlib.Path(__file__).resolve().parents[2]
RECIPE = ROOT / "recipes/DESED/sound_event_detection"
SETTINGS = {
    **{"number_of_epochs": 2, "batches_per_epoch": 16, "log_interval": 1},
    **{"batch_strong": 2, "batch_weak": 2, "batch_unlabelled": 2},
    **{"n_layers": 1, "use_logmel_cache": True},
    **{"streams": "[fake]", "stream_widths": "{fake: 8}", "num_workers": 2},
    **{"inference_weights": "[0.5]", "scoring_batch_size": 4},
    **{"control_untrained": False, "control_shuffled_streams": False},
    **{"postprocessing": "median", "export": "null"},
}


def begin(corpus, folder, name, before=(), **more):
    """A training in a session of its own, in a folder of this name."""
    data, prepared = corpus
    settings = {
        **{"data_folder": data, "prepared_folder": prepared},
        **{"output_folder": folder / name},
        **{"log_mel_folder": folder / "log_mel", **SETTINGS, **more},
    }
    words = [*before, sys.executable, "train.py", "hparams/quickstart.yaml"]
    words += [f"--{key}={value}" for key, value in settings.items()]
    run = subprocess.Popen(
        [*words, "--device=cpu", "--noprogressbar"],
        cwd=RECIPE,
        env={**programs.environment(False), "OMP_NUM_THREADS": "1"},
        stdout=subprocess.DEVNULL,
        stderr=open(folder / f"{name}.err", "ab"),  # noqa: SIM115
        start_new_session=True,
    )
    run.folder, run.said = folder / name, folder / f"{name}.err"
    return run


@pytest.fixture
def start(tiny_corpus, tmp_path):
    """Starts trainings by `begin`; all are ended afterwards."""
    begun = []

    def start(name, before=(), **more):
        begun.append(begin(tiny_corpus, tmp_path, name, before, **more))
        return begun[-1]

    yield start
    for run in begun:
        if run.poll() is None:
            os.killpg(run.pid, signal.SIGKILL)
            run.wait()


@pytest.fixture(scope="module")
def whole(tiny_corpus, tmp_path_factory):
    """Folder of a training that was let be."""
    run = begin(tiny_corpus, tmp_path_factory.mktemp("whole"), "whole")
    assert run.wait() == 0, run.said.read_text()[-3000:]
    return run.folder


def logged(run):
    """What a training wrote to its log."""
    path = run.folder / "log.txt"
    return path.read_text(errors="replace") if path.is_file() else ""


def wait_for(run, text, seconds=300):
    """Waits until a training has said something."""
    end = time.time() + seconds
    while text not in logged(run):
        assert run.poll() is None, run.said.read_text()[-3000:]
        assert time.time() < end, f"no {text!r} in {seconds} s"
        time.sleep(0.02)


def checkpoints(folder):
    return sorted((folder / "save").glob("CKPT*"))


def assert_same(one, two):
    for name in ("network", "teacher"):
        states = [
            torch.load(checkpoints(f)[-1] / f"{name}.ckpt", weights_only=True)
            for f in (one, two)
        ]
        for key, value in states[0].items():
            assert torch.equal(value, states[1][key]), f"{name} {key}"


@pytest.mark.parametrize("whole_group", [False, True])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_saves_and_the_run_equals_a_whole_one(
    start, whole, number, whole_group
):
    run = start("run")
    wait_for(run, "epoch 2/2, batch 7/16")
    os.killpg(run.pid, signal.SIGSTOP)  # it must not end meanwhile
    assert start("run").wait() == 1  # and is refused, see below
    os.killpg(run.pid, signal.SIGCONT)
    begun = time.time()
    (os.killpg if whole_group else os.kill)(run.pid, number)
    assert run.wait(60) == 1
    assert time.time() - begun < 10
    said = run.said.read_text().splitlines()
    told = [line for line in said if line.startswith("train.py:")]
    assert f"is in use by process {run.pid}" in told[0]
    assert told[1].startswith(f"train.py: {signal.Signals(number).name}: A ")
    assert len(told) == 2 and "Traceback" not in "".join(said)
    assert len(checkpoints(run.folder)) == 2
    resumed = start("run")
    assert resumed.wait() == 0
    # It went on where it stopped: no batch was trained again.
    assert logged(resumed).count("epoch 2/2, batch 7/16") == 1
    assert_same(run.folder, whole)


def test_damage_is_named_and_left_out(start, tiny_corpus, tmp_path):
    first = start("run", batches_per_epoch=4)
    assert first.wait() == 0
    for path in (tmp_path / "log_mel").rglob("*.npy"):
        np.save(path, np.full_like(np.load(path), np.nan))
    last = checkpoints(first.folder)[-1] / "network.ckpt"
    last.write_bytes(last.read_bytes()[:-100])
    more = {"batches_per_epoch": 4, "number_of_epochs": 3}
    second = start("run", **more)
    assert second.wait() == 0
    said = logged(second)
    assert "network.ckpt has" in said and "is made anew" in said
    whole = start("whole", **more)
    assert whole.wait() == 0
    assert_same(first.folder, whole.folder)


def test_a_small_shared_memory_is_told_and_enough(start):
    """As of a container, a mount of its own; without workers it fits."""
    room = "mount -t tmpfs -o size=256k tmpfs /dev/shm && exec "
    before = ["unshare", "-m", "sh", "-c", room + '"$@"', "sh"]
    try:
        subprocess.run([*before, "true"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no mounts of one's own here")
    small = {"batches_per_epoch": 4, "number_of_epochs": 1}
    cramped, whole = start("cramped", before, **small), start("whole", **small)
    assert cramped.wait(200) == 0, cramped.said.read_text()[-3000:]
    assert whole.wait(200) == 0
    assert "/dev/shm has 0.3 MB free, and" in logged(cramped)
    assert_same(cramped.folder, whole.folder)
