"""Learning rate, consistency weight and the warnings of short runs."""

import logging
import math

import pytest

from speechbrain_mmsed.training.checks import (
    short_run_warnings,
    warn_of_schedules,
)
from speechbrain_mmsed.training.schedules import (
    ConsistencyWeight,
    LearningRateDecay,
)
from speechbrain_mmsed.training.teacher import TeacherDecay


def test_staircase_of_the_paper():
    rate = LearningRateDecay(1e-3, 10000)
    assert rate(0) == rate(9999) == 1e-3
    assert rate(10000) == pytest.approx(1e-4)
    assert rate(24999) == pytest.approx(1e-5)


def test_continuous_option_meets_the_staircase_at_its_steps():
    smooth = LearningRateDecay(1e-3, 10000, staircase=False)
    assert smooth(5000) == pytest.approx(1e-3 * math.sqrt(0.1))
    assert smooth(20000) == pytest.approx(1e-5)


def test_consistency_weight_is_constant_in_the_paper():
    assert {ConsistencyWeight()(step) for step in (0, 10, 25000)} == {2.0}


def test_rampup():
    weight = ConsistencyWeight(2.0, rampup_steps=100)
    assert weight(0) == pytest.approx(2.0 * math.exp(-5))
    assert weight(50) == pytest.approx(2.0 * math.exp(-5 * 0.25))
    assert weight(100) == weight(1000) == 2.0
    values = [weight(step) for step in range(101)]
    assert values == sorted(values)


def test_warnings_name_the_overrides_that_help():
    settings = TeacherDecay(), ConsistencyWeight(), LearningRateDecay()
    found = " ".join(short_run_warnings(1000, *settings))
    for option in ("ema_warmup", "consistency_rampup_steps 300", "lr_decay"):
        assert option in found
    assert short_run_warnings(25000, *settings) == []
    good = (
        TeacherDecay(warmup=True),
        ConsistencyWeight(rampup_steps=300),
        LearningRateDecay(decay_steps=400),
    )
    assert short_run_warnings(1000, *good) == []


def test_short_runs_are_warned_about(caplog, monkeypatch):
    hparams = {
        **{"number_of_epochs": 2, "batches_per_epoch": 6},
        **{"divide_batches": False, "teacher_decay": TeacherDecay()},
        "consistency_weight": ConsistencyWeight(),
        "learning_rate_decay": LearningRateDecay(),
    }
    with caplog.at_level(logging.WARNING):
        # Twelve batches, two to a step.
        warn_of_schedules(hparams, {"grad_accumulation_factor": 2})
    assert "only 6 steps" in caplog.text
    assert "--consistency_rampup_steps 2" in caplog.text
    monkeypatch.setenv("WORLD_SIZE", "3")
    with caplog.at_level(logging.WARNING):
        warn_of_schedules(hparams, {})
    assert "3 processes take whole batches, so 4 steps instead" in caplog.text
    caplog.clear()
    hparams |= {"number_of_epochs": 10000, "divide_batches": True}
    with caplog.at_level(logging.WARNING):
        warn_of_schedules(hparams, {})
    assert not caplog.text


@pytest.mark.parametrize(
    "make",
    [
        lambda: LearningRateDecay(initial=0.0),
        lambda: LearningRateDecay(decay_steps=0),
        lambda: ConsistencyWeight(-1.0),
    ],
)
def test_impossible_settings_are_errors(make):
    with pytest.raises(ValueError, match="must"):
        make()
