"""YAMNet as a detector: its published scores, and those of random weights."""

import functools
import shutil
import sys
import types

import h5py
import numpy as np
import pytest
import torch
from keras_files import write_keras

from speechbrain_mmsed import cli
from speechbrain_mmsed.dataio.media.sound import read_sound
from speechbrain_mmsed.inference import (
    DetectionError,
    PublishedDetector,
    SoundEventDetector,
    load_detector,
)
from speechbrain_mmsed.inference.published import MAPS, read_map
from speechbrain_mmsed.inference.wanted import Wanted
from speechbrain_mmsed.lobes.auditory import YamnetClassifier, yamnet_weights
from speechbrain_mmsed.lobes.auditory.yamnet import BLOCKS
from speechbrain_mmsed.lobes.auditory.yamnet_classifier import NAMES
from speechbrain_mmsed.lobes.visual.weights import WeightsError

LABELS = NAMES.read_text(encoding="utf-8").splitlines()


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """Random weights as Keras saves them."""
    rng = np.random.default_rng(0)
    shapes = [("layer1/conv", (3, 3, 1, 32))]
    for n, (n_out, _) in enumerate(BLOCKS, 2):
        n_in = shapes[-1][1][3]
        shapes += [(f"layer{n}/depthwise_conv", (3, 3, n_in, 1))]
        shapes += [(f"layer{n}/pointwise_conv", (1, 1, n_in, n_out))]
    groups = []
    for name, shape in shapes:
        fan_in = np.prod(shape[:2]) * (1 if shape[3] == 1 else shape[2])
        width = shape[2] if shape[3] == 1 else shape[3]
        kernel = rng.normal(0, np.sqrt(2 / fan_in), shape)
        norm = {"beta": rng.normal(0.1, 0.1, width)}
        norm |= {"moving_mean": 0 * norm["beta"]}
        norm |= {"moving_variance": 1 + norm["moving_mean"]}
        groups += [(name, {"kernel": kernel}), (f"{name}/bn", norm)]
    last = {"kernel": rng.normal(0, 0.2, (1024, 521)), "bias": np.zeros(521)}
    groups += [("logits", last)]
    path = tmp_path_factory.mktemp("yamnet") / "yamnet.h5"
    write_keras(path, groups)
    return path


@pytest.fixture(autouse=True, scope="module")
def read_once():
    """A process of its own reads each file, which takes a second."""
    with pytest.MonkeyPatch.context() as patch:
        read = functools.cache(yamnet_weights.keras_layers)
        patch.setattr(yamnet_weights, "keras_layers", lambda p: read(str(p)))
        yield


@pytest.fixture(scope="module")
def published(weights):
    return PublishedDetector("yamnet", weights)


@pytest.fixture(scope="module")
def recording(tmp_path_factory, sounds):
    """(path, waveform) of 14.4 s at the level it has."""
    path = tmp_path_factory.mktemp("sound") / "a.wav"
    sounds.write_wav(path, 0.5 * sounds.noise(14.4))
    return path, read_sound(path, 16000)


def slow_scores(network, waveform, frame):
    """Scores of a quarter of a second: the patch around it by itself."""
    frames = (len(waveform) - 400) // 160 + 1
    start = min(max(25 * frame + 12 - 48, 0), frames - 96)
    sound = waveform[160 * start : 160 * (start + 95) + 400]
    vectors, _ = network.embedder(sound)
    return network.last(vectors).sigmoid()[0]


@torch.inference_mode()
def test_equals_the_published_network(shared_folder):
    """Of what it computes with 8 bits, as far as its log-mel is there."""
    folder = shared_folder / "pretrained"
    network = YamnetClassifier(folder / "yamnet.tflite")
    reference = np.load(folder / "yamnet_reference.npz")
    columns = ("waveform", "log_mel", "scores")
    heard = 0
    for waveform, log_mel, scores in zip(
        *(torch.from_numpy(reference[k]) for k in columns), strict=True
    ):
        maps = network.embedder.network(log_mel[None, None])
        found = network.last(maps.mean((2, 3))).sigmoid()[0]
        assert (found - scores).abs().max() < 0.03
        whole = network(waveform)
        assert torch.equal(whole, whole[:1].expand(4, -1))
        own = network.embedder.log_mel(waveform)
        if (own - log_mel).abs().max() < 0.5:
            heard += 1
            assert (whole[0] - scores).abs().max() < 0.03
    assert heard >= 5  # tones are lost in its quantisation


@torch.inference_mode()
@pytest.mark.parametrize("seconds", [0.02, 0.6, 0.975, 3.3])
def test_each_frame_is_the_patch_around_it(published, recording, seconds):
    network = published.mods.network
    waveform = recording[1][: round(16000 * seconds)]
    found = network(waveform)
    assert len(found) == np.ceil(seconds / 0.25)
    padded = torch.nn.functional.pad(
        waveform, (0, max(0, 15600 - len(waveform)))
    )
    for frame in range(len(found)):
        expected = slow_scores(network, padded, frame)
        torch.testing.assert_close(found[frame], expected)


def test_windows_of_a_recording_join(published, recording):
    """What is far from the ends of windows is what the whole gives."""
    path, waveform = recording
    scores = published.scores_file(path, progress=False)
    assert scores.frame.shape == (58, 521)
    assert scores.labels == LABELS and scores.duration == 14.4
    # Windows begin anywhere, frames at quarters of a second.
    with torch.inference_mode():
        whole = published.mods.network(waveform).numpy()
    assert np.abs(scores.frame[:30] - whole[:30]).max() < 1e-5
    assert np.corrcoef(scores.frame.flat, whole.flat)[0, 1] > 0.99
    np.testing.assert_array_equal(scores.clip, scores.frame.max(0))
    detection = published.detection(scores)
    assert {label for label, _ in detection.tags} == {
        event.event_label for event in detection
    }
    with pytest.raises(DetectionError, match="has no boxes"):
        published.detection(scores, postprocessing="boxes")


def test_a_stream_has_the_scores_of_the_file(published, recording):
    path, waveform = recording
    stream = published.stream(16000)
    parts = [stream.feed(part.numpy()) for part in waveform.split(7000)]
    parts.append(stream.close())
    found = np.concatenate([part.frame for part in parts])
    expected = published.scores_file(path, progress=False)
    np.testing.assert_allclose(found, expected.frame, atol=1e-5)


def test_the_level_is_that_of_the_recording(published, sounds, tmp_path):
    loud = sounds.noise(3)
    for name, sound in (("loud", loud), ("quiet", loud / 50)):
        sounds.write_wav(tmp_path / f"{name}.wav", sound)
    loud, quiet = (
        published.scores_file(tmp_path / f"{name}.wav", progress=False).frame
        for name in ("loud", "quiet")
    )
    assert np.abs(loud - quiet).max() > 0.05


def test_classes_of_ones_own(published, weights, recording, tmp_path):
    assert set(MAPS) == {"desed"}
    groups = read_map(MAPS["desed"], LABELS)
    assert len(groups) == 10 and groups["Dog"][:2] == ["Dog", "Bark"]
    table = tmp_path / "own.csv"
    table.write_text('AudioSet;mine\nBark;dog\nYip;dog\n"Meow";cat\n')
    own = PublishedDetector("yamnet", weights, table)
    assert own.labels == ["dog", "cat"]
    found = own.scores_file(recording[0], progress=False).frame
    whole = published.scores_file(recording[0], progress=False).frame
    columns = [LABELS.index(name) for name in ("Bark", "Yip", "Meow")]
    bark, yip, meow = whole[:, columns].T
    expected = np.stack([np.maximum(bark, yip), meow], 1)
    np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Bark,Dog\nYipp,Dog\n", "line 2: 'Yipp' is no class.*'Yip'"),
        ("bark,Dog\n", "line 1: 'bark' is no class.*'Bark'"),
        ("AudioSet,mine\n", "names no class"),
        ("Bark,Dog,x\n", "line 1: 3 cells, expected two"),
        ("Bark,\n", "line 1: .* expected two"),
        ("", "names no class"),
    ],
)
def test_wrong_maps_are_told(tmp_path, text, message):
    path = tmp_path / "map.csv"
    path.write_text(text)
    with pytest.raises(DetectionError, match=message):
        read_map(path, LABELS)
    with pytest.raises(DetectionError, match="desed"):
        read_map(tmp_path / "none.csv", LABELS)


def test_names_that_are_nearly_right():
    with pytest.raises(DetectionError, match="similar ones are .*'Dog'"):
        Wanted(classes=("dog",)).check(LABELS)
    with pytest.raises(DetectionError, match="'Rain'") as caught:
        Wanted(classes=("rain",)).check(LABELS)
    assert len(str(caught.value)) < 200


def test_wrong_weights_are_told(weights, tmp_path):
    other = tmp_path / "other.h5"
    shutil.copy(weights, other)
    with h5py.File(other, "r+") as file:
        file.attrs["layer_names"] = list(file.attrs["layer_names"])[:-1]
    with pytest.raises(WeightsError, match="shapes None"):
        YamnetClassifier(other)
    other = shutil.copy(other, tmp_path / "again.h5")
    with h5py.File(other, "r+") as file:
        names = [*file.attrs["layer_names"], "logits"]
        file.attrs["layer_names"] = names
        del file["logits/logits/kernel:0"], file["logits/logits/bias:0"]
        file["logits/logits/kernel:0"] = np.zeros((1024, 50), np.float32)
        file["logits/logits/bias:0"] = np.zeros(50, np.float32)
    with pytest.raises(WeightsError, match=r"\(50,\)"):
        YamnetClassifier(other)


def test_the_command_needs_no_training(weights, recording, tmp_path, capsys):
    options = ["--model", "yamnet", "--weights", str(weights), "--map", "desed"]
    command = ["detect", str(recording[0]), *options, "--device", "cpu"]
    out = tmp_path / "out"
    more = ["--out", str(out), "--format", "csv,html", "--threshold", "0.9"]
    assert cli.main([*command, *more]) == 0
    assert {path.name for path in out.iterdir()} >= {"a.csv", "a.html"}
    capsys.readouterr()
    # With --cut alone all is there.
    cut = ["--cut", str(tmp_path / "cut"), "--top", "3"]
    assert cli.main([*command, *cut]) == 0
    assert "segments: 3 wav files in" in capsys.readouterr().out
    assert len(list((tmp_path / "cut/a.segments").glob("a_*.wav"))) == 3
    assert (tmp_path / "cut/events.tsv").read_text().count("a.wav") == 3
    # The same again is known; another threshold is done anew.
    assert cli.main([*command, *more]) == 0
    assert "1 of them before" in capsys.readouterr().out
    assert cli.main([*command, *more[:-1], "0.8"]) == 0
    assert "before" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "get https://storage.googleapis.com/audioset/yamnet.h5 and name"),
        (["--weights", "no.h5"], "needs the file no.h5, which is not there"),
        (["--weights", "W", "--map", "no.csv"], "no such file; expected one"),
        (["--weights", "W", "--classes", "dog"], "similar ones are"),
    ],
)
def test_what_is_missing_is_said_in_a_line(
    weights, recording, capsys, options, message
):
    options = [str(weights) if o == "W" else o for o in options]
    command = ["detect", str(recording[0]), "--model", "yamnet", *options]
    assert cli.main(command) == 2
    *_, said = capsys.readouterr().err.strip().split("\n")
    assert message in said and said.startswith("mmsed detect: ")


def test_a_repository_of_the_hub(exported, monkeypatch):
    asked = []

    def snapshot_download(name, revision=None):
        if name == "nobody/nothing":
            raise OSError("offline")
        asked.append((name, revision))
        return str(exported[0])

    hub = types.SimpleNamespace(snapshot_download=snapshot_download)
    monkeypatch.setitem(sys.modules, "huggingface_hub", hub)
    detector = load_detector("hf:owner/name@v1")
    assert type(detector) is SoundEventDetector and len(detector.labels) == 3
    load_detector("hf:owner/name")
    assert asked == [("owner/name", "v1"), ("owner/name", None)]
    for model, message in (
        ("hf:nobody/nothing", "cannot be had .*: offline"),
        ("hf:name", "expected hf:owner/name"),
    ):
        with pytest.raises(DetectionError, match=message):
            load_detector(model)
    with pytest.raises(DetectionError, match="--weights and --map are for"):
        load_detector("hf:owner/name", weights="a.h5")
