"""What a mean-teacher run leaves behind, and how it goes on from there."""

import logging

import numpy as np
import pytest
import speechbrain as sb
import torch
import yaml


class Stop(Exception):
    pass


def interrupt(brain, epoch, step):
    """Stops a brain before it trains on a batch."""
    start = brain.on_fit_batch_start

    def stop(batch, should_step):
        if (brain.epoch, brain.step) == (epoch, step):
            raise Stop
        start(batch, should_step)

    brain.on_fit_batch_start = stop
    return brain


def same(one, two):
    return all(torch.equal(a, b) for a, b in zip(one, two, strict=True))


@pytest.mark.parametrize("step", [2, 3])
def test_a_resumed_run_equals_an_uninterrupted_one(tiny_brain, fit, step):
    # Two micro-batches a step would not: gradients are not checkpointed.
    whole = fit(tiny_brain("whole")).records
    every = {"ckpt_interval_minutes": 0, "ckpt_interval_steps": 1}
    first = interrupt(tiny_brain(run_opts=every), 2, step)
    with pytest.raises(Stop):
        fit(first)
    torch.manual_seed(99)
    second = fit(tiny_brain(run_opts=every))
    resumed = first.records + second.records
    assert len(first.records) == 2 + step
    for one, two in zip(whole, resumed, strict=True):
        assert one["epoch_and_step"] == two["epoch_and_step"]
        assert one["loss"] == two["loss"]
        for key in ("inputs", "draw"):
            assert torch.equal(one[key], two[key])
        for key in ("student", "teacher", "teacher_parameters"):
            assert same(one[key], two[key])


def test_stopped_in_validation_it_goes_on_there(tiny_brain, fit):
    whole = fit(tiny_brain("whole"))
    every = {"ckpt_interval_minutes": 0, "ckpt_interval_steps": 1}
    first = tiny_brain(run_opts=every)

    def stop(batch, stage):
        raise Stop

    first.evaluate_batch = stop
    with pytest.raises(Stop):
        fit(first)
    second = fit(tiny_brain(run_opts=every))
    assert len(first.records) == len(second.records) == 3
    assert second.records[0]["epoch_and_step"] == (2, 1)
    assert same(whole.teacher.parameters(), second.teacher.parameters())
    logs = (brain.hparams.train_logger.rows[-1] for brain in (whole, second))
    assert len({str(row) for row in logs}) == 1


def test_teacher_is_in_the_checkpoint(tiny_brain, fit):
    trained = fit(tiny_brain())
    other = tiny_brain()
    assert not same(other.teacher.parameters(), trained.teacher.parameters())
    other.recover_last()
    for name in ("student", "teacher"):
        one, two = (
            getattr(brain, name).state_dict() for brain in (trained, other)
        )
        assert same(one.values(), two.values())
    assert not same(other.teacher.parameters(), other.student.parameters())


def test_checkpoint_meta_is_plain_and_can_be_read_again(
    tiny_brain, fit, tmp_path
):
    brain = fit(tiny_brain())
    # Figures as tensors and numpy numbers must not reach the file.
    brain.track({"f1": np.float32(0.5), "f2": torch.tensor(0.5)})
    brain.on_stage_end(sb.Stage.VALID, torch.tensor(0.25), np.int64(2))
    (folder,) = (tmp_path / "save").glob("CKPT*")
    meta = yaml.safe_load((folder / "CKPT.yaml").read_text())
    assert {"epoch", "valid_loss"} < set(meta)
    for value in meta.values():
        assert type(value) in (int, float, bool)
    again = tiny_brain()
    again.recover_last()
    assert again.optimizer_step == 6


def test_nothing_is_scored_without_a_checkpoint(tiny_brain):
    with pytest.raises(RuntimeError, match="save holds no checkpoint: train"):
        tiny_brain().recover_last()


def test_a_finished_run_is_recovered_silently(tiny_brain, fit, caplog):
    fit(tiny_brain())
    brain = tiny_brain()
    with caplog.at_level(logging.WARNING):
        brain.recover_last()
        assert not fit(brain).records
    assert "training did not end" not in caplog.text


@pytest.mark.parametrize(
    ("epoch", "said"), [(2, "Scoring 1 of 2"), (1, "middle of an epoch of 2")]
)
def test_an_unfinished_run_is_told(tiny_brain, fit, caplog, epoch, said):
    every = {"ckpt_interval_minutes": 0, "ckpt_interval_steps": 1}
    step = 2 if epoch == 1 else 1
    with pytest.raises(Stop):
        fit(interrupt(tiny_brain(run_opts=every), epoch, step))
    with caplog.at_level(logging.WARNING):
        tiny_brain().recover_last()
    assert "training did not end" in caplog.text
    assert said in caplog.text
