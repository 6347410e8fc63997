"""The averaged teacher."""

import pytest
import torch

from speechbrain_mmsed.training.teacher import (
    TeacherDecay,
    make_teacher,
    update_teacher,
)


def network():
    return torch.nn.Sequential(
        torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4), torch.nn.Linear(4, 2)
    )


def test_starts_as_a_copy_of_its_own():
    student = network()
    teacher = make_teacher(student)
    for ours, theirs in zip(
        teacher.state_dict().values(),
        student.state_dict().values(),
        strict=True,
    ):
        assert torch.equal(ours, theirs)
        assert ours.data_ptr() != theirs.data_ptr()
    assert teacher.training
    assert not any(p.requires_grad for p in teacher.parameters())


def test_moves_as_the_slow_average_and_leaves_buffers_alone():
    torch.manual_seed(0)
    student = network()
    teacher = make_teacher(student)
    slow = [p.clone() for p in teacher.parameters()]
    teacher[1].running_mean.fill_(5.0)
    for step in range(20):
        with torch.no_grad():
            for p in student.parameters():
                p.add_(torch.randn_like(p))
        student[1].running_mean.fill_(float(step))
        update_teacher(teacher, student, 0.9)
        slow = [
            0.9 * s + 0.1 * p
            for s, p in zip(slow, student.parameters(), strict=True)
        ]
    for ours, expected in zip(teacher.parameters(), slow, strict=True):
        torch.testing.assert_close(ours, expected.detach())
    assert torch.equal(teacher[1].running_mean, torch.full((4,), 5.0))


def test_own_forward_moves_its_batch_norm():
    teacher = make_teacher(network())
    before = teacher[1].running_mean.clone()
    with torch.no_grad():
        teacher(torch.randn(8, 3) + 2.0)
    assert not torch.equal(before, teacher[1].running_mean)


def test_decay_and_warmup():
    assert [TeacherDecay(0.999)(step) for step in (0, 5)] == [0.999, 0.999]
    warm = TeacherDecay(0.999, warmup=True)
    assert [warm(step) for step in (0, 1, 3)] == [0.0, 0.5, 0.75]
    assert warm(999) == 0.999
    assert warm(10**6) == 0.999


def test_other_architecture_is_an_error():
    with pytest.raises(ValueError, match="make_teacher"):
        update_teacher(torch.nn.Linear(2, 2), torch.nn.Linear(3, 2), 0.9)
    with pytest.raises(ValueError, match=r"in \[0, 1\)"):
        TeacherDecay(1.0)
