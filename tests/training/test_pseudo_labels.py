"""Pseudo-labels against plain loops, and what is refused."""

import json
import math

import numpy as np
import pytest
import torch
from corpora import write_pseudo_labels

from speechbrain_mmsed.augment.mixup import MixupPlan
from speechbrain_mmsed.postprocessing.scores import ClipScores
from speechbrain_mmsed.training.pseudo_labels import (
    PseudoLabelError,
    PseudoLabels,
)

LABELS, N_FRAMES, HOP = ["Cat", "Dog", "Speech"], 4, 0.25
CLIPS = {
    "weak": {"weak/a": ["Dog"], "weak/b": ["Cat", "Speech"]},
    "unlabelled": {"unlabelled/a": [], "unlabelled/c": [], "unlabelled/d": []},
}
BATCH = ["strong/a", "weak/b", "unlabelled/d", "weak/a", "unlabelled/a"]


@pytest.fixture
def made(tmp_path):
    return write_pseudo_labels(tmp_path, CLIPS, LABELS, N_FRAMES, HOP)


@pytest.fixture
def build(tmp_path, made):
    """PseudoLabels of the stored ones; keywords replace arguments."""

    def make(**changes):
        settings = {"labels": LABELS, "n_frames": N_FRAMES, "frame_hop": HOP}
        pseudo = PseudoLabels(tmp_path, **{**settings, **changes})
        pseudo.open(made[1])
        return pseudo

    return make


def target(stored, clip_id, c, frame, temperature):
    """One target: as stored, 0 where a weak label has no such class."""
    subset, name = clip_id.split("/")
    if subset == "strong":
        return 0.0
    if subset == "weak" and LABELS[c] not in CLIPS["weak"][clip_id]:
        return 0.0
    scores = stored[subset]
    row = scores.filenames.index(f"{name}.wav")
    p = scores.clip[row, c] if frame is None else scores.frame[row, frame, c]
    return 1 / (1 + math.exp(-math.log(p / (1 - p)) / temperature))


def slow_loss(stored, logits, temperature, plan):
    """Mean cross entropy of the clips that are not strong."""
    terms = []
    for n, clip_id in enumerate(BATCH):
        for place in np.ndindex(logits.shape[1:]) if n else ():
            *frame, c = place
            wanted = [
                target(stored, name, c, *(frame or [None]), temperature)
                for name in (clip_id, BATCH[plan.partner[n]])
            ]
            t = plan.ratio * wanted[0] + (1 - plan.ratio) * wanted[1]
            p = 1 / (1 + math.exp(-logits[n][place].item()))
            terms.append(-t * math.log(p) - (1 - t) * math.log(1 - p))
    return sum(terms) / len(terms)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
@pytest.mark.parametrize("mixed", [True, False])
def test_the_term_equals_a_loop(made, build, temperature, mixed):
    torch.manual_seed(0)
    student = torch.randn(5, 3), torch.randn(5, N_FRAMES, 3)
    plan = MixupPlan(1.0, torch.arange(5))
    if mixed:
        # Within subsets, as mixup draws them.
        plan = MixupPlan(0.7, torch.tensor([0, 3, 4, 1, 2]))
    pseudo = build(weight=2.0, temperature=temperature)
    losses = pseudo(student, BATCH, plan if mixed else None)
    assert list(losses) == ["pseudo_clip_bce", "pseudo_frame_bce"]
    for loss, logits in zip(losses.values(), student, strict=True):
        expected = 2.0 * slow_loss(made[0], logits, temperature, plan)
        assert loss.item() == pytest.approx(expected, rel=1e-5)


def test_classes_that_a_weak_label_rules_out_are_pushed_down(build):
    """Clip and frames; where they are there, and elsewhere, scores decide."""
    student = torch.zeros(1, 3), torch.zeros(1, N_FRAMES, 3)
    for logits in student:
        logits.requires_grad_()
    sum(build()(student, ["weak/a"]).values()).backward()
    clip, frame = (logits.grad for logits in student)
    # Of a target of 0, at a probability of a half.
    assert torch.allclose(clip[0, [0, 2]], torch.full((2,), 0.5 / 3))
    of_frames = torch.full((N_FRAMES, 2), 0.5 / (3 * N_FRAMES))
    assert torch.allclose(frame[0][:, [0, 2]], of_frames)
    assert clip[0, 1] < 0.5 / 3 and (frame[0, :, 1] < of_frames[:, 0]).all()


def test_strong_clips_have_no_targets_but_a_gradient(build):
    student = torch.ones(1, 3), torch.ones(1, N_FRAMES, 3, requires_grad=True)
    loss = build()(student, ["strong/a"])["pseudo_frame_bce"]
    loss.backward()
    assert loss.item() == 0.0 and not student[1].grad.any()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"labels": ["Cat", "Dog"]}, r"weak.npz: classes: \['Cat', 'Dog', 'Sp"),
        ({"n_frames": 5}, "frames in a clip: 4, but 5 in the yaml"),
        ({"frame_hop": 0.5}, "seconds in a frame: 0.25, but 0.5"),
        ({"weight": 0.0}, "leave pseudo_labels_folder null"),
        ({"temperature": -1.0}, "must be above 0"),
    ],
)
def test_what_does_not_fit_stops(build, changes, message):
    with pytest.raises(PseudoLabelError, match=message) as error:
        build(**changes)
    assert "\n" not in str(error.value)


def test_clips_without_scores_are_counted(build, made):
    """Stored ones that the corpus does not have are no error."""
    path = made[1]["unlabelled"]
    clips = json.loads(path.read_text())
    del clips["unlabelled/c"]
    path.write_text(json.dumps(clips))
    build()
    for name in "ef":
        clips[f"unlabelled/{name}"] = {"filename": f"{name}.wav", "tags": []}
    path.write_text(json.dumps(clips))
    with pytest.raises(PseudoLabelError, match=r"2 of 4 unlabelled.* is e\.w"):
        build()


def test_files_that_are_not_those_stored_stop(build, tmp_path):
    before = build().settings()
    path = tmp_path / "weak.npz"
    scores = ClipScores.load(path)
    scores.frame[0, 0, 0] /= 2
    scores.save(path)
    with pytest.raises(PseudoLabelError, match=r"weak.npz: sha256 is"):
        build()
    path.unlink()
    with pytest.raises(PseudoLabelError, match=r"weak.npz: sha256 is no file"):
        build()
    (tmp_path / "source.json").unlink()
    with pytest.raises(PseudoLabelError, match=r"has no source.json"):
        build()
    write_pseudo_labels(tmp_path, CLIPS, LABELS, N_FRAMES, HOP)
    assert build().settings() == before
