"""The recipe's epochs: other batches each time, all of the right make-up."""

import pathlib

import ruamel.yaml
import torch

from speechbrain_mmsed.training.hparams import read_hparams

QUICKSTART = (
    pathlib.Path(__file__).resolve().parents[2]
    / "recipes/DESED/sound_event_detection/hparams/quickstart.yaml"
)


def test_epochs_have_other_batches_of_the_same_shares(
    load_recipe, tiny_corpus, tmp_path
):
    recipe = load_recipe("sound_event_detection/train.py")
    data, prepared = tiny_corpus
    overrides = {
        "data_folder": str(data),
        "prepared_folder": str(prepared),
        "output_folder": str(tmp_path / "out"),
        "streams": [],
        "use_logmel_cache": False,
        "number_of_epochs": 2,
        "batches_per_epoch": 3,
        "batch_strong": 1,
        "batch_weak": 2,
        "batch_unlabelled": 1,
    }
    ruamel.yaml.YAML().dump(overrides, tmp_path / "overrides.yaml")
    hparams, _ = read_hparams(
        str(QUICKSTART), (tmp_path / "overrides.yaml").read_text()
    )
    hparams = hparams["variant_of"]
    seen = {1: [], 2: []}

    class Watching(recipe.SoundEventBrain):
        def fit_batch(self, batch):
            seen[self.epoch].append(list(batch.id))
            return torch.tensor(0.0)

        def evaluate_batch(self, batch, stage):
            return torch.tensor(0.0)

    brain = Watching(
        hparams["modules"],
        hparams["opt_class"],
        hparams,
        {"device": "cpu", "noprogressbar": True},
        **hparams["mean_teacher"],
    )
    recipe.train(brain, hparams, recipe.dataio_prep(hparams, []))
    for batches in seen.values():
        for clips in batches:
            subsets = [clip.split("/")[0] for clip in clips]
            assert subsets == ["strong", "weak", "weak", "unlabelled"]
        weak = {clip for clips in batches for clip in clips[1:3]}
        assert len(weak) == 6
    assert seen[1] != seen[2]
