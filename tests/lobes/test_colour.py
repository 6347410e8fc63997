"""Histograms of colours against a plain count."""

import pathlib

import numpy as np
import pytest
import torch
from stream_choice import embedder_recipe

from speechbrain_mmsed.dataio.streams.embedding import FrameEmbedding
from speechbrain_mmsed.lobes.visual import ColourHistogramEmbedder
from speechbrain_mmsed.training.hparams import read_hparams

RECIPES = pathlib.Path(__file__).resolve().parents[2] / "recipes" / "DESED"


@pytest.mark.parametrize("levels", [2, 4])
def test_shares_of_colours_equal_a_plain_count(levels):
    rng = np.random.default_rng(3)
    frames = rng.integers(0, 256, (3, 32, 50, 3), dtype=np.uint8)
    embedder = ColourHistogramEmbedder(levels)
    found = FrameEmbedding(embedder)(frames)
    for picture, vector in zip(frames, found, strict=True):
        expected = np.zeros((levels,) * 3)
        for r, g, b in picture[:, 9:41].reshape(-1, 3).astype(int):
            cut = tuple(c * levels // 256 for c in (r, g, b))
            expected[cut] += 1 / 32**2
        # Streams are stored and compared in float32 or less.
        assert np.allclose(vector, np.sqrt(expected).ravel(), atol=1e-3)
        assert np.linalg.norm(vector.astype(float)) == pytest.approx(
            1, abs=1e-2
        )


def test_red_is_not_blue_and_position_does_not_count():
    embedder = ColourHistogramEmbedder()
    picture = torch.zeros(3, 32, 32, 3, dtype=torch.uint8)
    picture[0, :8, :, 0] = picture[1, 24:, :, 0] = picture[2, :8, :, 2] = 255
    up, down, blue = embedder(embedder.preprocess(picture))
    assert torch.equal(up, down) and not torch.equal(up, blue)


def test_levels_that_make_no_sense():
    with pytest.raises(ValueError, match="integer from 2 to 16"):
        ColourHistogramEmbedder(1)


def test_the_yaml_builds_it_without_arguments():
    hparams, _ = read_hparams(
        str(RECIPES / "hparams" / "extract.yaml"),
        "{data_folder: d, prepared_folder: p}",
    )
    recipe = embedder_recipe("colour_histogram", hparams["embedders"], "w")
    assert recipe["class"].endswith(".ColourHistogramEmbedder")
    assert recipe["arguments"] == {}
