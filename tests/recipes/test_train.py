"""Whole runs of the training recipe on a tiny built-in corpus."""

import json
import pathlib
import shutil
import sys
from unittest.mock import Mock

import numpy as np
import pytest
import torch

from speechbrain_mmsed.dataio.corpus.clips import read_manifest
from speechbrain_mmsed.dataio.streams.store import StreamStore
from speechbrain_mmsed.inference import FileScores, SoundEventDetector
from speechbrain_mmsed.inference.rehearsal import RehearsalError
from speechbrain_mmsed.postprocessing.box_parameters import BoxParameters
from speechbrain_mmsed.postprocessing.decode import decode
from speechbrain_mmsed.postprocessing.scores import ClipScores, score_file
from speechbrain_mmsed.training.hparams import HparamsError
from speechbrain_mmsed.training.pseudo_labels import PseudoLabelError

HPARAMS = (
    pathlib.Path(__file__).resolve().parents[2]
    / "recipes/DESED/sound_event_detection/hparams"
)
# Small in every respect: what is tested is the way of the data.
SMALL = {
    "number_of_epochs": 2,
    "batches_per_epoch": 3,
    "batch_strong": 2,
    "batch_weak": 2,
    "batch_unlabelled": 2,
    "num_workers": 0,
    "n_layers": 1,
    "log_interval": 1,
    "streams": "[fake]",
    "stream_widths": "{fake: 8}",
    "fusion": "random",
    "inference_weights": "[0.5, 0.75]",
    "scoring_batch_size": 4,
    "mixup_rate": 0.5,
    "use_logmel_cache": False,
    "control_untrained": False,
    "control_shuffled_streams": False,
    "class_groups": "null",
    "postprocessing": "median",
}


@pytest.fixture
def run(load_recipe, tiny_corpus, tmp_path):
    """Runs train.py in this process; returns its output folder."""
    recipe = load_recipe("sound_event_detection/train.py")
    data, prepared = tiny_corpus

    def start(yaml="quickstart.yaml", name="run", flags=(), **overrides):
        settings = {
            "data_folder": data,
            "prepared_folder": prepared,
            "output_folder": tmp_path / name,
            **SMALL,
            **overrides,
        }
        arguments = [str(HPARAMS / yaml), "--device", "cpu"]
        arguments += ["--noprogressbar", *flags]
        for key, value in settings.items():
            arguments += [f"--{key}", str(value)]
        recipe.main(arguments)
        return tmp_path / name

    start.recipe, start.corpus = recipe, tiny_corpus
    start.folder = tmp_path
    return start


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


def stored_scores(folder, weight):
    """Of a run, for evaluation, at a weight."""
    path = folder / "scores/student/evaluation" / score_file(weight)
    return ClipScores.load(path)


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


def assert_it_learns(run, before, labels, settings, monkeypatch):
    """Pseudo-labels change a training, and nothing that it draws."""
    brain, losses, stop = run.recipe.SoundEventBrain, [], [(1, 3)]
    total_loss, recover_last = brain.total_loss, brain.recover_last

    def noted(self, classification, student, teacher):
        losses.append(classification)
        assert (self.epoch, self.step) not in stop, "stop here"
        return total_loss(self, classification, student, teacher)

    def trained(self):
        recover_last(self)
        raise InterruptedError

    def train(name, error=InterruptedError, match=None, **more):
        more = {**settings, "ckpt_interval_steps": 1, **more}
        with pytest.raises(error, match=match):
            run(name=name, ckpt_interval_minutes=0, **more)
        return before.parent / name

    monkeypatch.setattr(brain, "total_loss", noted)
    monkeypatch.setattr(brain, "recover_last", trained)
    pseudo = {"pseudo_labels_folder": labels}
    train("again", AssertionError, "stop here", **pseudo)
    stop.clear()
    message = "pseudo_labels_weight: 1.0 there, 2.0 now"
    train("again", HparamsError, message, **pseudo, pseudo_labels_weight=2.0)
    again = train("again", **pseudo)
    losses.clear()
    assert_same_weights(train("next", **pseudo), again)
    with pytest.raises(AssertionError, match="network"):
        assert_same_weights(before, again)
    assert_same_weights(before, train("without"))
    # Of the first batch, mixed in both.
    first, without = losses[0], losses[3]
    assert first["clip_bce"] == without["clip_bce"]
    assert set(first) - set(without) == {"pseudo_clip_bce", "pseudo_frame_bce"}


def test_run_resume_and_report(run, monkeypatch):
    whole = run(
        name="whole",
        control_untrained=True,
        control_shuffled_streams=True,
        postprocessing="both",
        detector_postprocessing="boxes",
    )
    report = json.loads((whole / "report.json").read_text())
    models = ["student", "student, boxes", "teacher", "teacher, boxes"]
    assert list(report["metrics"]) == models
    for model in models:
        splits = report["metrics"][model]
        assert set(splits) == {
            "all",
            "video_available",
            "video_ignored",
            "video_unavailable",
        }
        for figures in splits.values():
            assert set(figures) == {"cbf1", "sbf1", "ebf1", "psds1", "psds2"}
            for value in figures.values():
                assert value is None or 0.0 <= value <= 1.0
    assert set(report["controls"]) >= {"untrained", "shuffled_streams"}
    assert (whole / "report.md").read_text().count("|") > 20
    assert (whole / "hyperparams.yaml").is_file()
    assert_detector_agrees(whole, run.corpus)
    assert_boxes_agree(whole)

    # Interrupted in the middle of the second epoch, then started again.
    class Stop(Exception):
        pass

    brain = run.recipe.SoundEventBrain
    original = brain.on_fit_batch_start

    def interrupted(self, batch, should_step):
        if (self.epoch, self.step) == (2, 2):
            raise Stop
        original(self, batch, should_step)

    monkeypatch.setattr(brain, "on_fit_batch_start", interrupted)
    with pytest.raises(Stop):
        run(name="resumed", ckpt_interval_minutes=0, ckpt_interval_steps=1)
    monkeypatch.undo()
    resumed = run(name="resumed")
    assert_same_weights(whole, resumed)
    lines = [
        (folder / "train_log.txt").read_text().splitlines()[-1]
        for folder in (whole, resumed)
    ]
    assert "frame_bce" in lines[0] and lines[0] == lines[1]

    # A finished run is only scored again.
    scores = resumed / "scores/student/evaluation/weight_0.5000.npz"
    before = np.load(scores)["frame"]
    shutil.rmtree(resumed / "scores")
    fit_batch = Mock(side_effect=AssertionError("a batch was trained"))
    monkeypatch.setattr(brain, "fit_batch", fit_batch)
    run(name="resumed")
    assert np.array_equal(np.load(scores)["frame"], before)

    # But not under settings that are not its own.
    with pytest.raises(HparamsError, match="fusion: 'random' there, 0.5 now"):
        run(name="resumed", fusion=0.5)


def test_audio_only_conformer(run):
    folder = run("conformer.yaml", streams="[]", number_of_epochs=1)
    report = json.loads((folder / "report.json").read_text())
    splits = report["metrics"]["student"]
    assert set(splits["video_available"].values()) == {None}
    assert splits["video_ignored"]["cbf1"] is not None
    names = {path.name for path in (folder / "scores").rglob("*.npz")}
    assert names == {"weight_1.0000.npz"}


def test_log_mel_cache_and_bf16_give_a_run(run, tiny_corpus, tmp_path):
    prepared = tmp_path / "prepared"
    shutil.copytree(tiny_corpus[1], prepared)
    folder = run(
        prepared_folder=prepared,
        streams_folder=prepared / "streams",
        use_logmel_cache=True,
        precision="bf16",
        number_of_epochs=1,
    )
    assert (folder / "report.json").is_file()
    assert len(list((prepared / "log_mel").rglob("*.npy"))) == 32


def test_a_corpus_in_memory_trains_the_same_network(run, monkeypatch, tmp_path):
    settings = {
        "use_logmel_cache": True,
        "log_mel_folder": tmp_path / "log_mel",
        "batches_per_epoch": 4,
    }
    read = run(name="read", num_workers=1, **settings)
    settings["corpus_on_device"] = True
    kept = run(name="kept", **settings)
    assert_same_weights(read, kept)

    # Interrupted, and continued out of memory or without.
    brain = run.recipe.SoundEventBrain
    original = brain.on_fit_batch_start

    def interrupted(self, batch, should_step):
        assert (self.epoch, self.step) != (2, 3), "stop here"
        original(self, batch, should_step)

    monkeypatch.setattr(brain, "on_fit_batch_start", interrupted)
    for name in ("again", "without"):
        with pytest.raises(AssertionError, match="stop here"):
            run(
                name=name,
                ckpt_interval_minutes=0,
                ckpt_interval_steps=1,
                **settings,
            )
    monkeypatch.undo()
    assert_same_weights(read, run(name="again", **settings))
    settings["corpus_on_device"] = False
    assert_same_weights(read, run(name="without", **settings))


def test_films_a_sound_embedding_and_a_gate(run, load_recipe, monkeypatch):
    settings = {
        "streams": "[fake, heard]",
        "stream_widths": "{fake: 8, heard: 4}",
        "fusion": "gated",
        "modality_dropout": "{fake: 0.5}",
        "number_of_epochs": 1,
        "mixup_rate": 1.0,
        "dropout": 0.0,
    }
    folder = run(control_shuffled_streams=True, **settings)
    report = json.loads((folder / "report.json").read_text())
    assert report["inference_weight"]["student"] == "gated"
    # Table 7 goes by films, although each clip has the embedding.
    clips = read_manifest(run.corpus[1] / "manifests" / "evaluation.json")
    films = sum(c["video_status"] == "present" for c in clips.values())
    counts = report["counts"]["splits"]
    assert 0 < films < len(clips)
    assert counts["video_available"]["clips"] == films
    assert counts["video_unavailable"]["clips"] == len(clips) - films
    assert counts["heard_ignored"]["clips"] == len(clips)
    assert set(report["controls"]) == {
        f"shuffled_{name}" for name in ("streams", "fake", "heard")
    }
    metrics = report["metrics"]["student"]
    for split in ("video_ignored", "heard_ignored"):
        assert metrics[split]["cbf1"] is not None
    means = report["gate_weights"]["student"]
    assert means["video_unavailable"]["fake"] == 0.0
    for split in means.values():
        assert sum(split.values()) == pytest.approx(1.0, abs=2e-4)
    text = (folder / "report.md").read_text()
    assert "heard ignored" in text and "from the data" in text
    detector = SoundEventDetector.from_hparams(source=folder / "detector")
    assert_scores_agree(stored_scores(folder, "gated"), run.corpus, detector)
    # Its scores of the other clips teach the next network.
    program = load_recipe("sound_event_detection/pseudo_labels.py")
    labels = folder.parent / "labels"
    with pytest.raises(PseudoLabelError, match="report.json is not there"):
        program.main([str(labels), "--out", str(labels)])
    program.main([str(folder), "--out", str(labels)])
    for subset in ("weak", "unlabelled"):
        stored = ClipScores.load(labels / f"{subset}.npz")
        assert_scores_agree(stored, run.corpus, detector, subset=subset)
    assert_it_learns(run, folder, labels, settings, monkeypatch)


def test_a_weight_for_each_stream(run):
    folder = run(
        streams="[fake, heard]",
        stream_widths="{fake: 8, heard: 4}",
        fusion="{sound: 0.5, fake: 0.2, heard: 0.3}",
        inference_weights="search",
        number_of_epochs=1,
    )
    report = json.loads((folder / "report.json").read_text())
    tried = report["validation_ebf1"]["student"]
    assert {"0.5000", "0.2500_0.7500_0.0000"} < set(tried)
    chosen = report["inference_weight"]["student"]
    chosen = tuple(chosen) if isinstance(chosen, list) else chosen
    detector = SoundEventDetector.from_hparams(source=folder / "detector")
    assert_scores_agree(stored_scores(folder, chosen), run.corpus, detector)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"streams": "[nothing]"}, "nothing"),
        ({"stream_widths": "{fake: 9}"}, "9"),
        ({"streams": "[openl3]", "stream_widths": "{openl3: 512}"}, "extract"),
        ({"number_of_epoch": 1}, "Did you mean: number_of_epochs"),
        ({"n_classes": 9}, "class_labels has 10"),
        ({"sample_rate": 8000}, "set n_frames: 32"),
        ({"clip_seconds": 30.0}, "of 30.0 s are 192: set n_frames: 192"),
        ({"data_folder": "/does/not/exist"}, "/does/not/exist"),
        ({"fusion": "half"}, "half"),
        ({"fusion": 3}, "fusion is 3, .* at most 1"),
        ({"number_of_epochs": -2}, "number_of_epochs is -2"),
        ({"lr": "much"}, "given: .*lr 'much'"),
        ({"device": "gpu"}, "expected cpu, cuda"),
        ({"corpus_on_device": "yes"}, "expected auto, True or False"),
        ({"corpus_on_device": True}, "set use_logmel_cache: True"),
        ({"postprocessing": "boxes"}, "expected median, or both"),
        ({"detector_postprocessing": "boxes"}, "set postprocessing: both"),
        ({"batch_weak": 0, "batch_strong": 0, "batch_unlabelled": 0}, "nothi"),
    ],
)
def test_wrong_settings_stop_before_the_first_batch(
    run, monkeypatch, overrides, message
):
    def no_batch(*args, **kwargs):
        raise AssertionError("a batch was trained")

    monkeypatch.setattr(run.recipe.SoundEventBrain, "fit_batch", no_batch)
    with pytest.raises(Exception, match=message):
        run(**overrides)


@pytest.mark.slow
def test_a_run_starts_from_another_with_other_streams(run):
    first = run(number_of_epochs=1)
    settings = {
        **{"streams": "[heard]", "stream_widths": "{heard: 4}"},
        **{"start_from": first, "start_from_lr_factor": 0.0},
        **{"number_of_epochs": 1, "fusion": 0.5},
    }
    tuned = run(name="tuned", **settings)
    report = json.loads((tuned / "report.json").read_text())
    told = report["metadata"]["started_from"]["parts"]
    new = {row["part"] for row in told if row["new"]}
    assert new == {
        f"{what} heard" for what in ("encoder of", "projection of")
    } | {"attention to heard"}
    # Taken weights stay, as their learning rate is 0; what is new learns.
    before, after = weights(first)["network"], weights(tuned)["network"]
    assert torch.equal(before["class_token"], after["class_token"])
    statistics = [
        torch.load(path / "detector/frontend.ckpt") for path in (first, tuned)
    ]
    assert torch.equal(*(s["mean"] for s in statistics))
    shutil.copytree(first, first.parent / "moved")
    settings["start_from"] = first.parent / "moved"
    with pytest.raises(HparamsError, match="start_from: .*run.* there"):
        run(name="tuned", **settings)


def test_what_follows_the_training_is_tried_before_it(run, monkeypatch):
    prepare = Mock(side_effect=AssertionError("the corpus was prepared"))
    monkeypatch.setattr(run.recipe, "prepare_desed", prepare)
    monkeypatch.setitem(sys.modules, "sed_eval", None)
    with pytest.raises(RehearsalError, match="the figures .*sed_eval"):
        run()
    monkeypatch.undo()
    monkeypatch.setattr(run.recipe, "prepare_desed", prepare)
    (run.folder / "taken").write_text("a file")
    with pytest.raises(OSError, match="taken"):
        run(name="taken")


@pytest.mark.slow
@pytest.mark.parametrize(
    "yaml",
    [
        "quickstart.yaml",
        pytest.param("conformer.yaml", marks=pytest.mark.slow),
    ],
)
def test_a_compiled_training_is_the_plain_one(run, monkeypatch, yaml):
    """Compiled without writing C++, which takes minutes."""
    small = {"dropout": 0.0, "d_model": 16, "d_head": 8, "d_ffn": 16}
    small["cnn_channels"] = "[4, 4, 4, 4, 4, 4, 16]"
    plain = run(yaml, "plain", **small)
    real, graphs = torch.compile, []

    def count(graph, inputs):
        graphs.append(graph)
        return graph.forward

    def compile_plainly(module, mode, fullgraph, dynamic):
        return real(module, backend=count, fullgraph=True, dynamic=dynamic)

    monkeypatch.setattr(torch, "compile", compile_plainly)
    compiled = run(yaml, "compiled", ["--compile"], **small)
    # Student and teacher, in training and in validation.
    assert len(graphs) == 4
    for name, state in weights(plain).items():
        found = weights(compiled)[name]
        assert list(found) == list(state)
        for key, value in state.items():
            torch.testing.assert_close(found[key], value, rtol=1e-4, atol=1e-4)
    assert_detector_agrees(compiled, run.corpus)
