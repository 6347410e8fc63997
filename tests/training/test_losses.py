"""The four terms of the loss against plain loops."""

import math

import pytest
import torch

from speechbrain_mmsed.training.losses import (
    classification_losses,
    clip_teacher,
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


@pytest.mark.parametrize(
    ("chosen", "sizes", "expected", "said"),
    [
        (None, [8, 8, 16], "weak", None),
        ("strong", [8, 8, 16], "strong", None),
        (None, [8, 0, 16], "strong", "weak clips: strong ones teach tags"),
        (None, [0, 8, 16], "weak", "events mean nothing"),
        ("weak", [8, 0, 0], "weak", "tags mean nothing"),
    ],
)
def test_who_teaches_the_clip_head(chosen, sizes, expected, said, caplog):
    assert clip_teacher(chosen, sizes) == expected
    messages = " ".join(record.getMessage() for record in caplog.records)
    assert messages == "" if said is None else said in messages


def test_strong_clips_teach_the_clip_head_where_they_are_asked_to():
    torch.manual_seed(0)
    student = torch.randn(4, 3), torch.randn(4, 5, 3)
    weak, strong = torch.rand(4, 3), torch.rand(4, 5, 3)
    subset = torch.tensor([0, 1, 0, 2])
    losses = classification_losses(
        student, weak, strong, subset, SUBSETS, "strong"
    )
    expected = torch.nn.functional.binary_cross_entropy_with_logits(
        student[0][[0, 2]], weak[[0, 2]]
    )
    torch.testing.assert_close(losses["clip_bce"], expected)
    with pytest.raises(ValueError, match="clip_labels_of is 'all'"):
        clip_teacher("all", [1, 1, 1])
