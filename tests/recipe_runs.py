"""Runs of the training recipe, and what must agree in what they leave."""

import contextlib
import json

import numpy as np
import programs
import pytest
import torch

from speechbrain_mmsed.dataio.corpus.clips import read_manifest
from speechbrain_mmsed.dataio.streams.store import StreamStore
from speechbrain_mmsed.inference import FileScores, SoundEventDetector
from speechbrain_mmsed.postprocessing.box_parameters import BoxParameters
from speechbrain_mmsed.postprocessing.decode import decode
from speechbrain_mmsed.postprocessing.scores import ClipScores, score_file

# Small in every respect: what is tested is the way of the data.
SMALL = {
    **programs.SETTINGS,
    "number_of_epochs": 2,
    "log_interval": 1,
    "streams": "[fake]",
    "stream_widths": "{fake: 8}",
    "fusion": "random",
    "inference_weights": "[0.5, 0.75]",
    "scoring_batch_size": 4,
    "mixup_rate": 0.5,
    "use_logmel_cache": False,
    "postprocessing": "median",
}


@contextlib.contextmanager
def stopped(brain, epoch, step):
    """A training in which ends before a batch."""
    start = brain.on_fit_batch_start

    def stop(self, batch, should_step):
        if (self.epoch, self.step) == (epoch, step):
            raise InterruptedError("stop here")
        start(self, batch, should_step)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(brain, "on_fit_batch_start", stop)
        with pytest.raises(InterruptedError, match="stop here"):
            yield


@contextlib.contextmanager
def not_scored(brain):
    """A run in which ends with its training, for want of more."""
    recover = brain.recover_last

    def end(self):
        recover(self)
        raise InterruptedError("trained")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(brain, "recover_last", end)
        with pytest.raises(InterruptedError, match="trained"):
            yield


def weights(folder):
    *_, checkpoint = sorted((folder / "save").glob("CKPT*"))
    return {
        name: torch.load(checkpoint / f"{name}.ckpt", weights_only=True)
        for name in ("network", "teacher")
    }


def assert_same_weights(one, two):
    for name, state in weights(one).items():
        for key, value in weights(two)[name].items():
            assert torch.equal(value, state[key]), f"{name} {key}"


def stored_scores(folder, weight):
    """Of a run, for evaluation, at a weight."""
    path = folder / "scores/student/evaluation" / score_file(weight)
    return ClipScores.load(path)


def assert_detector_agrees(folder, corpus):
    """The exported folder gives the stored scores, without and with film."""
    stored = {
        weight: ClipScores.load(
            folder / f"scores/student/evaluation/weight_{weight:.4f}.npz"
        )
        for weight in (0.5, 1.0)
    }
    data, prepared = corpus
    clips = read_manifest(prepared / "manifests" / "evaluation.json")
    streams = StreamStore(prepared / "streams", "fake")
    detector = SoundEventDetector.from_hparams(source=folder / "detector")
    report = json.loads((folder / "report.json").read_text())
    assert detector.primary_weight == report["inference_weight"]["student"]
    assert detector.labels == report["class_labels"]
    paths = [clip["wav"] for clip in clips.values()]
    features = [streams.read(clip_id) for clip_id in clips]
    features = [None if f is None else {"fake": f} for f in features]
    parameters = detector.parameters["ebf1"]
    for weight, scores in stored.items():
        events = decode(scores, parameters.thresholds, parameters.windows)
        results = detector.detect_files(
            paths,
            primary_weight=weight,
            progress=False,
            features=features,
            postprocessing="median",
        )
        for clip, (_, found) in zip(clips.values(), results, strict=True):
            row = scores.filenames.index(clip["filename"])
            frame = np.concatenate([found.scores.frame, found.scores.beyond])
            np.testing.assert_allclose(frame, scores.frame[row], atol=1e-5)
            np.testing.assert_allclose(
                found.scores.clip, scores.clip[row], atol=1e-5
            )
            mine = events[events["filename"] == clip["filename"]]
            columns = ["onset", "offset", "event_label"]
            assert (
                sorted(mine[columns].values.tolist())
                == found.events[columns].values.tolist()
            )


def assert_boxes_agree(folder):
    """The detector's boxes are those that the report's figures are of."""
    report = json.loads((folder / "report.json").read_text())
    scores = ClipScores.load(
        folder
        / "scores/student/evaluation"
        / score_file(report["inference_weight"]["student, boxes"])
    )
    detector = SoundEventDetector.from_hparams(source=folder / "detector")
    assert detector.postprocessing == "boxes"
    n_events = 0
    for metric in ("sbf1", "ebf1"):
        tuned = report["tuned_parameters"]["student, boxes"][metric]
        tuned = BoxParameters.from_dict(tuned)
        boxes = tuned.boxes(scores)
        events = decode(boxes, tuned.thresholds, tuned.windows)
        for row, name in enumerate(scores.filenames):
            frames = np.arange(len(scores.frame[row])) * scores.frame_hop
            inside = frames < scores.durations[row]
            of_file = FileScores(
                *(name, scores.labels, scores.frame[row][inside]),
                *(scores.clip[row], scores.frame_hop, scores.durations[row]),
                beyond=scores.frame[row][~inside],
            )
            found = detector.detection(of_file, metric).events
            mine = events[events["filename"] == name]
            assert found[mine.columns].values.tolist() == mine.values.tolist()
            for event in found.itertuples():
                middle = (event.onset + event.offset) / 2 / scores.frame_hop
                column = scores.labels.index(event.event_label)
                assert event.score == boxes.frame[row, int(middle), column]
            n_events += len(found)
    assert n_events


def assert_scores_agree(
    stored, corpus, detector, given=None, subset="evaluation"
):
    """A detector has the stored scores, with its features of all streams."""
    clips = read_manifest(corpus[1] / "manifests" / f"{subset}.json")
    stores = [
        StreamStore(corpus[1] / "streams", name) for name in detector.streams
    ]
    features = [
        {s.stream: s.read(c) for s in stores if s.read(c) is not None}
        for c in clips
    ]
    paths = [clip["wav"] for clip in clips.values()]
    results = detector.scores_files(
        paths, primary_weight=given, progress=False, features=features
    )
    for clip, (_, found) in zip(clips.values(), results, strict=True):
        row = stored.filenames.index(clip["filename"])
        frame = np.concatenate([found.frame, found.beyond])
        np.testing.assert_allclose(frame, stored.frame[row], atol=1e-5)
        np.testing.assert_allclose(found.clip, stored.clip[row], atol=1e-5)
