"""A small exported detector, and recordings for it."""

import pathlib
import types
import wave

import numpy as np
import pytest
import torch

from speechbrain_mmsed.inference import SoundEventDetector
from speechbrain_mmsed.inference.export import export_detector
from speechbrain_mmsed.postprocessing.box_parameters import boxes_of
from speechbrain_mmsed.training.hparams import read_hparams

HPARAMS = (
    pathlib.Path(__file__).resolve().parents[2]
    / "recipes/DESED/sound_event_detection/hparams/quickstart.yaml"
)
LABELS = ["Cat", "Dog", "Speech"]
MEAN_COLOUR = {
    "network": "mean colour",
    "weights_sha256": None,
    "preprocessing": "[0, 1]",
    "width": 3,
    "n_frames": 64,
    "clip_seconds": 10.0,
    "precision": "fp32",
}


def report_of(labels, models=("student",)):
    """As much of a report as export reads."""
    n = len(labels)
    parameters = {
        metric: {
            "labels": labels,
            "thresholds": None if metric.startswith("psds") else [0.5] * n,
            "windows": None if metric == "cbf1" else [3] * n,
            "tuned": [True] * (n - 1) + [False],
        }
        for metric in ("cbf1", "sbf1", "ebf1", "psds1", "psds2")
    }
    settings = {"lengths": [0.3] * n, "absolute": [0.05] * n}
    settings["relative"] = [1.2] * n
    boxes = {
        metric: {**values, "windows": [1] * n, **settings}
        for metric, values in parameters.items()
        if metric != "cbf1"
    }
    boxes = {"cbf1": parameters["cbf1"], **boxes}
    figures, names = dict.fromkeys(parameters, 0.5), map(boxes_of, models)
    names = list(names)
    return {
        "class_labels": labels,
        "inference_weight": dict.fromkeys([*models, *names], 0.75),
        "tuned_parameters": {
            **dict.fromkeys(models, parameters),
            **dict.fromkeys(names, boxes),
        },
        "metrics": dict.fromkeys([*models, *names], {"all": figures}),
        "counts": {"subsets": {"evaluation": {"clips": 8, "events": 20}}},
        "libraries": {"torch": torch.__version__},
        "metadata": {"seed": 1, "training_steps": 4, "data_folder": "d"},
    }


def export_small(
    folder,
    streams=(),
    recipe=None,
    models=("student",),
    fit=None,
    more="",
    cache=False,
    described=None,
    postprocessing="median",
    with_boxes=True,
    tuned=True,
    try_on=None,
):
    """Exports a random network of the recipe's yaml; returns its hparams."""
    overrides = (
        f"{{data_folder: x, output_folder: {folder}, "
        f"class_labels: {LABELS}, n_classes: 3, class_groups: null, "
        f"use_logmel_cache: {cache}, "
        f"streams: {list(streams)}, "
        f"stream_widths: {{colour: 3, levels: 3}}{more}}}"
    )
    hparams, resolved = read_hparams(HPARAMS, overrides)
    hparams = hparams["variant_of"]
    torch.manual_seed(4)
    # Scores that lie on both sides of the thresholds, and statistics.
    torch.nn.init.normal_(hparams["network"].classifier.weight, std=0.5)
    hparams["frontend"].set_statistics(
        torch.linspace(-4, -6, 64), torch.linspace(2, 3, 64)
    )
    hparams["network"].train()
    with torch.no_grad():
        n_streams = len(streams)
        hparams["network"](
            torch.randn(4, 512, 64),
            [torch.rand(4, 64, 3)] * n_streams,
            fusion_weights=torch.ones(1 + n_streams) / (1 + n_streams),
        )
    if fit is not None:
        fit(hparams["network"], hparams["frontend"])
    hparams["network"].eval()
    description = {**MEAN_COLOUR, **(described or {})}
    if recipe is not None:
        description["embedder"] = recipe
    report = report_of(LABELS, models)
    if not with_boxes:
        for name in map(boxes_of, models):
            del report["tuned_parameters"][name], report["metrics"][name]
    export_detector(
        folder / "detector",
        resolved,
        hparams["frontend"],
        dict.fromkeys(models, hparams["network"]),
        dict.fromkeys(streams, description),
        report if tuned else None,
        postprocessing,
        try_on,
    )
    return hparams


@pytest.fixture(scope="session")
def export():
    """`export_small`, for tests that need a folder of their own."""
    return export_small


@pytest.fixture(scope="session")
def sounds():
    """What makes recordings: `noise` and `write_wav`."""
    return types.SimpleNamespace(noise=noise, scene=scene, write_wav=write_wav)


@pytest.fixture(scope="session")
def exported(tmp_path_factory):
    """(folder, hparams) of a detector of sound only."""
    folder = tmp_path_factory.mktemp("exported")
    hparams = export_small(folder)
    return folder / "detector", hparams


@pytest.fixture(scope="session")
def detector(exported):
    """The detector of sound only."""
    return SoundEventDetector.from_hparams(
        source=exported[0], run_opts={"device": "cpu"}
    )


def event(label, seconds, rng, rate=16000):
    """One sound of a class: a sweep, bursts of noise, or a buzz."""
    t = np.arange(round(seconds * rate)) / rate
    if label == "Cat":
        sound = np.sin(2 * np.pi * (2500 * t + 120 * np.sin(6 * t)))
    elif label == "Dog":
        sound = rng.uniform(-1, 1, len(t)) * (np.sin(2 * np.pi * 9 * t) > -0.5)
    else:
        sound = np.sign(np.sin(2 * np.pi * 180 * t))
    return sound * rng.uniform(0.3, 1.0)


def scene(seconds, seed, rate=16000):
    """(waveform, frame labels (T, C)) of events with pauses between them."""
    rng = np.random.default_rng(seed)
    waveform = rng.normal(0, 0.003, round(seconds * rate))
    hop = 2504
    truth = np.zeros((-(-len(waveform) // hop), len(LABELS)), np.float32)
    at = rng.uniform(0.0, 1.5)
    while at < seconds:
        column = rng.integers(len(LABELS))
        length = rng.uniform(0.6, 2.5)
        begin = round(at * rate)
        sound = event(LABELS[column], length, rng)[: len(waveform) - begin]
        waveform[begin : begin + len(sound)] += sound
        truth[begin // hop : -(-(begin + len(sound)) // hop), column] = 1
        at += length + rng.uniform(0.3, 2.0)
    return waveform.astype(np.float32), truth


def fit_to_scenes(network, frontend, n_steps=90, batch=12):
    """A short training on scenes of a clip's length."""
    scenes = [scene(10.0, seed) for seed in range(96)]
    sound = torch.from_numpy(np.stack([w for w, _ in scenes]))
    sound = sound / sound.abs().amax(1, keepdim=True)
    truth = torch.from_numpy(np.stack([t for _, t in scenes]))
    with torch.no_grad():
        raw = torch.cat([frontend.log_mel(part) for part in sound.split(16)])
    frontend.set_statistics(raw.mean((0, 1)), raw.std((0, 1)))
    log_mel = frontend.standardise(raw)
    optimiser = torch.optim.Adam(network.parameters(), 3e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, 6e-3, total_steps=n_steps
    )
    generator = torch.Generator().manual_seed(0)
    loss_of = torch.nn.functional.binary_cross_entropy_with_logits
    network.train()
    for _ in range(n_steps):
        rows = torch.randint(0, len(scenes), (batch,), generator=generator)
        clip, frame = network(log_mel[rows])
        loss = loss_of(frame, truth[rows]) + 0.2 * loss_of(
            clip, truth[rows].amax(1)
        )
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """A detector of a network that was trained for some seconds."""
    folder = tmp_path_factory.mktemp("trained")
    small = (
        ", d_model: 32, d_head: 16, d_ffn: 64, extractor: !new:"
        "speechbrain_mmsed.lobes.cnn.ConvolutionalFeatureExtractor "
        "{channels: [4, 8, 16, 16, 32, 32, 32], dropout: 0.0}"
    )
    export_small(folder, fit=fit_to_scenes, more=small)
    return SoundEventDetector.from_hparams(
        source=folder / "detector", run_opts={"device": "cpu"}
    )


def noise(seconds, rate=16000, channels=1, seed=0):
    """(samples, channels) of noise whose level changes."""
    rng = np.random.default_rng(seed)
    n = round(seconds * rate)
    level = np.interp(
        np.arange(n) / rate,
        np.arange(0, seconds + 2),
        rng.uniform(0.01, 0.6, int(seconds + 2) + (seconds % 1 > 0)),
    )
    sound = rng.uniform(-1, 1, (n, channels)) * level[:, None]
    return sound.astype(np.float32)


def write_wav(path, sound, rate=16000):
    """Writes 16-bit PCM."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(sound.shape[1])
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((sound * 32767).astype("<i2").tobytes())
    return path
