"""The house: which room may use which, how large it may be, and the core.

The core is the set of files that a pull request to SpeechBrain would hold:
the table of CONTRIBUTING.md. Here it moves into a copy of SpeechBrain, by
that table, and trains there, without this package.
"""

import ast
import json
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys

import pytest
import ruamel.yaml
import speechbrain

ROOT = pathlib.Path(__file__).resolve().parents[1]
PACKAGE = "speechbrain_mmsed"
# From the top of docs/architecture.md down: who stands on whom.
LAYERS = [
    "cli",
    "inference.folders inference.formats",
    "inference",
    "evaluation.run evaluation.system",
    "evaluation.reports",
    "evaluation.evaluate evaluation.readers",
    "evaluation.tuning evaluation.statistics",
    "evaluation.counts",
    "evaluation.metrics",
    "training",
    "dataio.streams",
    "dataio.corpus",
    "dataio.media",
    "lobes postprocessing augment",
    "nnet",
    "folders in_use launch processes",
    "files pages problems seeding versions",
]


# Keys of the yaml that are null upstream, or objects of SpeechBrain's own.
WITHOUT = (
    *("export", "probe_film", "run_record", "log_mel_cache", "resident"),
    *("gate", "stream_dropout", "weight_search", "stream_form", "guard"),
    *("postprocessing_check", "pseudo_labels", "start"),
)
OWN = {
    "tensorboard_logger": "new:{}.utils.train_logger.TensorboardLogger",
    "checkpointer": "new:{}.utils.checkpoints.Checkpointer",
    "test_loader": "name:{}.dataio.dataloader.make_dataloader",
}


def modules():
    """Dotted name -> path of every module of the package."""
    found = {}
    for path in (ROOT / PACKAGE).rglob("*.py"):
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        found[name.removesuffix(".__init__")] = path
    return found


def imports(path, known):
    """Modules of the package that a file imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            for alias in node.names:
                name = f"{node.module}.{alias.name}"
                found.add(name if name in known else node.module)
    return {name for name in found if name.split(".")[0] == PACKAGE}


def layer(module):
    """Number of the layer that a module belongs to; 0 is the top."""
    name = module.removeprefix(f"{PACKAGE}.")
    for number, rooms in enumerate(LAYERS):
        if any(f"{name}.".startswith(f"{room}.") for room in rooms.split()):
            return number
    raise AssertionError(f"{module} is in no room: add it to LAYERS")


def test_imports_run_downwards():
    known = modules()
    upward = [
        (name, used)
        for name, path in known.items()
        if path.name != "__init__.py"
        for used in imports(path, known)
        if known[used].name != "__init__.py" and layer(used) < layer(name)
    ]
    assert upward == []


def test_no_room_is_too_large():
    lines = {
        path: len(path.read_text().splitlines()) for path in modules().values()
    }
    assert sum(lines.values()) <= 28000
    assert max(lines.values()) <= 300
    assert statistics.median(lines.values()) < 150
    evaluation = [n for p, n in lines.items() if "evaluation" in p.parts]
    assert sum(evaluation) <= 6000
    assert len(evaluation) <= 42
    assert sum(n for p, n in lines.items() if "dataio" in p.parts) <= 5800
    train = ROOT / "recipes/DESED/sound_event_detection/train.py"
    assert len(train.read_text().splitlines()) <= 250


def core():
    """Path -> place in SpeechBrain, as CONTRIBUTING.md has it."""
    text = (ROOT / "CONTRIBUTING.md").read_text()
    rows = re.findall(r"^\| `([^`]+)` \| `([^`]+)` \|", text, re.M)
    assert len(rows) == len(dict(rows))
    return dict(rows)


def dotted(path):
    """The module that a path stands for."""
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def test_the_core_is_small_and_closed():
    table = core()
    python = [path for path in table if path.endswith(".py")]
    lines = [len((ROOT / path).read_text().splitlines()) for path in python]
    assert len(python) <= 55
    assert sum(lines) <= 8000
    inside = {dotted(path) for path in python}
    known = modules()
    # Rooms' own docstrings stay behind: a folder upstream has its own.
    inside |= {name for name in known if known[name].name == "__init__.py"}
    for path in python:
        assert imports(ROOT / path, known) <= inside, path


@pytest.fixture
def upstream(tmp_path):
    """A copy of SpeechBrain into which the core has moved."""
    shutil.copytree(
        pathlib.Path(speechbrain.__file__).parent,
        tmp_path / "speechbrain",
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    table = core()
    names = {dotted(old): dotted(new) for old, new in table.items()}
    # A room as a whole, for `from room import file`.
    for old, new in list(names.items()):
        names[old.rpartition(".")[0]] = new.rpartition(".")[0]
    names[PACKAGE] = "speechbrain"
    olds = sorted(names, key=len, reverse=True)
    pattern = re.compile(rf"\b({'|'.join(map(re.escape, olds))})\b")
    for old, new in table.items():
        text = (ROOT / old).read_text()
        text = pattern.sub(lambda found: names[found[1]], text)
        place = tmp_path / new
        assert not place.exists(), f"{new} is there already"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    for folder in {(tmp_path / new).parent for new in table.values()}:
        if folder.is_relative_to(tmp_path / "speechbrain"):
            (folder / "__init__.py").touch()
    return tmp_path


def use_the_core_only(path):
    """The yaml with what stands on the core left out, see CONTRIBUTING.md."""
    yaml = ruamel.yaml.YAML()
    tree = yaml.load(path.read_text())
    run = dotted(core()[f"{PACKAGE}/evaluation/metrics/run.py"])
    tree["evaluate"].yaml_set_ctag(
        ruamel.yaml.tag.Tag(suffix=f"!name:{run}.evaluate_run")
    )
    for key in ("class_groups", "postprocessing", "spectrogram"):
        del tree["evaluate"][key]
    for key in ("layout", "batch_sizes"):
        del tree["preparation"][key]
    # One model is enough to see it work; the plain way of tuning is slow.
    tree["evaluate"]["models"] = ["student"]
    for key in WITHOUT:
        tree[key] = None
    # For want of a cache.
    tree["use_logmel_cache"] = False
    for key, own in OWN.items():
        tree[key].yaml_set_ctag(
            ruamel.yaml.tag.Tag(suffix="!" + own.format("speechbrain"))
        )
    with path.open("w") as file:
        yaml.dump(tree, file)


def test_the_core_trains_in_speechbrain(upstream, tiny_corpus, tmp_path):
    recipe = upstream / "recipes/DESED/sound_event_detection"
    use_the_core_only(recipe / "hparams/transformer.yaml")
    # Neither installed nor beside: whatever asks for this package fails.
    (upstream / "sitecustomize.py").write_text(
        f"import sys\nsys.modules['{PACKAGE}'] = None\n"
    )
    # The official libraries take long for sixteen windows.
    path = upstream / core()[f"{PACKAGE}/evaluation/metrics/scored.py"]
    text = path.read_text()
    assert "WINDOWS = tuple(range(1, 32, 2))" in text
    path.write_text(text.replace("tuple(range(1, 32, 2))", "(1, 7, 31)"))
    data, prepared = tiny_corpus
    settings = {
        **{"data_folder": data, "output_folder": tmp_path / "run"},
        **{"streams_folder": prepared / "streams", "streams": "[fake]"},
        **{"stream_widths": "{fake: 8}", "n_layers": 1, "num_workers": 0},
        **{"number_of_epochs": 1, "batches_per_epoch": 2, "batch_weak": 2},
        **{"batch_strong": 2, "batch_unlabelled": 2},
        **{"inference_weights": "[0.5]", "control_untrained": False},
        **{"d_model": 16, "d_head": 8, "d_ffn": 16},
        **{"cnn_channels": "[4, 4, 4, 4, 4, 4, 16]"},
    }
    command = [sys.executable, "train.py", "hparams/conformer.yaml"]
    command += [f"--{key}={value}" for key, value in settings.items()]
    done = subprocess.run(
        [*command, "--device=cpu", "--noprogressbar"],
        cwd=recipe,
        env={**os.environ, "PYTHONPATH": str(upstream)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    results = json.loads((tmp_path / "run/results.json").read_text())
    models = {**results["models"], **results["controls"]}
    assert list(models) == ["student", "shuffled_streams"]
    for model in models.values():
        figures = model["figures"]
        for metric in ("cbf1", "sbf1", "ebf1", "psds1", "psds2"):
            assert 0.0 <= figures[metric]["value"] <= 1.0
