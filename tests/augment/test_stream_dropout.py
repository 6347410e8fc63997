"""Streams that are left out at random."""

import pytest
import torch

from speechbrain_mmsed.augment.stream_dropout import StreamDropout

STREAMS = ["film", "yamnet"]
ALL = torch.ones(4000, 3, dtype=torch.bool)


def test_streams_go_at_their_rates_and_the_sound_never():
    dropout = StreamDropout({"film": 0.25, "yamnet": 0.5}, STREAMS)
    kept = dropout(ALL, (1, 1, 1)).float().mean(0)
    assert kept[0] == 1.0
    expected = torch.tensor([0.75, 0.5])
    torch.testing.assert_close(kept[1:], expected, atol=0.03, rtol=0)
    # Streams go independently of each other.
    both = dropout(ALL, (1, 1, 1)).all(1).float().mean()
    assert abs(both - 0.375) < 0.03


def test_draws_come_from_seed_epoch_and_step():
    dropout = StreamDropout(0.5, STREAMS)
    one = dropout(ALL, (1, 2, 3))
    assert torch.equal(one, dropout(ALL, (1, 2, 3)))
    assert not torch.equal(one, dropout(ALL, (1, 2, 4)))


def test_nothing_becomes_available():
    have = torch.tensor([[True, False, True]] * 50)
    left = StreamDropout(0.5, STREAMS)(have, (1, 2, 3))
    assert not bool((left & ~have).any())
    assert StreamDropout(0.0, STREAMS)(have, (1, 2, 3)) is have


@pytest.mark.parametrize("rate", [1.5, -0.1, {"films": 0.5}])
def test_wrong_rates_are_refused(rate):
    with pytest.raises(ValueError, match="modality_dropout"):
        StreamDropout(rate, STREAMS)
