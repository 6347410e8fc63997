"""Mean-teacher training step by step, on a tiny network."""

import pytest
import torch

from speechbrain_mmsed.training import devices as devices_file
from speechbrain_mmsed.training.schedules import (
    ConsistencyWeight,
    LearningRateDecay,
)
from speechbrain_mmsed.training.teacher import TeacherDecay, make_teacher

ACCUMULATE = {"grad_accumulation_factor": 2}


def same(one, two):
    return all(torch.equal(a, b) for a, b in zip(one, two, strict=True))


def distance(one, two):
    squares = ((a - b).square().sum() for a, b in zip(one, two, strict=True))
    return float(sum(squares)) ** 0.5


@pytest.mark.parametrize("warmup", [False, True])
def test_teacher_moves_once_per_optimiser_step(tiny_brain, fit, warmup):
    brain = tiny_brain(
        run_opts=ACCUMULATE,
        number_of_epochs=1,
        batches_per_epoch=6,
        teacher_decay=TeacherDecay(0.9, warmup),
    )
    slow = [p.clone() for p in brain.teacher.parameters()]
    assert same(slow, brain.student.parameters())
    fit(brain)
    for step, record in enumerate(brain.records):
        if step % 2:
            done = step // 2
            decay = min(0.9, 1 - 1 / (done + 1)) if warmup else 0.9
            slow = [
                decay * ours + (1 - decay) * theirs
                for ours, theirs in zip(
                    slow, record["student_parameters"], strict=True
                )
            ]
        assert distance(record["teacher_parameters"], slow) < 1e-6
    assert brain.optimizer_step == 3


def test_schedules_count_optimiser_steps(tiny_brain, fit):
    rate = LearningRateDecay(0.1, decay_steps=2)
    weight = ConsistencyWeight(2.0, rampup_steps=4)
    brain = tiny_brain(
        run_opts=ACCUMULATE,
        batches_per_epoch=4,
        learning_rate_decay=rate,
        consistency_weight=weight,
    )
    fit(brain)
    assert len(brain.records) == 8
    for batch, record in enumerate(brain.records):
        assert record["learning_rate"] == rate(batch // 2)
        expected = weight(batch // 2)
        assert record["consistency_weight"] == pytest.approx(expected, rel=1e-3)
    assert brain.records[-1]["learning_rate"] == pytest.approx(0.01)


def test_batches_and_draws_differ_between_steps_epochs_and_seeds(
    tiny_brain, fit
):
    runs = [fit(tiny_brain(f"run{i}", seed=i)).records for i in (1, 2)]
    draws = {tuple(r["draw"].tolist()) for run in runs for r in run}
    assert len(draws) == 12
    places = [record["epoch_and_step"] for record in runs[0]]
    assert places == [(e, s) for e in (1, 2) for s in (1, 2, 3)]
    orders = [
        torch.cat([r["inputs"] for r in runs[0][i : i + 3]]) for i in (0, 3)
    ]
    assert not torch.equal(*orders)
    # Every clip once in each epoch.
    assert torch.equal(*(order.sort(0).values for order in orders))


def test_one_seed_gives_one_run(tiny_brain, fit):
    runs = [fit(tiny_brain(f"run{i}")).records for i in (1, 2)]
    for one, two in zip(*runs, strict=True):
        assert same(one["student"], two["student"])
        assert same(one["teacher"], two["teacher"])


def test_modes_and_gradients(tiny_brain, fit):
    brain = fit(tiny_brain())
    assert {record["modes"] for record in brain.records} == {(True, True)}
    # The last pass was validation.
    assert not brain.student.training
    assert not brain.teacher.training
    assert all(p.grad is None for p in brain.teacher.parameters())
    # Dropout of its own: they differ before anything was learnt.
    first = brain.records[0]
    assert not same(first["student"], first["teacher"])


def test_teacher_batch_norm_follows_its_own_forward(tiny_brain, fit):
    brain = tiny_brain()
    twin = make_teacher(brain.teacher)
    fit(brain)
    before = [p.clone() for p in twin.parameters()]
    for record in brain.records:
        with torch.no_grad():
            for ours, value in zip(twin.parameters(), before, strict=True):
                ours.copy_(value)
            twin(record["inputs"])
        before = record["teacher_parameters"]
    norm = brain.teacher.norm
    torch.testing.assert_close(norm.running_mean, twin.norm.running_mean)
    torch.testing.assert_close(norm.running_var, twin.norm.running_var)
    assert norm.num_batches_tracked == 6
    student = brain.student.norm.running_mean
    assert not torch.allclose(norm.running_mean, student, rtol=1e-3)


@pytest.mark.parametrize(("scale", "clipped"), [(1e4, True), (1e-2, False)])
def test_gradients_are_clipped_at_five(tiny_brain, fit, scale, clipped):
    brain = tiny_brain(
        opt_class=lambda parameters: torch.optim.SGD(parameters, lr=1.0),
        learning_rate_decay=LearningRateDecay(1.0),
        consistency_weight=ConsistencyWeight(0.0),
        number_of_epochs=1,
        batches_per_epoch=2,
    )
    brain.scale = scale
    place = [p.detach().clone() for p in brain.student.parameters()]
    fit(brain)
    for record in brain.records:
        moved = distance(place, record["student_parameters"])
        place = record["student_parameters"]
        assert 0 < moved <= 5.0 + 1e-3
        assert (moved == pytest.approx(5.0, rel=1e-3)) == clipped


def test_logged_figures_are_means_of_the_epoch(tiny_brain, fit):
    brain = fit(tiny_brain())
    for logger in brain.loggers:
        assert len(logger.rows) == 2
        for epoch, (meta, train, valid) in enumerate(logger.rows, start=1):
            assert meta["epoch"] == epoch
            assert meta["step"] == 3 * epoch
            losses = [r["loss"] for r in brain.records[3 * epoch - 3 :][:3]]
            assert train["loss"] == pytest.approx(sum(losses) / 3)
            terms = {"bce", "clip_consistency", "frame_consistency"}
            assert set(train) == {"loss"} | terms
            assert set(valid) == {"loss"}
            for figure in (*meta.values(), *train.values(), *valid.values()):
                assert type(figure) in (int, float)


@pytest.mark.parametrize(
    ("backend", "devices"), [("nccl", ["cuda:1"]), ("gloo", None)]
)
def test_processes_keep_their_own_batch_statistics(
    tiny_brain, monkeypatch, backend, devices
):
    """Collectives in an encoder that a process skips would not pair up."""
    wrapped = []

    class Wrapper(torch.nn.Module):
        def __init__(self, module, device_ids, find_unused_parameters):
            super().__init__()
            self.module = module
            wrapped.append((device_ids, find_unused_parameters))

    brain = tiny_brain()
    monkeypatch.setattr(devices_file, "DistributedDataParallel", Wrapper)
    brain.distributed_launch, brain.distributed_backend = True, backend
    brain.device = "cuda:1"
    brain._wrap_distributed()
    assert wrapped == [(devices, False)]
    kinds = {type(m) for m in brain.modules["network"].modules()}
    assert torch.nn.BatchNorm1d in kinds
    assert torch.nn.SyncBatchNorm not in kinds
    assert brain.student is brain.modules["network"].module


def test_networks_that_cannot_be_compiled_train_as_they_are(
    tiny_brain, fit, monkeypatch, caplog
):
    real = torch.compile

    def break_down(graph, inputs):
        raise RuntimeError("no compiler here")

    def compile_badly(module, **options):
        return real(module, backend=break_down)

    torch._dynamo.reset()
    # Set by the Brain; this undoes it after the test.
    monkeypatch.setattr(torch._dynamo.config, "suppress_errors", False)
    monkeypatch.setattr(torch, "compile", compile_badly)
    brain = fit(tiny_brain(run_opts={"compile": True}))
    assert brain.optimizer_step == len(brain.records) == 6
    assert "no compiler here" in caplog.text
