"""Batched embedding equals one picture after the other."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from speechbrain_mmsed.dataio.streams.embedding import (
    FrameEmbedding,
    distinct_frames,
)
from speechbrain_mmsed.lobes.visual import FrameEmbedder


class Toy(FrameEmbedder):
    """A small convolutional network that notes what it is given."""

    def __init__(self, width=6, image_size=16):
        super().__init__(width, image_size)
        torch.manual_seed(0)
        self.net = torch.nn.Conv2d(3, width, 3)
        self.drop = torch.nn.Dropout(0.5)
        self.seen = []

    def preprocess(self, frames):
        return frames.permute(0, 3, 1, 2) / 255.0

    def forward(self, preprocessed):
        self.seen.append(len(preprocessed))
        return self.drop(self.net(preprocessed)).relu().mean((2, 3))

    def description(self):
        return {"network": "toy", "weights_sha256": "", "preprocessing": ""}


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(0, 3), min_size=1, max_size=12))
def test_distinct_frames(values):
    frames = np.repeat(np.array(values, np.uint8), 12).reshape(-1, 2, 2, 3)
    first, group = distinct_frames(frames)
    assert len(first) == len(set(values))
    assert first.tolist() == [values.index(v) for v in dict.fromkeys(values)]
    np.testing.assert_array_equal(frames[first][group], frames)


@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize("batch_size", [1, 5, 64])
def test_equals_one_after_the_other(channels_last, batch_size):
    rng = np.random.default_rng(1)
    frames = rng.integers(0, 256, (12, 16, 20, 3), np.uint8)[
        [0, 1, 1, 2, 3, 4, 5, 5, 6, 0]
    ]
    toy = Toy()
    embed = FrameEmbedding(
        toy, batch_size=batch_size, channels_last=channels_last
    )
    found = embed(frames)
    assert sum(toy.seen) == 7 and max(toy.seen) <= batch_size
    with torch.no_grad():
        for row, frame in zip(found, frames, strict=True):
            one = toy(toy.preprocess(torch.from_numpy(frame[None])))
            np.testing.assert_allclose(row, one[0].numpy(), atol=1e-6)
    assert found.dtype == np.float32


def test_bf16_is_close_and_still_float32():
    frames = np.random.default_rng(2).integers(0, 256, (3, 16, 16, 3), np.uint8)
    exact = FrameEmbedding(Toy(), precision="fp32")(frames)
    half = FrameEmbedding(Toy(), precision="bf16")(frames)
    assert half.dtype == np.float32
    cosine = (exact * half).sum(1) / np.linalg.norm(exact, axis=1)
    cosine /= np.linalg.norm(half, axis=1)
    assert cosine.min() > 0.999
    assert not np.array_equal(exact, half)


class Sensitive(Toy):
    """Takes the small difference of large numbers."""

    def forward(self, preprocessed):
        large = super().forward(preprocessed) + 100.0
        return large @ torch.eye(self.width) - 100.0


@pytest.mark.parametrize("native", [True, False])
def test_automatic_precision(monkeypatch, native):
    monkeypatch.setattr(
        torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: native
    )

    def chosen(kind, known=None):
        toy = kind()
        toy.bf16_accurate = known
        return FrameEmbedding(toy, precision="auto").precision, toy.seen

    fast = "bf16" if native else "fp32"
    assert chosen(Toy) == (fast, [4, 4] if native else [])
    assert chosen(Sensitive)[0] == "fp32"
    # What is known is not measured.
    assert chosen(Toy, True) == (fast, [])
    assert chosen(Toy, False) == ("fp32", [])
    assert chosen(Sensitive, True)[0] == fast
    assert FrameEmbedding(Toy()).precision == "fp32"
    assert FrameEmbedding(Sensitive(), precision="bf16").precision == "bf16"
    with pytest.raises(ValueError, match="not 'fp16'"):
        FrameEmbedding(Toy(), precision="fp16")
