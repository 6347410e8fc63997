"""Whole runs of the training recipe on a tiny built-in corpus."""

import json
import shutil
from unittest.mock import Mock

import numpy as np
import pytest
import torch
from recipe_runs import (
    assert_boxes_agree,
    assert_detector_agrees,
    assert_same_weights,
    stopped,
    weights,
)

from speechbrain_mmsed.training.hparams import HparamsError


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
    brain = run.recipe.SoundEventBrain
    with stopped(brain, 2, 2):
        run(name="resumed", ckpt_interval_minutes=0, ckpt_interval_steps=1)
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
