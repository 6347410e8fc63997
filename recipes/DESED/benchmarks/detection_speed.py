#!/usr/bin/env python3
"""How fast the detector is beside a plain loop, and where time goes.

The paper's transformer (3.1 million parameters for sound only) with random
weights, which cost as much as trained ones. Sound is noise in 16-bit wav
files. Everything that a user waits for is measured: opening and decoding
files, windows, log-mel, network, post-processing; loading the detector is
not, since it happens once. The plain loop reads a clip, computes its log-mel
and scores it alone, with the same network. All are run in turns, and medians
are printed. The processors' seconds tell what an otherwise idle machine would
need: divide them by its number of cores.

> python recipes/DESED/benchmarks/detection_speed.py
> python recipes/DESED/benchmarks/detection_speed.py --clips 16 --minutes 2

Authors
 * The speechbrain_mmsed authors, 2026
"""

import argparse
import os
import pathlib
import statistics
import tempfile
import time

import numpy as np
import soundfile
import torch

from speechbrain_mmsed.dataio.corpus.clips import clip_waveform
from speechbrain_mmsed.dataio.streams.store import StreamStore
from speechbrain_mmsed.inference import SoundEventDetector
from speechbrain_mmsed.inference.export import export_detector
from speechbrain_mmsed.inference.reading import End, read_windows
from speechbrain_mmsed.inference.streams import RecordingStreams
from speechbrain_mmsed.training.hparams import read_hparams

HPARAMS = (
    pathlib.Path(__file__).resolve().parents[1]
    / "sound_event_detection"
    / "hparams"
    / "transformer.yaml"
)
STREAM = "openl3"
RATE = 16000


def random_detector(folder, streams):
    """Exports the yaml's network as it is initialised, and loads it."""
    hparams, resolved = read_hparams(
        str(HPARAMS),
        f"{{data_folder: none, output_folder: {folder}, streams: {streams}}}",
    )
    labels = list(hparams["class_labels"])
    values = {
        "labels": labels,
        "thresholds": [0.5] * len(labels),
        "windows": [7] * len(labels),
        "tuned": [False] * len(labels),
    }
    description = {
        "network": "made up",
        "weights_sha256": None,
        "preprocessing": "none",
        "width": hparams["stream_widths"][STREAM],
        "n_frames": hparams["n_frames"],
        "clip_seconds": hparams["clip_seconds"],
    }
    report = {
        "class_labels": labels,
        "inference_weight": {"student": 0.5},
        "tuned_parameters": {"student": {"ebf1": values}},
        "metrics": {"student": {}},
        "counts": {"subsets": {}},
        "libraries": {"torch": torch.__version__},
        "metadata": {},
    }
    exported = export_detector(
        pathlib.Path(folder) / "detector",
        resolved,
        hparams["frontend"],
        {"student": hparams["network"]},
        dict.fromkeys(streams, description),
        report,
    )
    return SoundEventDetector.from_hparams(
        source=exported, run_opts={"device": "cpu"}
    )


def write_noise(path, seconds, seed):
    """A wav file of noise whose level changes."""
    rng = np.random.default_rng(seed)
    with soundfile.SoundFile(path, "w", RATE, 1, "PCM_16") as file:
        for _ in range(round(seconds)):
            sound = rng.uniform(-1, 1, RATE) * rng.uniform(0.01, 0.9)
            file.write(sound.astype(np.float32))
    return str(path)


@torch.no_grad()
def plain_loop(detector, paths):
    """Clip by clip: read, log-mel, network, events."""
    frontend, network = detector.mods.frontend, detector.mods.network
    for path in paths:
        waveform = clip_waveform(path, frontend)
        clip, frame = network(frontend(waveform[None]))
        scores = detector.make_scores(
            path, frame[0].sigmoid().numpy(), clip[0].sigmoid().numpy(), 10, {}
        )
        detector.detection(scores)


def folder(detector, paths, features=None):
    """All files of a folder, with stored features or without."""
    for _, detection in detector.detect_files(
        paths, progress=False, features=features
    ):
        if isinstance(detection, Exception):
            raise detection


def stages(detector, path):
    """Processor seconds of decoding, log-mel and network for one file."""
    begin = time.process_time()
    streams = RecordingStreams(detector.setup)
    items = read_windows(path, detector.new_cutter(), streams)
    waveforms = [i[0].waveform for i in items if not isinstance(i, End)]
    spent = {"decoding and windows": time.process_time() - begin}
    with torch.inference_mode():
        log_mels, begin = [], time.process_time()
        for at in range(0, len(waveforms), 8):
            batch = torch.from_numpy(np.stack(waveforms[at : at + 8]))
            log_mels.append(detector.mods.frontend(batch))
        spent["log-mel"] = time.process_time() - begin
        begin = time.process_time()
        for log_mel in log_mels:
            detector.mods.network(log_mel)
        spent["network"] = time.process_time() - begin
    return spent


def timed(work, *arguments):
    """Seconds of the clock and of the processors."""
    begin = time.perf_counter(), time.process_time()
    work(*arguments)
    return time.perf_counter() - begin[0], time.process_time() - begin[1]


def main():
    """Writes files, measures in turns, prints a table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--clips", type=int, default=96)
    parser.add_argument("--minutes", type=float, default=16.0)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        root = pathlib.Path(name)
        clips = [
            write_noise(root / f"{i}.wav", 10, i) for i in range(args.clips)
        ]
        long = write_noise(root / "long.wav", 60 * args.minutes, 0)
        sound = random_detector(root / "sound", [])
        both = random_detector(root / "both", [STREAM])
        store = StreamStore(root / "streams", STREAM)
        for clip in clips:
            features = np.random.default_rng(0).normal(size=(64, 512))
            store.write(os.path.basename(clip), features)
        features = [
            lambda clip=clip: {STREAM: store.read(os.path.basename(clip))}
            for clip in clips
        ]
        seconds = {"long": 60 * args.minutes}
        work = {
            "plain": (plain_loop, sound, clips),
            "clips": (folder, sound, clips),
            "long": (folder, sound, [long]),
            "stored": (folder, both, clips, features),
        }
        times = {key: [] for key in work}
        for number in range(args.rounds + 1):
            for key, (function, *arguments) in work.items():
                measured = timed(function, *arguments)
                if number:  # the first round warms up
                    times[key].append(measured)
        spent = stages(sound, long)
    titles = {
        "plain": "plain loop over clips",
        "clips": "folder of clips",
        "long": "one long file",
        "stored": "folder, stored stream",
    }
    print(f"{'':24s} {'clock':>8s} {'x real':>8s} {'cpu':>8s}  ratio")
    plain = None
    for key, title in titles.items():
        clock, cpu = (
            statistics.median(values)
            for values in zip(*times[key], strict=True)
        )
        length = seconds.get(key, 10.0 * args.clips)
        plain = plain or clock / length
        print(
            f"{title:24s} {clock:7.2f}s {length / clock:8.0f} {cpu:7.2f}s "
            f"{plain * length / clock:6.2f}"
        )
    added = [
        stored[0] / audio[0] - 1
        for stored, audio in zip(times["stored"], times["clips"], strict=True)
    ]
    print(f"a stored stream adds {100 * statistics.median(added):.0f} %")
    whole = sum(spent.values())
    print("one long file, processor time alone:")
    for title, part in spent.items():
        print(f"  {title:22s} {part:6.2f}s {100 * part / whole:4.0f} %")
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
