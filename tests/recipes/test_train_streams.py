"""Trainings with several streams: gates, weights, pseudo-labels."""

import functools
import json
import shutil

import pytest
import torch
from recipe_runs import (
    assert_same_weights,
    assert_scores_agree,
    not_scored,
    stopped,
    stored_scores,
    weights,
)

from speechbrain_mmsed.dataio.corpus.clips import read_manifest
from speechbrain_mmsed.inference import SoundEventDetector
from speechbrain_mmsed.postprocessing.scores import ClipScores
from speechbrain_mmsed.training.hparams import HparamsError
from speechbrain_mmsed.training.pseudo_labels import PseudoLabelError


def assert_it_learns(run, before, labels, settings, monkeypatch):
    """Pseudo-labels change a training, and nothing that it draws."""
    brain, losses = run.recipe.SoundEventBrain, []
    total_loss = brain.total_loss

    def noted(self, classification, student, teacher):
        losses.append(classification)
        return total_loss(self, classification, student, teacher)

    def train(name, end=not_scored, **more):
        more = {**settings, "ckpt_interval_steps": 1, **more}
        with end(brain):
            run(name=name, ckpt_interval_minutes=0, **more)
        return before.parent / name

    monkeypatch.setattr(brain, "total_loss", noted)
    pseudo = {"pseudo_labels_folder": labels}
    train("again", functools.partial(stopped, epoch=1, step=3), **pseudo)
    message = "pseudo_labels_weight: 1.0 there, 2.0 now"
    with pytest.raises(HparamsError, match=message):
        run(name="again", **settings, **pseudo, pseudo_labels_weight=2.0)
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
