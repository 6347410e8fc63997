"""Places in a training step where the host would wait for a card.

Without a card: the recipe's Brain trains on torch's device "meta", whose
tensors have shapes but no values, and whatever asks for a value, or for a shape
that depends on values, or waits for a copy, is noted.
"""

import pathlib
import traceback

import pytest
import speechbrain
import torch
from corpora import HOP, write_pseudo_labels
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from speechbrain_mmsed.training.pseudo_labels import PseudoLabels

SPEECHBRAIN = str(pathlib.Path(speechbrain.__file__).parent)
CARD = "meta"
aten = torch.ops.aten
# Their result, or its shape, depends on values.
ASKING = (
    aten._local_scalar_dense.default,
    aten.nonzero.default,
    aten.masked_select.default,
    aten.equal.default,
)
INDEXING = (aten.index.Tensor, aten.index_put_.default)


class Waits(TorchDispatchMode):
    """Notes where the host would wait; scalars that are asked for are 1.

    What is on the CPU is real, what is on the card has no values.
    """

    def __init__(self):
        super().__init__()
        self.places = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        card = [
            x
            for x in tree_leaves((args, kwargs))
            if isinstance(x, torch.Tensor) and x.device.type == CARD
        ]
        device = torch.device(kwargs.get("device") or CARD)
        if card and func in ASKING:
            self.note(func)
            return 1 if func == ASKING[0] else args[0]
        chosen = tree_leaves(args[1]) if func in INDEXING else ()
        if card and any(x.dtype == torch.bool for x in chosen):
            self.note(func)
            return args[0]
        if func == aten._to_copy.default and device.type != CARD and card:
            self.note(func)
            return torch.ones(card[0].shape, dtype=kwargs.get("dtype"))
        arrives = func == aten._to_copy.default and not card
        waits = not kwargs.get("non_blocking", False)
        if arrives and waits and "device" in kwargs and device.type == CARD:
            self.note(func)
        return func(*args, **kwargs)

    def note(self, func):
        """Remembers the innermost line that is not torch's."""
        torch_folder = str(pathlib.Path(torch.__file__).parent)
        frames = [
            frame
            for frame in traceback.extract_stack()
            if not frame.filename.startswith(torch_folder)
            and frame.filename != __file__
        ]
        at = frames[-1]
        self.places.append(f"{at.filename}:{at.lineno} {at.line} ({func})")


def targets(hparams, folder):
    """Pseudo-labels on the card, of the clips that a batch is made of."""
    clips = {
        subset: {f"{subset}/{n}": [] for n in range(4)}
        for subset in ("weak", "unlabelled")
    }
    labels = hparams["class_labels"]
    _, manifests = write_pseudo_labels(folder, clips, labels)
    pseudo = PseudoLabels(folder, labels, 64, HOP)
    pseudo.open(manifests, CARD)
    return pseudo


@pytest.fixture
def step(load_recipe, tmp_path):
    """A function that trains one step on the card and tells of waits."""
    recipe = load_recipe("benchmarks/recipe_training.py")

    def run(network, more="", placed=False):
        small = "n_layers: 1\nn_heads: 2\nd_head: 8\nd_ffn: 16\n"
        settings = network, [2, 3, 4], tmp_path, small + more
        hparams = recipe.recipe_hparams(*settings)
        training = recipe.OurTraining(hparams, "cpu", "fp32")
        brain, batch = training.brain, recipe.make_batch(hparams, 1)
        for module in (*brain.modules.values(), brain.teacher):
            module.to(CARD)
        brain.device = CARD
        brain.hparams.pseudo_labels = targets(hparams, tmp_path)
        if placed:
            batch = recipe.place(batch, CARD)
        with Waits() as waits:
            brain.optimizer = hparams["opt_class"](
                brain.modules["network"].parameters()
            )
            brain.optimizers_dict = {"opt": brain.optimizer}
            waits.places.clear()
            brain.step += 1
            brain.fit_batch(batch)
        assert brain.teacher.class_token.device.type == CARD
        return waits.places

    return run


@pytest.mark.parametrize("placed", [True, False])
@pytest.mark.parametrize(
    ("network", "more"),
    [
        ("transformer:1", "mixup_rate: 0.0"),
        ("transformer:3", "mixup_rate: 1.0\nmodality_dropout: 0.5"),
        ("transformer:2", "mixup_rate: 1.0\nfusion: gated"),
        ("conformer:3", "mixup_rate: 1.0\nfusion: random_split"),
    ],
)
def test_only_speechbrain_waits_for_the_card(step, network, more, placed):
    """Whether features come with the batch or are in its memory already."""
    places = step(network, more, placed)
    assert [p for p in places if not p.startswith(SPEECHBRAIN)] == []
    assert len(places) <= 2, places


@pytest.mark.parametrize(
    "waiting",
    [
        lambda x: x.sum().item(),
        lambda x: bool((x > 0).all()),
        lambda x: x[x > 0],
        lambda x: x.nonzero(),
        lambda x: x.cpu(),
        lambda x: torch.ones(3).to(CARD),
        lambda x: int(x[0]),
    ],
)
def test_what_waits_is_counted(waiting):
    x = torch.ones(3, device=CARD)
    with Waits() as waits:
        x.mul(2.0).sum() + torch.ones(3).to(CARD, non_blocking=True)
        assert waits.places == []
        waiting(x)
    assert len(waits.places) == 1
