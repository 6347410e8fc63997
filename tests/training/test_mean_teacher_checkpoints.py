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


def last_row(brain):
    """Figures of the last epoch, as they were logged."""
    return str(brain.loggers[0].rows[-1])


@pytest.mark.parametrize("step", [2, 3])
def test_a_resumed_run_equals_an_uninterrupted_one(tiny_brain, fit, step):
    brain = fit(tiny_brain("whole"))
    whole = brain.records
    every = {"ckpt_interval_minutes": 0, "ckpt_interval_steps": 1}
    first = interrupt(tiny_brain(run_opts=every), 2, step)
    with pytest.raises(Stop):
        fit(first)
    torch.manual_seed(99)
    second = fit(tiny_brain(run_opts=every))
    assert last_row(second) == last_row(brain)
    resumed = first.records + second.records
    assert len(first.records) == 2 + step
    for one, two in zip(whole, resumed, strict=True):
        assert one["epoch_and_step"] == two["epoch_and_step"]
        assert one["loss"] == two["loss"]
        for key in ("inputs", "draw"):
            assert torch.equal(one[key], two[key])
        for key in ("student", "teacher", "teacher_parameters"):
            assert same(one[key], two[key])


@pytest.mark.parametrize("step", [2, 3, 4])
def test_resumed_between_two_micro_batches(tiny_brain, fit, step):
    # Gradients are not checkpointed: it goes on after the last whole step.
    opts = {
        "ckpt_interval_minutes": 0,
        "ckpt_interval_steps": 1,
        "grad_accumulation_factor": 2,
    }
    size = {"batches_per_epoch": 4}
    whole = fit(tiny_brain("whole", opts, **size))
    first = interrupt(tiny_brain(run_opts=opts, **size), 2, step)
    with pytest.raises(Stop):
        fit(first)
    second = fit(tiny_brain(run_opts=opts, **size))
    again = 3 if step > 2 else 1
    assert second.records[0]["epoch_and_step"] == (2, again)
    assert last_row(second) == last_row(whole)
    assert second.training_record()["training_steps"] == 4
    for name in ("student", "teacher"):
        one, two = (getattr(x, name).parameters() for x in (whole, second))
        assert same(one, two)


def test_time_of_all_parts_is_added_up(tiny_brain, fit, monkeypatch):
    now = [0.0]

    def clock():
        now[0] += 1.0
        return now[0]

    monkeypatch.setattr("time.monotonic", clock)
    every = {"ckpt_interval_minutes": 0, "ckpt_interval_steps": 1}
    first = interrupt(tiny_brain(run_opts=every), 2, 2)
    with pytest.raises(Stop):
        fit(first)
    stored = tiny_brain(run_opts=every)
    stored.recover_last()
    before = stored.training_record()["training_seconds"]
    assert before > 0
    fit(tiny_brain(run_opts=every))
    done = tiny_brain()
    done.recover_last()
    after = done.training_record()["training_seconds"]
    # A finished run that is started again trains nothing.
    again = fit(tiny_brain())
    again.recover_last()
    assert before < after == again.training_record()["training_seconds"]


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
    assert last_row(whole) == last_row(second)


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
    brain.progress.track({"f1": np.float32(0.5), "f2": torch.tensor(0.5)})
    brain.on_stage_end(sb.Stage.VALID, torch.tensor(0.25), np.int64(2))
    *_, folder = sorted((tmp_path / "save").glob("CKPT*"))
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
