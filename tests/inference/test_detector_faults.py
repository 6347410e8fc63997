"""Damaged detectors and outputs that cannot be written: one line, once."""

import os
import random
import shutil
import sys

import numpy as np
import pytest
import torch

from speechbrain_mmsed.cli import main
from speechbrain_mmsed.inference import DetectionError, SoundEventDetector
from speechbrain_mmsed.inference.streams import StreamFeatures

pytestmark = pytest.mark.faults


@pytest.fixture
def folder(exported, tmp_path):
    """A copy of a detector to damage, without its list of hashes."""
    folder = shutil.copytree(exported[0], tmp_path / "detector")
    (folder / "files.json").unlink()
    return folder


@pytest.fixture
def recordings(sounds, tmp_path):
    """A folder of three recordings."""
    (tmp_path / "in").mkdir()
    for name in "abc":
        sounds.write_wav(tmp_path / "in" / f"{name}.wav", sounds.noise(3.0))
    return tmp_path / "in"


def damage_weights(folder, value):
    """Puts a value into the classifier, all else stays."""
    path = folder / "network.ckpt"
    state = torch.load(path, weights_only=True)
    state["classifier.weight"].flatten()[:5] = value
    torch.save(state, path)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (np.nan, "NaN or infinity in 1 of them: classifier.weight"),
        (np.inf, "NaN or infinity in 1 of them: classifier.weight"),
        # Finite, and too large to be multiplied.
        (3e38, "the network gives NaN"),
    ],
)
def test_weights_that_are_no_numbers_are_said_once(
    folder, recordings, tmp_path, capsys, value, said
):
    damage_weights(folder, value)
    arguments = ["detect", str(recordings), "--model", str(folder)]
    if value == 3e38:
        # Large enough for infinity minus infinity, whatever the sound.
        state = torch.load(folder / "network.ckpt", weights_only=True)
        for name in state:
            if name.endswith("weight") and "norm" in name:
                state[name] = torch.full_like(state[name], 3e38)
        torch.save(state, folder / "network.ckpt")
    assert main([*arguments, "--out", str(tmp_path / "out")]) == 2
    errors = capsys.readouterr().err
    assert errors.count(said) == 1
    assert "FAILED" not in errors and "unexpected" not in errors


def test_features_that_are_no_numbers_are_the_recordings(
    export, sounds, tmp_path
):
    export(tmp_path, streams=["colour"])
    detector = SoundEventDetector.from_hparams(source=tmp_path / "detector")
    path = tmp_path / "a.wav"
    sounds.write_wav(path, sounds.noise(3.0))
    features = StreamFeatures(np.full((30, 3), np.nan), np.arange(30) / 10)
    with pytest.raises(DetectionError, match="stream colour: .*not finite"):
        detector.detect_file(path, features={"colour": features})


@pytest.mark.parametrize(
    "name", ["postprocessing.json", "hyperparams.yaml", "network.ckpt"]
)
def test_mutated_files_are_refused_in_one_line(folder, sounds, tmp_path, name):
    rng, path = random.Random(4), folder / name
    whole = path.read_bytes()
    sounds.write_wav(tmp_path / "a.wav", sounds.noise(1.0))
    refused = 0
    for number in range(8):
        content = bytearray(whole)
        for _ in range(rng.choice([1, 4])):
            at = rng.randrange(len(content))
            if number % 2:
                content[at] = rng.choice(b'0123456789{}[],:"NnaIe- ')
            else:
                del content[at : at + rng.randrange(1, 40)]
        path.write_bytes(content)
        try:
            detector = SoundEventDetector.from_hparams(source=folder)
            detector.detect_file(tmp_path / "a.wav", progress=False)
        except DetectionError as error:
            refused += 1
            assert "\n" not in str(error)
    assert refused > 2


def test_a_full_standard_output_is_one_line(
    exported, recordings, tmp_path, capfd, monkeypatch
):
    if not os.path.exists("/dev/full"):
        pytest.skip("no /dev/full here")
    arguments = ["detect", str(recordings), "--model", str(exported[0])]
    for more in ([], ["--out", str(tmp_path / "out")]):
        full = open("/dev/full", "w")  # noqa: SIM115
        monkeypatch.setattr(sys, "stdout", full)
        assert main([*arguments, *more]) == 2
        full.close()  # what is left in its buffer is no error any more
        last = capfd.readouterr().err.strip().split("\n")[-1]
        assert last.startswith("mmsed detect: ")
        assert "No space left on device" in last


def test_a_folder_that_cannot_be_written_is_one_line(
    exported, recordings, capsys
):
    (recordings / "file").write_text("in the way")
    out = str(recordings / "file" / "out")
    for command in ("detect", "tag"):
        arguments = [command, str(recordings), "--model", str(exported[0])]
        assert main([*arguments, "--out", out]) == 2
        last = capsys.readouterr().err.strip().split("\n")[-1]
        assert last.startswith(f"mmsed {command}: results cannot be written")


def test_names_that_are_no_text_are_detected_in(exported, sounds, tmp_path):
    folder = os.path.join(os.fsencode(tmp_path), b"\xe9t\xe9")
    os.mkdir(folder)
    path = os.path.join(os.fsdecode(folder), os.fsdecode(b"\xff.wav"))
    sounds.write_wav(tmp_path / "plain.wav", sounds.noise(2.0))
    shutil.copy(tmp_path / "plain.wav", path)
    out = tmp_path / "out"
    arguments = [os.fsdecode(folder), "--model", str(exported[0])]
    forms = ["--format", "tsv,json,html,audacity,textgrid,webvtt"]
    assert main(["detect", *arguments, "--out", str(out), *forms]) == 0
    assert os.path.exists(os.path.join(os.fsencode(out), b"\xff.tsv"))
