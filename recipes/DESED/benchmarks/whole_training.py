"""Training with what surrounds the steps: files, and other trainings.

How fast batches come from a small corpus and are trained on, and how many
clips a second several processes that share a device train on together.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import collections
import concurrent.futures
import contextlib
import multiprocessing
import os
import sys
import tempfile
import time

import torch
from recipe_training import (
    MISSING,
    SUBSETS,
    OurTraining,
    load,
    make_batch,
    make_brain,
    place,
    recipe_hparams,
    use_tf32,
)

from speechbrain_mmsed.dataio.corpus.clips import read_manifest
from speechbrain_mmsed.dataio.streams.store import StreamStore

NETWORK = "transformer:2"


def loader_rates(batch, device, n_batches, more=""):
    """Clips per second of a bi-encoder's training from files.

    Arguments
    ---------
    batch : list of int
        Clips of each of SUBSETS.
    device : str
        Where to train.
    n_batches : int
        Batches to train on; four times as many are only loaded. The first
        quarter is not counted.
    more : str
        Further lines of yaml.

    Returns
    -------
    dict
        "waveform" and "log_mel" -> [rate of the loader alone, rate of
        training with it]: sound files, or their cached features.
    """
    train = load("sound_event_detection/train.py")
    counts = {s: 2 * n for s, n in zip(SUBSETS, batch, strict=True)}
    rates = {}
    # The first epoch fills the caches, the second only loads.
    settings = {"batches_per_epoch": 4 * n_batches, "number_of_epochs": 3}
    with tempfile.TemporaryDirectory() as folder:
        load("builtin_corpus.py").make_builtin_corpus(
            f"{folder}/data",
            {**counts, "validation": 2, "evaluation": 2},
            missing_video=1.0,
            progress=False,
        )
        for sound in ("waveform", "log_mel"):
            cached = sound == "log_mel"
            hparams = recipe_hparams(
                NETWORK,
                batch,
                folder,
                more,
                use_logmel_cache=cached,
                **settings,
            )
            rates[sound] = _run(train, hparams, device, n_batches)
    return rates


def _run(train, hparams, device, n_batches):
    """Clips per second of the second and the third epoch."""
    # What it says of the corpus does not belong in a table.
    with contextlib.redirect_stdout(sys.stderr):
        train.prepare(hparams)
    _write_streams(hparams)
    datasets = train.dataio_prep(hparams, train.open_stores(hparams))
    brain = make_brain(
        _timed(train.SoundEventBrain), hparams, {"device": device}
    )
    brain.clock = collections.defaultdict(list)
    brain.optimizer_step_limit = n_batches
    train.train(brain, hparams, datasets)
    rates = []
    for epoch in (2, 3):
        times = brain.clock[epoch]
        # Workers have their first batches ready at the same time.
        times = times[len(times) // 4 :]
        clips = sum(hparams["batch_sizes"]) * (len(times) - 1)
        rates.append(clips / (times[-1] - times[0]))
    return rates


def _timed(kind):
    """A Brain class that trains in the third epoch, and notes the time."""

    class Timed(kind):
        """`clock` has the times of each epoch; validation is left out."""

        def fit_batch(self, batch):
            """Train, or only take the batch."""
            trains = self.epoch == 3
            loss = super().fit_batch(batch) if trains else torch.tensor(0.0)
            self.clock[self.epoch].append(time.perf_counter())
            return loss

        def evaluate_batch(self, batch, stage):
            """Nothing."""
            return torch.tensor(0.0)

    return Timed


def _write_streams(hparams):
    """Random features for the clips of a corpus that is made without films."""
    rng = torch.Generator().manual_seed(1)
    for name in hparams["streams"]:
        width, n_frames = hparams["stream_widths"][name], hparams["n_frames"]
        store = StreamStore(hparams["streams_folder"], name)
        if os.path.exists(store.folder):
            continue
        description = {
            "kind": "film",
            "network": "random numbers",
            "weights_sha256": "",
            "preprocessing": {},
            "width": width,
            "n_frames": n_frames,
            "clip_seconds": hparams["clip_seconds"],
        }
        store.begin(description)
        for subset, manifest in hparams["manifests"].items():
            for clip_id in read_manifest(manifest):
                lucky = torch.rand((), generator=rng).item() >= MISSING
                if lucky and subset != "strong":
                    features = torch.randn(n_frames, width, generator=rng)
                    store.write(clip_id, features.numpy(), 10.0)
                else:
                    store.mark_unavailable(clip_id, "absent")
        store.finish()


def processes_rate(n_processes, batch, device, seconds, more=""):
    """Clips per second of several trainings at once on one device.

    Arguments
    ---------
    n_processes : int
        Number of them, each a bi-encoder in float32.
    batch : list of int
        Clips of each of SUBSETS.
    device : str
        Where all of them train.
    seconds : float
        For how long, once all have begun.
    more : str
        Further lines of yaml.

    Returns
    -------
    float
        The sum over the processes.
    """
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(n_processes)
    with concurrent.futures.ProcessPoolExecutor(
        n_processes, context, _share, (barrier,)
    ) as pool:
        tf32 = torch.backends.cuda.matmul.allow_tf32
        arguments = batch, device, seconds, more, tf32
        jobs = [pool.submit(_train, *arguments) for _ in range(n_processes)]
        return sum(job.result() for job in jobs)


def _share(barrier):
    """Gives a process what all of them wait at."""
    global _barrier
    _barrier = barrier


def _train(batch, device, seconds, more, tf32):
    """Trains for some seconds together with others; clips per second."""
    use_tf32(tf32)
    try:
        with tempfile.TemporaryDirectory() as folder:
            hparams = recipe_hparams(NETWORK, batch, folder, more)
            training = OurTraining(hparams, device, "fp32")
            data = place(make_batch(hparams, seed=1), device)
            for _ in range(2):
                training.step(data)
            # Patient: others may still load their libraries.
            _barrier.wait(timeout=300)
            begin, steps = time.perf_counter(), 0
            while time.perf_counter() - begin < seconds:
                training.step(data)
                steps += 1
            return sum(batch) * steps / (time.perf_counter() - begin)
    except BaseException:
        _barrier.abort()
        raise
