"""The four terms of the loss against plain loops."""

import math

import pytest
import torch

from speechbrain_mmsed.training.losses import (
    classification_losses,
    consistency_losses,
)

SUBSETS = ["strong", "weak", "unlabelled"]


@pytest.fixture
def batch():
    torch.manual_seed(0)
    student = torch.randn(5, 3), torch.randn(5, 4, 3)
    teacher = torch.randn(5, 3), torch.randn(5, 4, 3)
    weak = torch.rand(5, 3)
    strong = torch.randint(0, 2, (5, 4, 3)).float()
    return student, teacher, weak, strong, torch.tensor([0, 0, 1, 2, 1])


def slow_bce(logits, targets):
    terms = [
        -t * math.log(1 / (1 + math.exp(-z)))
        - (1 - t) * math.log(1 - 1 / (1 + math.exp(-z)))
        for z, t in zip(
            logits.flatten().tolist(), targets.flatten().tolist(), strict=True
        )
    ]
    return sum(terms) / len(terms)


def test_cross_entropies_use_their_clips_only(batch):
    student, _, weak, strong, subset = batch
    losses = classification_losses(student, weak, strong, subset, SUBSETS)
    assert losses["clip_bce"].item() == pytest.approx(
        slow_bce(student[0][[2, 4]], weak[[2, 4]]), rel=1e-4
    )
    assert losses["frame_bce"].item() == pytest.approx(
        slow_bce(student[1][[0, 1]], strong[[0, 1]]), rel=1e-4
    )


def test_labels_of_other_clips_change_nothing(batch):
    student, _, weak, strong, subset = batch
    before = classification_losses(student, weak, strong, subset, SUBSETS)
    weak[subset != 1] = 1 - weak[subset != 1]
    strong[subset != 0] = 1 - strong[subset != 0]
    after = classification_losses(student, weak, strong, subset, SUBSETS)
    assert before == after


def test_consistency_is_over_all_clips_and_moves_the_student_only(batch):
    student, teacher, *_ = batch
    student = tuple(x.requires_grad_() for x in student)
    teacher = tuple(x.requires_grad_() for x in teacher)
    losses = consistency_losses(student, teacher)
    expected = ((student[0].sigmoid() - teacher[0].sigmoid()) ** 2).mean()
    torch.testing.assert_close(losses["clip_consistency"], expected)
    sum(losses.values()).backward()
    assert teacher[0].grad is None
    assert teacher[1].grad is None
    assert (student[1].grad.abs().sum((1, 2)) > 0).all()


def test_batch_without_a_label_still_has_a_gradient():
    logits = torch.randn(2, 3, requires_grad=True)
    losses = classification_losses(
        (logits, torch.randn(2, 4, 3, requires_grad=True)),
        torch.zeros(2, 3),
        torch.zeros(2, 4, 3),
        torch.tensor([2, 2]),
        SUBSETS,
    )
    assert losses["clip_bce"].item() == 0.0
    losses["clip_bce"].backward()
    assert torch.equal(logits.grad, torch.zeros(2, 3))
