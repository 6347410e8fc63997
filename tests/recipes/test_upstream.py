"""What SpeechBrain's own consistency checks ask of a recipe."""

import csv
import pathlib
import re

import pytest
import ruamel.yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
YAMLS = sorted(
    (ROOT / "recipes/DESED/sound_event_detection/hparams").glob("*.yaml")
)


def recipe_rows():
    path = ROOT / "tests/recipes/DESED.csv"
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_every_yaml_has_a_row_and_every_file_exists():
    rows = recipe_rows()
    listed = {ROOT / row["Hparam_file"] for row in rows}
    assert listed == set(YAMLS)
    for row in rows:
        for column in (
            "Script_file",
            "Hparam_file",
            "Data_prep_file",
            "Readme_file",
        ):
            assert (ROOT / row[column]).is_file(), row[column]


@pytest.mark.parametrize("path", YAMLS, ids=lambda path: path.stem)
def test_every_yaml_key_is_used(path):
    # A key is read in train.py by its name, or by reference in the yaml of
    # the family (a variant's keys stand in for those of its base).
    script = (path.parents[1] / "train.py").read_text()
    package = "".join(
        p.read_text()
        for p in (ROOT / "speechbrain_mmsed/training").glob("*.py")
    )
    family = "".join(p.read_text() for p in YAMLS)
    for key in ruamel.yaml.YAML().load(path.read_text()):
        if key in ("base_yaml", "__set_seed"):
            continue
        used = (
            f'hparams["{key}"]' in script + package
            or f"hparams.{key}" in script + package
            or re.search(rf"!ref .*<{key}[>\[]", family)
            # Options of Brain itself.
            or key in ("max_grad_norm", "ckpt_interval_minutes")
        )
        assert used, f"{path.name}: nothing reads '{key}'"
