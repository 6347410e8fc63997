"""An exported folder, loaded and used on recordings of every kind."""

import os
import pathlib
import socket
import subprocess
import sys
import textwrap
import threading

import numpy as np
import pytest
import soundfile
import torch

from speechbrain_mmsed.dataio.corpus.clips import clip_waveform
from speechbrain_mmsed.dataio.corpus.log_mel_cache import LogMelCache
from speechbrain_mmsed.inference import DetectionError, SoundEventDetector

PACKAGE = pathlib.Path(__file__).resolve().parents[2]


def scores_of_the_recipe(hparams, path):
    """What scoring in the recipe computes for one clip."""
    frontend, network = hparams["frontend"], hparams["network"]
    waveform = clip_waveform(path, frontend)
    with torch.no_grad():
        clip, frame = network(frontend(waveform[None]))
    return clip[0].sigmoid().numpy(), frame[0].sigmoid().numpy()


@pytest.mark.parametrize("seconds", [0.4, 3.0, 10.0])
@pytest.mark.parametrize("level", [1.0, 1e-3])
def test_a_clip_has_the_scores_of_the_recipe(
    detector, exported, sounds, tmp_path, seconds, level
):
    path = tmp_path / "clip.wav"
    sounds.write_wav(path, level * sounds.noise(seconds))
    clip, frame = scores_of_the_recipe(exported[1], path)
    scores = detector.scores_file(path)
    np.testing.assert_allclose(scores.clip, clip, atol=1e-5)
    whole = np.concatenate([scores.frame, scores.beyond])
    np.testing.assert_allclose(whole, frame, atol=1e-5)
    n_frames = int(np.ceil(seconds / detector.frame_hop))
    assert len(scores.frame) == n_frames == len(scores.times)
    assert scores.times[-1, 1] == pytest.approx(seconds, abs=1e-4)


def test_features_of_a_cache_are_rounded_alike(export, sounds, tmp_path):
    hparams = export(tmp_path, cache=True)
    detector = SoundEventDetector.from_hparams(source=tmp_path / "detector")
    frontend, network = hparams["frontend"], hparams["network"]
    path = sounds.write_wav(tmp_path / "a.wav", sounds.noise(10.0))
    cache = LogMelCache(tmp_path / "cache", frontend)
    log_mel = cache.read_or_make("a", lambda: clip_waveform(path, frontend))
    with torch.no_grad():
        _, frame = network(frontend.standardise(log_mel[None]))
    found = detector.scores_file(path).frame
    difference = np.abs(found - frame[0].sigmoid().numpy()).max()
    _, unrounded = scores_of_the_recipe(hparams, path)
    assert difference < 0.2 * np.abs(found - unrounded).max()


@pytest.mark.parametrize(
    ("rate", "channels", "ending"),
    [
        (8000, 1, "wav"),
        (16000, 2, "flac"),
        (44100, 6, "wav"),
        (48000, 2, "ogg"),
        (44099, 1, "wav"),
    ],
)
def test_any_rate_and_channels(
    detector, sounds, tmp_path, rate, channels, ending
):
    path = tmp_path / f"a.{ending}"
    sound = sounds.noise(12.5, rate, channels)
    soundfile.write(path, sound, rate)
    scores = detector.scores_file(path)
    assert scores.frame.shape == (80, 3)
    assert scores.duration == pytest.approx(12.5, abs=1e-3)
    assert ((scores.frame >= 0) & (scores.frame <= 1)).all()


def test_recordings_of_a_folder_are_scored_as_each_alone(
    detector, sounds, tmp_path
):
    seconds = [3.0, 31.0, 10.0, 10.1, 0.05, 22.0]
    paths = [
        sounds.write_wav(tmp_path / f"{i}.wav", sounds.noise(s, seed=i))
        for i, s in enumerate(seconds)
    ]
    broken = tmp_path / "broken.wav"
    broken.write_bytes(b"RIFF")
    silent = sounds.write_wav(tmp_path / "s.wav", np.zeros((16000, 1)))
    order = [paths[0], broken, *paths[1:], tmp_path / "none.wav", silent]
    found = list(detector.scores_files(order, progress=False))
    assert [path for path, _ in found] == [str(path) for path in order]
    for path, scores in found:
        if path.endswith(("broken.wav", "none.wav")):
            assert isinstance(scores, DetectionError)
            assert path in str(scores)
            with pytest.raises(DetectionError, match="its sound is"):
                detector.scores_file(path)
            continue
        alone = detector.scores_file(path)
        assert alone.frame.shape == scores.frame.shape
        np.testing.assert_allclose(alone.frame, scores.frame, atol=1e-5)
        np.testing.assert_allclose(alone.clip, scores.clip, atol=1e-5)


def test_no_recordings_have_no_scores(detector):
    found = []
    thread = threading.Thread(
        target=lambda: found.append(
            (list(detector.scores_files([])), list(detector.detect_files([])))
        ),
        daemon=True,
    )
    thread.start()
    thread.join(30)  # it must not wait for recordings that never come
    assert found == [([], [])]


def test_events_and_tags_come_from_the_tuned_values(detector, sounds, tmp_path):
    path = sounds.write_wav(tmp_path / "a.wav", sounds.noise(25.0))
    detection = detector.detect_file(path)
    scores = detection.scores
    assert len(detection.events)
    for event in detection.events.itertuples():
        assert 0 <= event.onset < event.offset <= scores.duration
        first = round(event.onset / scores.frame_hop)
        past = int(np.ceil(event.offset / scores.frame_hop - 1e-6))
        column = scores.labels.index(event.event_label)
        expected = scores.frame[first:past, column].mean()
        assert event.score == pytest.approx(float(expected), abs=1e-6)
    chosen = {label for label, _ in detection.tags}
    assert chosen == {
        label
        for label, score in zip(scores.labels, scores.clip, strict=True)
        if score > 0.5
    }
    assert [s for _, s in detection.tags] == sorted(
        (s for _, s in detection.tags), reverse=True
    )
    with pytest.raises(DetectionError, match="sbf1, ebf1"):
        detector.detect_file(path, metric="psds1")


def test_boxes_are_events_with_their_confidence(detector, sounds, tmp_path):
    path = sounds.write_wav(tmp_path / "a.wav", sounds.noise(25.0))
    median = detector.detect_file(path)
    boxes = detector.detect_file(path, postprocessing="boxes")
    events, scores = boxes.events, boxes.scores
    assert list(events) == list(median.events) and len(events)
    assert events.values.tolist() != median.events.values.tolist()
    assert boxes.tags == median.tags
    assert (events["score"] > 0.5).all()
    # A confidence is the mean score in the box.
    for event in events.itertuples():
        first = round(event.onset / scores.frame_hop)
        past = int(np.ceil(event.offset / scores.frame_hop - 1e-6))
        mean = scores.frame[first:past, scores.labels.index(event.event_label)]
        assert event.score == pytest.approx(mean.mean(), abs=1e-6)
    again = detector.detection(scores, postprocessing="boxes").events
    assert again.values.tolist() == events.values.tolist()
    waveform = sounds.noise(10.0)[:, 0]
    batch, *_ = detector.detect_batch([waveform], postprocessing="boxes")
    soundfile.write(path, waveform, 16000, subtype="FLOAT")
    alone = detector.detect_file(path, postprocessing="boxes").events
    columns = ["onset", "offset", "event_label"]
    assert batch[columns].values.tolist() == alone[columns].values.tolist()
    with pytest.raises(DetectionError, match="expected one of median, boxes"):
        detector.detect_file(path, postprocessing="both")


def test_a_folder_says_what_its_events_are_made_by(export, exported, tmp_path):
    export(tmp_path, postprocessing="boxes")
    chosen = SoundEventDetector.from_hparams(source=tmp_path / "detector")
    assert chosen.tuned("ebf1") is chosen.boxes["ebf1"]
    assert chosen.tuned("ebf1", "median") is chosen.parameters["ebf1"]
    assert "by sound event bounding boxes" in chosen.card
    assert "| student, boxes |" in chosen.card
    usual = SoundEventDetector.from_hparams(source=exported[0])
    assert usual.tuned("ebf1") is usual.parameters["ebf1"]
    with pytest.raises(ValueError, match="no boxes of student.*: both"):
        export(tmp_path / "b", postprocessing="boxes", with_boxes=False)
    assert not (tmp_path / "b/detector").exists()


def test_batches_of_waveforms(detector, sounds, tmp_path):
    clips = [sounds.noise(s, seed=i)[:, 0] for i, s in enumerate((3, 10, 0.5))]
    events, clip, frame = detector.detect_batch(clips)
    assert clip.shape == (3, 3)
    assert frame.shape == (3, 64, 3)
    for i, waveform in enumerate(clips):
        path = tmp_path / "a.wav"
        soundfile.write(path, waveform, 16000, subtype="FLOAT")
        alone = detector.detect_file(path)
        np.testing.assert_allclose(alone.scores.clip, clip[i], atol=1e-5)
        mine = events[events["filename"] == str(i)]
        columns = ["onset", "offset", "event_label"]
        assert (
            mine[columns].values.tolist()
            == alone.events[columns].values.tolist()
        )
    with pytest.raises(DetectionError, match="1 to 160000 samples"):
        detector.detect_batch([np.zeros(160001)])
    with pytest.raises(DetectionError, match="not among"):
        detector.detect_batch(clips, {"colour": [None] * 3})


def refuse_the_network(monkeypatch):
    """Whoever asks the network fails; returns a list of those who did."""
    asked = []

    def refuse(*arguments):
        asked.append(arguments)
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    return asked


def test_loading_needs_no_network_and_leaves_nothing_behind(
    exported, tmp_path, monkeypatch
):
    refuse_the_network(monkeypatch)
    monkeypatch.chdir(tmp_path)
    before = sorted(exported[0].iterdir())
    detector = SoundEventDetector.from_hparams(
        source=exported[0], run_opts={"device": "cpu"}
    )
    assert detector.labels == ["Cat", "Dog", "Speech"]
    assert "Sound event detector" in detector.card
    head, card = detector.card.removeprefix("---\n").split("---\n", 1)
    assert "library_name: speechbrain" in head.split("\n")
    assert "Trained on d by a recipe" in card  # not where that folder was
    assert sorted(exported[0].iterdir()) == before
    assert list(tmp_path.iterdir()) == []
    assert not any(p.requires_grad for p in detector.mods.parameters())


def test_weights_are_read_without_running_anything(export, tmp_path):
    export(tmp_path)

    class Bomb:
        def __reduce__(self):
            return os.system, (f"touch {tmp_path}/exploded",)

    network = tmp_path / "detector/network.ckpt"
    good = network.read_bytes()
    (tmp_path / "detector/files.json").unlink()  # as one who means harm would
    torch.save({"a": Bomb()}, network)
    with pytest.raises(DetectionError, match="network.ckpt"):
        SoundEventDetector.from_hparams(source=tmp_path / "detector")
    assert not (tmp_path / "exploded").exists()
    # What does not fit is no detector either.
    state = torch.load(tmp_path / "detector/frontend.ckpt")
    torch.save(state, network)
    with pytest.raises(DetectionError, match="does not hold the weights"):
        SoundEventDetector.from_hparams(source=tmp_path / "detector")
    network.write_bytes(good[: len(good) // 2])
    with pytest.raises(DetectionError, match="network.ckpt"):
        SoundEventDetector.from_hparams(source=tmp_path / "detector")


def test_folders_that_are_none(tmp_path):
    with pytest.raises(DetectionError, match="no detector folder"):
        SoundEventDetector.from_hparams(source=tmp_path)
    with pytest.raises(DetectionError, match="no detector folder"):
        SoundEventDetector.from_hparams(source=tmp_path / "nowhere")


def test_only_who_says_so_asks_the_network(tmp_path, monkeypatch):
    asked = refuse_the_network(monkeypatch)
    monkeypatch.chdir(tmp_path)
    # Two parts, as the name of a repository has.
    with pytest.raises(DetectionError, match="run/detector is no detector"):
        SoundEventDetector.from_hparams(source="run/detector")
    assert not asked
    fetched = []

    def fetch(filename, source, savedir):
        fetched.append((filename, source))
        raise FileNotFoundError(filename)

    monkeypatch.setattr("speechbrain_mmsed.inference.model.fetch", fetch)
    with pytest.raises(FileNotFoundError):
        SoundEventDetector.from_hparams(source="run/detector", remote=True)
    assert fetched == [("files.json", "run/detector")]


def test_the_teacher_is_there_if_it_was_exported(export, exported, tmp_path):
    export(tmp_path, models=("student", "teacher"))
    assert (tmp_path / "detector/teacher.ckpt").is_file()
    teacher = SoundEventDetector.from_hparams(
        source=tmp_path / "detector", model="teacher"
    )
    assert teacher.primary_weight == 0.75
    with pytest.raises(DetectionError, match="expected one of"):
        SoundEventDetector.from_hparams(source=exported[0], model="teacher")


def test_detection_does_without_the_metrics(exported, sounds, tmp_path):
    path = sounds.write_wav(tmp_path / "a.wav", sounds.noise(12.0))
    blocked = ("psds_eval", "sed_eval", "speechbrain_mmsed.evaluation")
    code = f"""
        import sys
        for name in {blocked}:
            sys.modules[name] = None
        from speechbrain_mmsed.inference import SoundEventDetector
        detector = SoundEventDetector.from_hparams(
            source={str(exported[0])!r}, run_opts={{"device": "cpu"}}
        )
        print(len(detector.detect_file({str(path)!r}).scores.frame))
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(PACKAGE)},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["77"]
