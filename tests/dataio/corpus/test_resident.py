"""Batches out of memory equal those of the ordinary loader.

Both are made of the recipe's own datasets, with a stream that some clips lack.
"""

import gc
import logging
import os
import pathlib
import time

import pytest
import ruamel.yaml
import torch
from speechbrain.dataio.dataloader import make_dataloader
from speechbrain.utils.checkpoints import Checkpointer
from torch.utils.data import ConcatDataset

from speechbrain_mmsed.dataio.corpus import resident
from speechbrain_mmsed.dataio.corpus.resident import (
    CorpusOnDeviceError,
    ResidentCorpus,
)
from speechbrain_mmsed.dataio.corpus.sampler import SubsetBatchSampler
from speechbrain_mmsed.training.hparams import read_hparams

YAML = (
    pathlib.Path(__file__).resolve().parents[3]
    / "recipes/DESED/sound_event_detection/hparams/transformer.yaml"
)
FEATURES = {"log_mel", "stream_fake", "stream_heard"}
LABELS = {"available", "weak", "strong", "subset_index"}
TEXTS = {"id", "filename", "duration", "video_status"}
BATCHES = 3
DEVICES = ["cpu"]
if torch.cuda.is_available():
    DEVICES.append("cuda")


@pytest.fixture(scope="module")
def recipe_data(load_recipe, tiny_corpus, tmp_path_factory):
    """Makes the recipe's training clips and the loader of its yaml."""
    recipe = load_recipe("sound_event_detection/train.py")
    folder = tmp_path_factory.mktemp("resident")

    def make(**more):
        overrides = {
            "data_folder": str(tiny_corpus[0]),
            "prepared_folder": str(tiny_corpus[1]),
            "log_mel_folder": str(folder / "log_mel"),
            "output_folder": str(folder / "out"),
            "streams": ["fake", "heard"],
            "stream_widths": {"fake": 8, "heard": 4},
            "num_workers": 2,
            **more,
        }
        ruamel.yaml.YAML().dump(overrides, folder / "overrides.yaml")
        hparams, _ = read_hparams(
            str(YAML), (folder / "overrides.yaml").read_text()
        )
        datasets = recipe.dataio_prep(hparams, recipe.open_stores(hparams))
        subsets = [datasets[name] for name in recipe.TRAIN_SUBSETS]
        return ConcatDataset(subsets), hparams["train_loader"]

    return make


@pytest.fixture(scope="module")
def data(recipe_data):
    return recipe_data()


def sampler():
    # Four strong, six weak, six unlabelled clips: passes end within an epoch.
    return SubsetBatchSampler([4, 6, 6], [1, 3, 2], BATCHES, seed=2)


def loader_of(dataset, kwargs):
    order = sampler()
    return order, make_dataloader(dataset, batch_sampler=order, **kwargs)


def assert_equal(batch, ordinary):
    """Bit for bit: what is stored, on disk as here, is float16."""
    assert len(batch) == len(ordinary)
    for key in FEATURES:
        mine, theirs = batch[key].cpu(), ordinary[key]
        assert mine.dtype == theirs.dtype == torch.float32
        assert torch.equal(mine, theirs), key
    for key in (*LABELS, "duration"):
        assert batch[key].device.type == "cpu"
        assert batch[key].dtype == ordinary[key].dtype
        assert torch.equal(batch[key], ordinary[key]), key
    for key in TEXTS - {"duration"}:
        assert getattr(batch, key) == getattr(ordinary, key)
    assert vars(batch).keys() == FEATURES | LABELS | TEXTS


@pytest.mark.parametrize("device", DEVICES)
def test_batches_equal_those_of_the_loader(data, device):
    dataset, loader = data
    clips, kept = ResidentCorpus(True)(dataset, loader, device)
    assert kept["num_workers"] == 0 and len(clips) == len(dataset) == 16
    mine, theirs = loader_of(clips, kept), loader_of(dataset, loader)
    seen, lacking = [], 0
    for epoch in (1, 2):
        mine[0].set_epoch(epoch)
        theirs[0].set_epoch(epoch)
        for batch, expected in zip(mine[1], theirs[1], strict=True):
            assert batch.log_mel.device.type == device
            assert_equal(batch, expected)
            lacking += int((~batch.available).sum())
            seen.append(batch.id)
    assert len(seen) == 2 * BATCHES and seen[:BATCHES] != seen[BATCHES:]
    # The case is there: clips without a film, whose rows are zeros.
    assert 0 < lacking < sum(map(len, seen))


def test_an_epoch_goes_on_where_it_stopped(data, tmp_path):
    dataset, loader = data
    kept = ResidentCorpus(True)(dataset, loader, "cpu")

    def start(folder, kind):
        order, batches = loader_of(*kind)
        order.set_epoch(2)
        keeper = Checkpointer(tmp_path / folder, {"loader": batches})
        keeper.recover_if_possible()
        return keeper, iter(batches)

    expected = list(start("whole", (dataset, loader))[1])
    for name, kind in (("mine", kept), ("theirs", (dataset, loader))):
        keeper, batches = start(name, kind)
        next(batches)
        keeper.save_checkpoint(end_of_epoch=False)
    # A run may also go on with the other kind of loader.
    for name, kind in (
        *(("mine", kept), ("mine", (dataset, loader))),
        ("theirs", kept),
    ):
        rest = list(start(name, kind)[1])
        assert [b.id for b in rest] == [b.id for b in expected[1:]]
    assert_equal(list(start("theirs", kept)[1])[0], expected[1])


def test_what_is_on_the_device_stays(data):
    clips, kept = ResidentCorpus(True)(*data, "cpu")
    batch = next(iter(loader_of(clips, kept)[1]))
    before = {key: batch[key].data_ptr() for key in FEATURES | LABELS}
    assert batch.to("cpu") is batch
    assert {key: batch[key].data_ptr() for key in before} == before
    # A batch may be changed; the corpus is not.
    batch.log_mel.zero_()
    assert clips.features["log_mel"].abs().max() > 0
    with pytest.raises(KeyError):
        batch["waveform"]


def test_filling_draws_no_numbers_and_leaves_no_files_open(data):
    # What the first workers of a process open for good does not count.
    ResidentCorpus(True)(*data, "cpu")
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    gc.collect()
    open_before = len(os.listdir("/proc/self/fd"))
    kept = ResidentCorpus(True)(*data, "cpu")
    assert len(kept[0]) == 16
    gc.collect()
    # Pipes of workers that have just ended are closed a moment later.
    for _ in range(40):
        n_open = len(os.listdir("/proc/self/fd"))
        if n_open <= open_before + 2:
            break
        time.sleep(0.05)
    assert n_open <= open_before + 2
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize("setting", ["auto", False])
def test_a_cpu_keeps_the_ordinary_loader(data, setting):
    dataset, loader = ResidentCorpus(setting)(*data, "cpu")
    assert dataset is data[0] and loader is data[1]


def given(corpus, data, device, caplog, message):
    """Whether a corpus was given back, and why was logged in one line."""
    with caplog.at_level(logging.INFO):
        dataset, loader = corpus(*data, device)
    (line,) = (
        record.getMessage()
        for record in caplog.records
        if "corpus_on_device" in record.getMessage()
    )
    assert message in line and "\n" not in line
    return dataset is data[0] and loader is data[1]


def test_waveforms_are_not_kept(recipe_data, caplog):
    data = recipe_data(use_logmel_cache=False)
    message = "set use_logmel_cache: True"
    with pytest.raises(CorpusOnDeviceError, match=message):
        ResidentCorpus(True)(*data, "cpu")
    assert given(ResidentCorpus(), data, "cuda:0", caplog, message)


def test_bytes_needed_and_free_are_named(data, caplog, monkeypatch):
    needed = 16 * 2 * (512 * 64 + 64 * 8 + 64 * 4)
    free = needed - 1
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (free, 0))
    message = f"16 clips need {needed} bytes and the training step 0, of "
    with pytest.raises(CorpusOnDeviceError, match=f"{message}.*{free} free"):
        ResidentCorpus(True)(*data, "cuda:0")
    # One byte more is enough for True, and too little for auto's reserve.
    free = needed + 99
    assert given(
        ResidentCorpus(reserve=100), data, "cuda:0", caplog, "training step 100"
    )


@pytest.fixture
def card(monkeypatch):
    """Stands for a card with room for all, whose memory is that of the CPU."""
    read, cpu = resident._read_all, torch.device("cpu")
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (1e12, 0))
    monkeypatch.setattr(
        resident, "_read_all", lambda clips, loader, _: read(clips, loader, cpu)
    )
    return "cuda:0"


def test_auto_takes_a_card_with_room(data, card):
    clips, kept = ResidentCorpus("auto")(*data, card)
    assert len(clips) == 16 and kept["num_workers"] == 0


@pytest.mark.parametrize("value", [7e4, -7e4, float("inf")])
def test_values_that_float16_cannot_hold(data, card, value, caplog):
    dataset, loader = data

    class Loud(torch.utils.data.Dataset):
        def __len__(self):
            return len(dataset)

        def __getitem__(self, index):
            item = dict(dataset[index])
            if index == 9:
                item["stream_heard"] = item["stream_heard"] * 0 + value
            return item

    message = f"stream_heard reaches {abs(value):g}"
    with pytest.raises(CorpusOnDeviceError, match=message):
        ResidentCorpus(True)(Loud(), loader, "cpu")
    assert given(ResidentCorpus(), (Loud(), loader), card, caplog, message)


@pytest.mark.parametrize("setting", ["yes", None, 3])
def test_other_settings_are_named(setting):
    with pytest.raises(ValueError, match="expected auto, True or False"):
        ResidentCorpus(setting)
