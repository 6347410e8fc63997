"""Detectors that average the scores of several detectors."""

import json
import shutil

import numpy as np
import pytest
import torch

from speechbrain_mmsed.cli import main
from speechbrain_mmsed.dataio.corpus.clips import clip_waveform
from speechbrain_mmsed.inference import DetectionError, SoundEventDetector
from speechbrain_mmsed.inference.ensemble_export import export_ensemble
from speechbrain_mmsed.postprocessing.box_parameters import boxes_of
from speechbrain_mmsed.postprocessing.ensembles import (
    average_scores,
    mean_scores,
)
from speechbrain_mmsed.postprocessing.scores import ClipScores
from speechbrain_mmsed.training.scoring import encode_batches, score_clips

WEIGHTS = {"sound": 1.0, "film": 0.6, "both": 0.75}


def other_seed(network, frontend):
    """What a training with another seed does."""
    torch.nn.init.normal_(network.classifier.weight, std=0.6)


@pytest.fixture(scope="module")
def folders(export, exported, tmp_path_factory):
    """Detectors with different streams, and with other statistics."""
    root = tmp_path_factory.mktemp("members")
    export(root / "film", streams=["colour"], fit=other_seed)
    export(root / "both", streams=["levels", "colour"])
    return {
        "sound": exported[0],
        "film": root / "film/detector",
        "both": root / "both/detector",
    }


def tuned(folder):
    """A report whose parameters are nobody's own."""
    found = json.loads((folder / "postprocessing.json").read_text())["student"]
    found["parameters"]["ebf1"]["thresholds"] = [0.3, 0.45, 0.6]
    found["boxes"]["ebf1"]["lengths"] = [0.9, 0.8, 0.7]
    every = found["parameters"], found["boxes"]
    names = "ensemble", boxes_of("ensemble")
    return {
        "tuned_parameters": dict(zip(names, every, strict=True)),
        "inference_weight": dict.fromkeys(names),
    }


@pytest.fixture(scope="module")
def ensemble(folders, tmp_path_factory):
    """(folder of an ensemble, its members, each at its weight, itself)."""
    folder = tmp_path_factory.mktemp("ensemble") / "detector"
    report = tuned(folders["sound"])
    export_ensemble(
        folder, folders, "student", WEIGHTS, report, "| figures |", "log-odds"
    )
    members = [
        (SoundEventDetector.from_hparams(source=folders[name]), weight)
        for name, weight in WEIGHTS.items()
    ]
    return folder, members, SoundEventDetector.from_hparams(source=folder)


def features(detector, rng_seed=0):
    """Vectors of one window for all streams of a detector."""
    rng = np.random.default_rng(rng_seed)
    # Training reads them in half precision.
    every = {
        name: rng.random((64, 3)).astype(np.float16)
        for name in ("colour", "levels")
    }
    return {name: every[name] for name in detector.streams}


@pytest.mark.parametrize("seconds", [3.0, 10.0, 24.0])
def test_scores_are_the_average_of_the_members(
    ensemble, sounds, tmp_path, seconds
):
    _, members, whole = ensemble
    assert set(whole.streams) == {"colour", "levels"}
    path = sounds.write_wav(tmp_path / "a.wav", sounds.noise(seconds))
    given = features if seconds <= 10 else lambda detector: None
    of_each = [
        detector.scores_file(path, weight, features=given(detector))
        for detector, weight in members
    ]
    found = whole.scores_file(path, features=given(whole))
    # Of several windows tags are the largest mean, not the mean of largest.
    names = ("frame", "beyond", "clip")[: 3 if seconds <= 10 else 2]
    for name in names:
        values = [getattr(scores, name).astype(float) for scores in of_each]
        mean = mean_scores(values, "log-odds")
        np.testing.assert_allclose(getattr(found, name), mean, atol=1e-6)
    frames = [scores.frame for scores in of_each]
    assert np.ptp(frames, axis=0).max() > 0.01
    assert set(found.streams) == {"colour", "levels"}


def test_what_is_stored_is_what_is_detected(ensemble, sounds, tmp_path):
    _, members, whole = ensemble
    names = ["a.wav", "b.wav"]
    paths = [
        sounds.write_wav(tmp_path / name, sounds.noise(10.0, seed=n))
        for n, name in enumerate(names)
    ]
    # Written and averaged as training and `mmsed ensemble` do.
    stored = {}
    for detector, weight in members:
        streams = features(detector)
        batch = {
            "filename": names,
            "video_status": ["present"] * 2,
            "duration": [10.0] * 2,
        }
        frontend = detector.mods.frontend
        waveforms = [clip_waveform(path, frontend) for path in paths]
        inputs = (
            frontend(torch.stack(waveforms)),
            [
                torch.from_numpy(s).float().expand(2, 64, 3)
                for s in streams.values()
            ],
            torch.ones(2, 1 + len(streams), dtype=bool),
        )
        network = detector.mods.network
        encoded = encode_batches(network, [batch], lambda _, i=inputs: i)
        scores, clips = score_clips(network, encoded, {"": (weight, [])})
        clip, frame, _ = scores[""]
        stored[str(len(stored))] = ClipScores(
            *(names, clips["duration"], detector.labels, clip, frame),
            *([True, True], detector.frame_hop),
        )
    averaged = average_scores(stored, "log-odds")
    given = [features(whole)] * 2
    for n, (_, scores) in enumerate(whole.scores_files(paths, features=given)):
        frame = averaged.frame[n]
        np.testing.assert_allclose(scores.frame, frame, atol=1e-5)
        np.testing.assert_allclose(scores.clip, averaged.clip[n], atol=1e-5)


def test_one_weight_for_all_and_streams_of_chunks(ensemble, sounds, tmp_path):
    _, members, whole = ensemble
    sound = sounds.noise(13.0)
    path = sounds.write_wav(tmp_path / "a.wav", sound)
    alone = [detector.scores_file(path, 1.0).frame for detector, _ in members]
    found = whole.scores_file(path, 1.0)
    mean = mean_scores(alone, "log-odds")
    np.testing.assert_allclose(found.frame, mean, atol=1e-6)
    stream = whole.stream(16000)
    parts = [stream.feed(sound[:, 0]), stream.close()]
    heard = np.concatenate([part.frame for part in parts])
    np.testing.assert_allclose(heard, found.frame, atol=1e-3)


def test_events_have_the_parameters_of_the_ensemble(ensemble, sounds, tmp_path):
    folder, _, whole = ensemble
    assert whole.tuned("ebf1").thresholds.tolist() == [0.3, 0.45, 0.6]
    assert whole.tuned("ebf1", "boxes").lengths.tolist() == [0.9, 0.8, 0.7]
    assert "| figures |" in whole.card
    path = sounds.write_wav(tmp_path / "a.wav", sounds.noise(4.0))
    events = whole.detect_file(path).events
    out = tmp_path / "out"
    arguments = ["detect", str(path), "--model", str(folder)]
    assert main([*arguments, "--out", str(out)]) == 0
    assert len((out / "events.tsv").read_text().splitlines()) == 1 + len(events)


def test_it_may_be_moved_and_is_checked(ensemble, tmp_path):
    folder = shutil.copytree(ensemble[0], tmp_path / "moved")
    SoundEventDetector.from_hparams(source=folder)
    with pytest.raises(DetectionError, match="averages: student"):
        SoundEventDetector.from_hparams(source=folder, model="teacher")
    (folder / "postprocessing.json").write_text("{}")
    with pytest.raises(DetectionError, match="damaged or changed"):
        SoundEventDetector.from_hparams(source=folder)


def test_teachers_are_the_ensembles_only_model(export, folders, tmp_path):
    export(tmp_path / "run", models=("student", "teacher"))
    members = {"a": tmp_path / "run/detector", "b": tmp_path / "run/detector"}
    folder, weights = tmp_path / "detector", {"a": 1.0, "b": 1.0}
    report = tuned(folders["sound"])
    export_ensemble(folder, members, "teacher", weights, report, "")
    assert SoundEventDetector.from_hparams(source=folder).primary_weight == 1
    members["b"] = folders["sound"]
    with pytest.raises(DetectionError, match="has no teacher, only student"):
        export_ensemble(folder, members, "teacher", weights, report, "")
    # The earlier one is still whole.
    SoundEventDetector.from_hparams(source=folder)
    assert {path.name for path in tmp_path.iterdir()} == {"run", "detector"}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"described": {"network": "other"}}, "stream colour has the fing"),
        ({"more": ", frame_hop: 0.2"}, "frame_hop 0.2, where sound has 0.15"),
    ],
)
def test_members_that_do_not_fit_leave_no_folder(
    export, folders, tmp_path, change, told
):
    export(tmp_path / "run", streams=["colour"], **change)
    members = {**folders, "other": tmp_path / "run/detector"}
    weights, folder = {**WEIGHTS, "other": 0.5}, tmp_path / "ensemble"
    report = tuned(folders["sound"])
    with pytest.raises(DetectionError, match=told):
        export_ensemble(folder, members, "student", weights, report, "")
    assert [path.name for path in tmp_path.iterdir()] == ["run"]
