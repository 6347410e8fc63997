"""What SpeechBrain's own consistency checks ask of a recipe, by its rules.

Its tests read the yaml and the script line by line, as text: nothing but the
script itself, `!ref` in the same yaml and Brain's own options make a key used.
"""

import csv
import pathlib
import re

import pytest
from speechbrain.utils.run_opts import RunOptions

ROOT = pathlib.Path(__file__).resolve().parents[2]
FILES = ("Script_file", "Hparam_file", "Data_prep_file", "Readme_file")


def rows():
    path = ROOT / "tests/recipes/DESED.csv"
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file, skipinitialspace=True))


def unread_keys(yaml, script):
    """Keys of a yaml that neither the script nor a later `!ref` reads."""
    keys = []
    for line in yaml.splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        key = line.split(":")[0]
        if ":" in line and line[0] not in " \t" and "!apply" not in line:
            keys.append(key)
        if "!ref" in line:
            # Only keys that stand above count, and a reference into a
            # mapping counts for the mapping.
            read = set(re.findall(r"<(\w+)[\[>]", line))
            keys = [key for key in keys if key not in read]
    return [
        key
        for key in keys
        if f'["{key}"]' not in script
        and f"hparams.{key}" not in script
        and key not in RunOptions().as_dict()
    ]


def test_the_rule_finds_what_upstream_finds():
    yaml = """
# comment: no key
seed: 1
__set_seed: !apply:torch.manual_seed [!ref <seed>]
read: 2
folder: out
log: !ref <folder>/log
sizes: {a: 1}
first: !ref <sizes[a]>
early: !ref <late>
late: 3
max_grad_norm: 5.0
quoted: 1
  nested: 2
"""
    script = 'hparams["log"] hparams["first"] hparams.read, "quoted", early'
    assert unread_keys(yaml, script) == ["early", "late", "quoted"]


def test_every_yaml_has_a_row_with_flags_and_every_file_exists():
    recipes = ROOT / "recipes/DESED"
    yamls = {p for p in recipes.rglob("*.yaml") if p.parent.name == "hparams"}
    assert yamls <= {ROOT / row["Hparam_file"] for row in rows()}
    for row in rows():
        assert row["test_debug_flags"], row["Hparam_file"]
        for column in FILES:
            for name in row[column].split():
                assert (ROOT / name).is_file(), name
        readme = (ROOT / row["Readme_file"]).read_text()
        for link in (row["Result_url"] + " " + row["HF_repo"]).split():
            assert link in readme


@pytest.mark.parametrize("row", rows(), ids=lambda row: row["Hparam_file"])
def test_every_key_is_read_by_the_script(row):
    yaml = (ROOT / row["Hparam_file"]).read_text()
    script = (ROOT / row["Script_file"]).read_text()
    assert unread_keys(yaml, script) == []


@pytest.mark.parametrize("row", rows(), ids=lambda row: row["Hparam_file"])
def test_modules_of_the_script_are_those_of_the_yaml(row):
    script = (ROOT / row["Script_file"]).read_text()
    used = set(re.findall(r"self\.modules\.(\w+)", script))
    block = re.search(
        r"^modules:\n((?:[ \t].*\n)*)",
        (ROOT / row["Hparam_file"]).read_text(),
        re.M,
    )
    listed = re.findall(r"^\s+(\w+):", block[1], re.M) if block else []
    assert used <= set(listed)
