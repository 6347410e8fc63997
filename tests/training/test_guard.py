"""Bad steps leave no trace, and signals leave a checkpoint."""

import os
import signal

import pytest
import speechbrain as sb
import torch

from speechbrain_mmsed.dataio.corpus.loaders import LoaderError
from speechbrain_mmsed.dataio.streams.records import StreamError
from speechbrain_mmsed.training.guard import (
    Interrupted,
    NonFiniteError,
    guarded,
)


class Batch(tuple):
    """What a loader gives: features beside the names of the clips."""

    def __new__(cls, inputs, labels):
        batch = super().__new__(cls, (inputs, labels))
        batch.id = [f"clip{n}" for n in range(len(inputs))]
        batch.log_mel = inputs
        return batch

    def __len__(self):
        return len(self.id)


@pytest.fixture
def brain(tiny_brain):
    """As `tiny_brain`, guarded; `spoil` changes the inputs of a batch."""

    def build(*args, spoil=lambda brain, inputs: inputs, **more):
        made = tiny_brain(*args, guard=guarded, **more)
        fit_batch = made.fit_batch
        made.states = {}

        def spoiled(batch):
            loss = fit_batch(Batch(spoil(made, batch[0].clone()), batch[1]))
            made.states[made.epoch, made.step] = state(made)
            return loss

        made.fit_batch = spoiled
        return made

    return build


def state(made):
    """Copies of all that a step may change."""
    held = [made.student.state_dict(), made.teacher.state_dict()]
    held += made.optimizer.state_dict()["state"].values()
    found = [v for s in held for k, v in s.items() if "num_batches" not in k]
    return [v.detach().clone() for v in found] + [
        torch.tensor(made.optimizer_step)
    ]


def same(one, two):
    return all(torch.equal(a, b) for a, b in zip(one, two, strict=True))


def spoil_at(*steps, value=float("nan")):
    def spoil(made, inputs):
        if (made.epoch, made.step) in steps:
            inputs[2, 1] = value
        return inputs

    return spoil


@pytest.mark.parametrize("factor", [1, 2])
def test_without_bad_steps_nothing_changes(tiny_brain, brain, fit, factor):
    more = {"run_opts": {"grad_accumulation_factor": factor}}
    one, two = fit(tiny_brain("plain", **more)), fit(brain("guarded", **more))
    assert same(state(one), state(two))
    assert [r["loss"] for r in one.records] == [r["loss"] for r in two.records]
    assert one.loggers[0].rows == two.loggers[0].rows


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 3e38])
def test_a_bad_step_leaves_no_trace(brain, fit, value, caplog):
    made = fit(brain(spoil=spoil_at((1, 1), (2, 2), value=value)))
    states = made.states
    assert same(states[2, 1], states[2, 2])
    assert not same(states[2, 2], states[2, 3])
    assert made.optimizer_step == 4
    assert all(s.isfinite().all() for s in states[2, 3])
    assert "epoch 2, batch 2: the loss or its gradient is not" in caplog.text
    if value != 3e38:  # which is finite, and all clips are named
        assert "not finite: clip2 (log_mel)." in caplog.text
    meta, train, valid = made.loggers[0].rows[-1]
    for figure in (*train.values(), *valid.values()):
        assert figure == figure
    assert valid["loss"] > 0.0


def test_a_window_of_two_batches_is_left_out_as_one(brain, fit):
    made = fit(
        brain(
            spoil=spoil_at((2, 1)),
            run_opts={"grad_accumulation_factor": 2},
            batches_per_epoch=4,
        )
    )
    states = made.states
    assert same(states[1, 4], states[2, 2])
    assert not same(states[2, 2], states[2, 4])


def test_an_infinite_loss_with_finite_gradients_is_bad(brain, fit):
    made = brain()
    total, bad = made.progress.track, []

    def beyond(classification):
        if (made.epoch, made.step) == (2, 2) and "bce" in classification:
            classification["bce"].data.fill_(float("inf"))
            bad.append(made.step)
        total(classification)

    made.progress.track = beyond
    fit(made)
    assert bad and same(made.states[2, 1], made.states[2, 2])


def test_too_many_end_the_run_with_a_good_checkpoint(brain, fit, tiny_brain):
    made = brain(
        spoil=spoil_at((2, 2), (2, 3)), run_opts={"nonfinite_patience": 1}
    )
    with pytest.raises(NonFiniteError, match="clip2") as raised:
        fit(made)
    assert "\n" not in str(raised.value)
    resumed = tiny_brain()
    resumed.on_fit_start()
    assert same(made.states[2, 1], state(resumed))
    # With the clip repaired it goes on.
    again = fit(brain())
    assert again.optimizer_step == 4


@pytest.mark.parametrize("every", [True, False])
def test_a_validation_without_a_loss_is_not_one_of_zero(
    brain, fit, caplog, every
):
    made = brain()
    evaluate, batches = made.evaluate_batch, []

    def spoiled(batch, stage):
        batches.append(batch)
        bad = every or len(batches) == 1
        return evaluate(
            [batch[0] * (float("nan") if bad else 1), batch[1]], stage
        )

    made.evaluate_batch = spoiled
    fit(made)
    losses = [valid["loss"] for _, _, valid in made.loggers[0].rows]
    assert (losses[0] != losses[0]) is every and losses[0] != 0.0
    said = "the loss of 3 of 3" if every else "the loss of 1 of 3"
    assert said in caplog.text


def signalled(made, at, number=signal.SIGTERM):
    """Sends a signal to this process while it trains on a batch."""
    forward = made.compute_forward

    def killed(batch, stage):
        made.calls = getattr(made, "calls", 0) + (stage != sb.Stage.TRAIN)
        place = (made.epoch, made.step)
        if stage != sb.Stage.TRAIN:
            place = ("valid", made.calls)
        if place == at:
            os.kill(os.getpid(), number)
        return forward(batch, stage)

    made.compute_forward = killed
    return made


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize(
    "at", [(1, 1), (2, 2), (2, 3), ("valid", 2), ("valid", 3), ("valid", 6)]
)
def test_a_signal_saves_and_the_run_goes_on(brain, fit, at, number, caplog):
    whole = fit(brain("whole"))
    before = signal.getsignal(number)
    with pytest.raises(Interrupted, match=signal.Signals(number).name):
        fit(signalled(brain(), at, number))
    assert signal.getsignal(number) == before
    torch.manual_seed(9)
    resumed = fit(brain())
    assert same(state(whole), state(resumed))
    steps = len(resumed.records)
    assert steps == {1: 5, 2: 6 - 3 - at[1] if at[0] == 2 else 0}.get(
        at[0], 3 if at[1] < 4 else 0
    )
    if steps or at[0] == "valid":
        assert str(whole.loggers[0].rows[-1]) == str(
            resumed.loggers[0].rows[-1]
        )


def test_a_second_signal_ends_at_once(brain, fit):
    made = signalled(brain(), (2, 1), signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        fit(signalled(made, (2, 1), signal.SIGINT))


class Broken(torch.utils.data.TensorDataset):
    """Clips of which one cannot be read."""

    def __getitem__(self, index):
        if index == 5:
            raise StreamError(f"clip {index} cannot be read. Run:\n  that")
        return super().__getitem__(index)


def test_what_a_worker_could_not_read_is_all_that_is_told(brain):
    data = Broken(torch.ones(12, 3), torch.ones(12, 2))
    made = brain()
    with pytest.raises(
        LoaderError, match="^clip 5 cannot be read. Run:\n  that$"
    ):
        made.fit(
            made.counter,
            data,
            train_loader_kwargs={"batch_size": 4, "num_workers": 1},
        )
