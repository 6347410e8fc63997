"""Detectors with a stream that is made from the sound itself."""

import json

import numpy as np
import pytest
import torch
from stream_extraction import StreamExtraction

from speechbrain_mmsed.cli import main
from speechbrain_mmsed.dataio.streams.embedding import SoundEmbedding
from speechbrain_mmsed.inference import DetectionError, SoundEventDetector
from speechbrain_mmsed.lobes.auditory import SoundEmbedder


class Levels(SoundEmbedder):
    """Mean square, mean and peak of each fifth of a second, at 8 kHz."""

    def __init__(self, weights=None):
        super().__init__(3, 8000)
        if weights is not None:
            raise FileNotFoundError(f"{weights} is not there")

    def forward(self, waveform):
        parts = waveform.split(1600)
        rows = [[p.square().mean(), p.mean(), p.max()] for p in parts]
        return torch.tensor(rows), 0.1 + 0.2 * torch.arange(len(parts))

    def description(self):
        return {
            "network": "levels",
            "weights_sha256": None,
            "preprocessing": "fifths of seconds",
        }


def described(**more):
    """What extraction writes of such a stream, and how to build it."""
    found = SoundEmbedding(Levels()).description()
    return {**found, "kind": "sound", **more}


@pytest.fixture(scope="module")
def heard(export, tmp_path_factory):
    folder = tmp_path_factory.mktemp("heard")
    export(folder, streams=["levels"], described=described())
    detector = SoundEventDetector.from_hparams(source=folder / "detector")
    detector.embedders.use("levels", Levels())
    return detector


@pytest.mark.parametrize("rate", [16000, 44100])
@pytest.mark.parametrize("seconds", [10.0, 3.3])
def test_the_scores_are_those_of_the_stored_stream(
    heard, sounds, tmp_path, rate, seconds
):
    path = tmp_path / "a.wav"
    sounds.write_wav(path, 0.3 * sounds.noise(seconds, rate), rate)
    clip = {"wav": str(path), "video": "", "video_status": "absent"}
    run = StreamExtraction(
        {"levels": SoundEmbedding(Levels())}, tmp_path / "streams", workers=1
    )
    run.run({"weak/a": {**clip, "duration": seconds}}, progress=False)
    features = {"levels": run.stores["levels"].read("weak/a")}
    stored = heard.scores_file(path, features=features)
    made = heard.scores_file(path)
    np.testing.assert_allclose(made.frame, stored.frame, atol=1e-5)
    np.testing.assert_allclose(made.clip, stored.clip, atol=1e-5)
    assert made.streams == {"levels": "used"}
    alone = heard.scores_file(path, primary_weight=1.0)
    assert np.abs(alone.frame - made.frame).max() > 1e-4
    assert alone.streams == {"levels": "ignored"}


def test_sound_that_is_still_coming_has_the_stream_too(heard, sounds, tmp_path):
    sound = sounds.noise(23.0)
    path = sounds.write_wav(tmp_path / "a.wav", sound)
    whole = heard.scores_file(path)
    stream = heard.stream(16000)
    pieces = np.round(sound[:, 0] * 32767) / 32768
    parts = [stream.feed(part) for part in np.array_split(pieces, 9)]
    parts.append(stream.close())
    frames = np.concatenate([part.frame for part in parts])
    np.testing.assert_allclose(frames, whole.frame, atol=1e-3)
    assert parts[-1].streams == {"levels": "used"}
    _, clip, _ = heard.detect_batch([sound[:160000, 0]])
    _, given, _ = heard.detect_batch(
        [sound[:160000, 0]], {"levels": [np.zeros((64, 3))]}
    )
    assert np.abs(clip - given).max() > 1e-4


def test_without_the_weights_nothing_is_detected(
    export, sounds, tmp_path, monkeypatch, capsys
):
    monkeypatch.setitem(__import__("sys").modules, "own_levels", Own)
    recipe = {"class": "own_levels.Levels", "arguments": {"weights": "w.pt"}}
    export(tmp_path, streams=["levels"], described=described(), recipe=recipe)
    folder = tmp_path / "detector"
    detector = SoundEventDetector.from_hparams(source=folder, trust=True)
    path = sounds.write_wav(tmp_path / "a.wav", sounds.noise(2.0))
    with pytest.raises(DetectionError, match=r"levels cannot be made.*w\.pt"):
        detector.scores_file(path)
    with pytest.raises(DetectionError, match=r"levels cannot be made.*w\.pt"):
        detector.detect_batch([np.ones(160, np.float32)])
    with pytest.raises(DetectionError, match=r"levels cannot be made.*w\.pt"):
        detector.stream(16000)
    assert detector.scores_file(path, primary_weight=1).clip.shape == (3,)
    command = ["detect", str(path), "--model", str(folder)]
    for more, reason in (
        ([], "'!name:own_levels.Levels' is named"),
        (["--trust"], "levels cannot be made"),
    ):
        assert main([*command, *more]) == 2
        message = capsys.readouterr().err.strip().splitlines()[-1]
        assert reason in message


def test_an_imported_embedding_has_to_be_given(export, sounds, tmp_path):
    export(tmp_path, streams=["levels"], described=described())
    detector = SoundEventDetector.from_hparams(source=tmp_path / "detector")
    path = sounds.write_wav(tmp_path / "a.wav", sounds.noise(2.0))
    with pytest.raises(DetectionError, match="does not say what makes it"):
        detector.scores_file(path)
    found = detector.scores_file(path, features={"levels": np.ones((64, 3))})
    assert found.streams == {"levels": "used"}


def test_another_embedder_than_that_of_training_is_refused(export, tmp_path):
    export(tmp_path, streams=["levels"], described=described(network="louder"))
    detector = SoundEventDetector.from_hparams(source=tmp_path / "detector")
    with pytest.raises(DetectionError, match="network was 'louder'"):
        detector.embedders.use("levels", Levels())
    written = json.loads((tmp_path / "detector/streams.json").read_text())
    assert written[0]["kind"] == "sound"


class Own:
    """Stands in for a user's module."""

    Levels = Levels
