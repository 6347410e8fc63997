"""Loader workers that are started afresh instead of forked."""

import json
import pathlib
import pickle
import subprocess
import sys

import numpy as np
import pytest
import ruamel.yaml

from speechbrain_mmsed.training.hparams import read_hparams

RECIPE = (
    pathlib.Path(__file__).resolve().parents[2]
    / "recipes/DESED/sound_event_detection"
)
# As somebody would: the recipe is run by a program of another name.
PROGRAM = """
import multiprocessing, runpy, sys

if __name__ == "__main__":
    multiprocessing.set_start_method(sys.argv.pop(1))
    sys.path.insert(0, sys.argv[1].rpartition("/")[0])
    runpy.run_path(sys.argv.pop(1), run_name="__main__")
"""


def settings(corpus, folder):
    return {
        "data_folder": str(corpus[0]),
        "prepared_folder": str(corpus[1]),
        "log_mel_folder": str(folder / "log_mel"),
        "output_folder": str(folder / "out"),
        "streams": ["fake"],
        "stream_widths": {"fake": 8},
        "n_layers": 1,
    }


def test_workers_can_be_sent_all_that_they_need(
    load_recipe, tiny_corpus, tmp_path, monkeypatch
):
    recipe = load_recipe("sound_event_detection/train.py")
    given = settings(tiny_corpus, tmp_path)
    ruamel.yaml.YAML().dump(given, tmp_path / "given.yaml")
    hparams, _ = read_hparams(
        str(RECIPE / "hparams/transformer.yaml"),
        (tmp_path / "given.yaml").read_text(),
    )
    stores = recipe.open_stores(hparams)
    for cached, owners in ((True, None), (False, {"fake": {}})):
        hparams["use_logmel_cache"] = cached
        datasets = recipe.dataio_prep(hparams, stores, owners)
        # The recipe's own module has another name there, or none.
        with monkeypatch.context() as patch:
            patch.delitem(sys.modules, recipe.__name__)
            sent = pickle.loads(
                pickle.dumps(
                    (datasets, hparams["train_loader"], hparams["test_loader"])
                )
            )
        for subset, dataset in datasets.items():
            here, there = dataset[0], sent[0][subset][0]
            assert here.keys() == there.keys()
            for key, value in here.items():
                np.testing.assert_array_equal(there[key], value)


@pytest.mark.slow
@pytest.mark.timeout(900)  # each loader starts a Python with torch
@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_a_training_with_workers_that_are_started_afresh(
    tiny_corpus, tmp_path, method
):
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    given = settings(tiny_corpus, tmp_path) | {
        **{"number_of_epochs": 1, "batches_per_epoch": 2, "num_workers": 1},
        **{"batch_strong": 2, "batch_weak": 2, "batch_unlabelled": 2},
        **{"control_untrained": False, "control_shuffled_streams": False},
        **{"inference_weights": [0.5], "postprocessing": "median"},
        "export": None,
    }
    options = [f"--{key}={json.dumps(value)}" for key, value in given.items()]
    done = subprocess.run(
        [
            *(sys.executable, program, method, RECIPE / "train.py"),
            *(RECIPE / "hparams/transformer.yaml", "--device=cpu"),
            *("--noprogressbar", *options),
        ],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    assert (tmp_path / "out/report.json").is_file()
