"""Yaml files that build on another, and keys that nothing reads."""

import pytest
from hyperpyyaml import load_hyperpyyaml, resolve_references
from ruamel.yaml import YAML

from speechbrain_mmsed.training.hparams import HparamsError, read_hparams

BASE = """
seed: 1
data_folder: !PLACEHOLDER
width: 4
layer: !new:torch.nn.Linear
  in_features: !ref <width>
  out_features: 2
"""


@pytest.fixture
def yaml(tmp_path):
    (tmp_path / "base.yaml").write_text(BASE)

    def write(text):
        (tmp_path / "variant.yaml").write_text(text)
        return str(tmp_path / "variant.yaml")

    return write


def test_variant_changes_keys_of_what_it_includes(yaml):
    path = yaml(
        "variant_of: !include:base.yaml\n  width: 5\n"
        "  layer:\n    out_features: 3\n"
    )
    given = "data_folder: x\nseed: 9\n"
    hparams, resolved = read_hparams(path, given)
    assert list(hparams) == ["variant_of"]
    assert hparams["variant_of"]["seed"] == 9
    assert hparams["variant_of"]["layer"].weight.shape == (3, 5)
    assert "data_folder: x" in resolved
    # HyperPyYAML alone makes the same of the file.
    with open(path) as file:
        alone = load_hyperpyyaml(file, {"variant_of": YAML().load(given)})
    mine, theirs = hparams["variant_of"], alone["variant_of"]
    assert mine.keys() == theirs.keys()
    assert mine["layer"].weight.shape == theirs["layer"].weight.shape
    assert resolve_references(resolved).getvalue() == resolved


def test_nothing_stands_beside_what_a_variant_includes(yaml):
    path = yaml("variant_of: !include:base.yaml\nseed: 2\n")
    with pytest.raises(HparamsError, match=r"no other key.*seed"):
        read_hparams(path, "data_folder: x")


def test_unknown_key_of_the_variant(yaml):
    path = yaml("variant_of: !include:base.yaml\n  widthh: 5\n")
    with pytest.raises(HparamsError, match=r"'widthh'.*base.yaml.*width"):
        read_hparams(path, "data_folder: x")


def test_a_mapping_in_place_of_a_number(yaml):
    path = yaml("variant_of: !include:base.yaml\n  width: {a: 1}\n")
    with pytest.raises(HparamsError, match="variant.yaml: .*mapping.* base.ya"):
        read_hparams(path, "")


def test_unknown_key_of_the_command_line(yaml):
    path = yaml("variant_of: !include:base.yaml {}\n")
    with pytest.raises(HparamsError, match=r"command line.*'sead'.*seed"):
        read_hparams(path, "data_folder: x\nsead: 2")


def test_missing_value_says_how_to_give_it(yaml):
    with pytest.raises(HparamsError, match="--data_folder VALUE"):
        read_hparams(yaml("variant_of: !include:base.yaml {}\n"), "")


def test_mappings_of_the_command_line(yaml):
    """They fill what is empty and add to what is there."""
    path = yaml(
        "places:\nwidths: {a: 1, b: 2}\n"
        "twice: !ref <widths>\n"
        "layer: !new:torch.nn.Linear\n  in_features: 4\n  out_features: 2\n"
    )
    given = (
        "places: {weak: {audio: x}}\nwidths: {b: 3, c: 4}\n"
        "layer: {out_features: 7}\n"
    )
    hparams, resolved = read_hparams(path, given)
    assert hparams["places"] == {"weak": {"audio": "x"}}
    assert hparams["widths"] == {"a": 1, "b": 3, "c": 4}
    assert hparams["twice"] == hparams["widths"]
    assert hparams["layer"].weight.shape == (7, 4)
    assert "audio: x" in resolved
    hparams, _ = read_hparams(path, "widths: null")
    assert hparams["widths"] is None


def test_a_key_that_is_asked_for_and_missing_is_named(yaml):
    hparams, _ = read_hparams(yaml(BASE), "data_folder: x")
    assert hparams["seed"] == 1 and hparams.get("resident") is None
    with pytest.raises(HparamsError, match="^variant.yaml lacks 'resident'"):
        hparams["resident"]
