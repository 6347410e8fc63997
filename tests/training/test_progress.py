"""Curves of a run that was interrupted."""

from speechbrain_mmsed.training.tensorboard import EpochTensorboard


def test_curves_go_on_in_another_process(tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import (
        EventAccumulator,
    )

    for epochs in ((1, 2), (3,)):
        logger = EpochTensorboard(str(tmp_path))
        for epoch in epochs:
            logger.log_stats(
                {"epoch": epoch, "lr": 0.1},
                train_stats={"loss": 1.0 / epoch},
                valid_stats={"loss": 2.0 / epoch},
            )
        logger.writer.close()
    events = EventAccumulator(str(tmp_path)).Reload()
    for name in ("lr", "loss/train", "loss/valid"):
        assert [event.step for event in events.Scalars(name)] == [1, 2, 3]
    values = [event.value for event in events.Scalars("loss/valid")]
    assert values[2] < values[1] < values[0] == 2.0
