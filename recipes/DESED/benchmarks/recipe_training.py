"""The recipe's training as a benchmark drives it.

Batches of random features go through train.py's own Brain: what is measured is
what a user's training does.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import copy
import functools
import importlib.util
import pathlib
import sys

import speechbrain as sb
import torch

from speechbrain_mmsed.training.hparams import read_hparams

DESED = pathlib.Path(__file__).resolve().parents[1]
RECIPE = DESED / "sound_event_detection"
# Besides the sound, in the order in which encoders are added.
STREAMS = ("openl3", "tce")
# Share of the recorded clips without a film; synthetic ones never have one.
MISSING = 0.155
SUBSETS = ("strong", "weak", "unlabelled")


@functools.cache
def load(relative):
    """A script of recipes/DESED as a module, by its relative path."""
    path = DESED / relative
    for folder in (str(path.parent), str(DESED)):
        if folder not in sys.path:
            sys.path.insert(0, folder)
    spec = importlib.util.spec_from_file_location(f"of_{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def use_tf32(allowed):
    """Lets products of float32 matrices use ten bits of the mantissa."""
    torch.set_float32_matmul_precision("high" if allowed else "highest")
    torch.backends.cuda.matmul.allow_tf32 = allowed
    torch.backends.cudnn.allow_tf32 = allowed


def recipe_hparams(network, batch, folder, more="", **settings):
    """The loaded yaml of a network.

    Arguments
    ---------
    network : str
        Architecture and number of encoders, such as "transformer:2".
    batch : list of int
        Clips of each of SUBSETS.
    folder : str or pathlib.Path
        Where a run may write.
    more : str
        Further lines of yaml.
    **settings
        Further values of the yaml.

    Returns
    -------
    dict
    """
    architecture, encoders = network.split(":")
    settings = {
        "data_folder": f"{folder}/data",
        "output_folder": str(folder),
        "streams": list(STREAMS[: int(encoders) - 1]),
        **{f"batch_{s}": n for s, n in zip(SUBSETS, batch, strict=True)},
        "use_logmel_cache": True,
        **settings,
    }
    lines = [f"{key}: {value}" for key, value in settings.items()]
    path = RECIPE / "hparams" / f"{architecture}.yaml"
    hparams, _ = read_hparams(str(path), "\n".join([*lines, more]))
    return hparams.get("variant_of", hparams)


def make_batch(hparams, seed):
    """A batch of random clips with DESED's gaps, as the loader gives it."""
    rng = torch.Generator().manual_seed(seed)
    draw = functools.partial(torch.randn, generator=rng)
    names, n_frames = hparams["streams"], hparams["n_frames"]
    n_classes = hparams["n_classes"]
    n_inputs = n_frames * hparams["time_pooling"]
    items = []
    for index, subset in enumerate(SUBSETS):
        for number in range(hparams["batch_sizes"][index]):
            lucky = torch.rand((), generator=rng).item() >= MISSING
            film = lucky and subset != "strong"
            item = {
                "id": f"{subset}/{number}",
                "filename": f"{number}.wav",
                "duration": 10.0,
                "video_status": "present" if film else "absent",
                "log_mel": draw(n_inputs, hparams["n_mels"]),
            }
            for name in names:
                width = hparams["stream_widths"][name]
                item[f"stream_{name}"] = draw(n_frames, width) * film
            item["available"] = torch.tensor([True] + [film] * len(names))
            item["weak"] = (draw(n_classes) > 1.0).float()
            item["strong"] = (draw(n_frames, n_classes) > 1.0).float()
            item["subset_index"] = torch.tensor(index)
            items.append(item)
    return hparams["train_loader"]["collate_fn"](items)


def place(batch, device):
    """The batch as the corpus in a card's memory gives it, changed in place.

    Features and labels are there; what draws are made from stays on the CPU.
    """
    kept = batch.available, batch.subset_index
    batch.to(device)
    batch.available, batch.subset_index = kept
    return batch


class OurTraining:
    """The recipe's Brain in the middle of an epoch, one step at a time.

    Arguments
    ---------
    hparams : dict
        Of the recipe; its modules are moved and trained.
    device : str
        Where to train.
    precision : str
        "fp32" or "bf16".
    compiled : bool
        SpeechBrain's run option `compile`.
    """

    def __init__(self, hparams, device, precision, compiled=False):
        brain = make_brain(
            load("sound_event_detection/train.py").SoundEventBrain,
            hparams,
            {"device": device, "precision": precision, "compile": compiled},
        )
        # What `Brain.fit` does before the first batch.
        brain.on_fit_start()
        brain.on_stage_start(sb.Stage.TRAIN, epoch=1)
        brain.modules.train()
        brain.zero_grad(set_to_none=True)
        self.brain = brain

    @property
    def student(self):
        """The network that is trained."""
        return self.brain.student

    def step(self, batch):
        """One step, as `Brain.fit` does it; the loss."""
        brain = self.brain
        brain.step += 1
        # A copy: moving a batch to the device changes it.
        loss = brain.fit_batch(copy.copy(batch))
        brain.avg_train_loss = brain.update_average(loss, brain.avg_train_loss)
        return brain.avg_train_loss


def make_brain(kind, hparams, run_opts):
    """A Brain of class `kind` without checkpoints, log and progress bar."""
    run_opts = {"noprogressbar": True, **run_opts}
    settings = {**hparams["mean_teacher"], "loggers": []}
    # As `use_tf32` left it.
    settings["tf32"] = torch.backends.cuda.matmul.allow_tf32
    return hparams["guard"](kind)(
        hparams["modules"],
        hparams["opt_class"],
        hparams,
        run_opts,
        checkpointer=None,
        **settings,
    )
