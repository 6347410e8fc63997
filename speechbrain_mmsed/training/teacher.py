"""The teacher of mean-teacher training (section 3.1.5, reference [43]).

`torch.optim.swa_utils.AveragedModel` copies or averages buffers; here the
teacher runs in train mode and its batch normalisation follows its own
forward passes, so parameters are averaged and buffers are left alone.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import copy

import torch


class TeacherDecay:
    """Decay of the exponential moving average at each optimiser step.

    Arguments
    ---------
    decay : float
        Final decay; the paper's 0.999.
    warmup : bool
        If True, min(1 - 1 / (step + 1), decay): the plain mean of the
        student's course until that is slower than `decay`. Without it the
        teacher of a short run stays near its random start.

    Example
    -------
    >>> TeacherDecay(0.999)(0)
    0.999
    >>> TeacherDecay(0.999, warmup=True)(1)
    0.5
    """

    def __init__(self, decay=0.999, warmup=False):
        if not 0.0 <= decay < 1.0:
            raise ValueError(f"Teacher decay {decay} must be in [0, 1).")
        self.decay = decay
        self.warmup = warmup

    def __call__(self, step):
        """Share of the teacher that is kept after `step` earlier steps."""
        if self.warmup:
            return min(1.0 - 1.0 / (step + 1), self.decay)
        return self.decay


def make_teacher(student):
    """A deep copy of a student, in train mode, that takes no gradient.

    Example
    -------
    >>> teacher = make_teacher(torch.nn.Linear(2, 2))
    >>> any(p.requires_grad for p in teacher.parameters())
    False
    """
    teacher = copy.deepcopy(student)
    teacher.requires_grad_(False)
    return teacher.train()


@torch.no_grad()
def update_teacher(teacher, student, decay):
    """Moves the teacher to decay * teacher + (1 - decay) * student, in place.

    Parameters are paired by order: under DDP the student's names have a
    prefix and the teacher's do not. Buffers are not touched.

    Example
    -------
    >>> student = torch.nn.Linear(1, 1)
    >>> teacher = make_teacher(student)
    >>> _ = torch.nn.init.zeros_(teacher.weight)
    >>> _ = torch.nn.init.ones_(student.weight)
    >>> update_teacher(teacher, student, 0.75)
    >>> teacher.weight.item()
    0.25
    """
    ours = list(teacher.parameters())
    theirs = [parameter.detach() for parameter in student.parameters()]
    if [p.shape for p in ours] != [p.shape for p in theirs]:
        raise ValueError(
            "Teacher and student differ in their parameters: make the "
            "teacher with make_teacher(student)."
        )
    torch._foreach_lerp_(ours, theirs, 1.0 - decay)
