"""A tiny network under the mean-teacher Brain, without any corpus."""

import pytest
import speechbrain as sb
import torch
from speechbrain.utils.epoch_loop import EpochCounter

from speechbrain_mmsed.dataio.corpus.sampler import SubsetBatchSampler
from speechbrain_mmsed.training.checkpoints import WholeCheckpointer
from speechbrain_mmsed.training.losses import consistency_losses
from speechbrain_mmsed.training.mean_teacher import MeanTeacherBrain
from speechbrain_mmsed.training.schedules import (
    ConsistencyWeight,
    LearningRateDecay,
)
from speechbrain_mmsed.training.teacher import TeacherDecay


class TinyNetwork(torch.nn.Module):
    """(B, 3) to clip logits (B, 2) and frame logits (B, 4, 2)."""

    def __init__(self):
        super().__init__()
        self.first = torch.nn.Linear(3, 4)
        self.norm = torch.nn.BatchNorm1d(4)
        self.dropout = torch.nn.Dropout(0.5)
        self.second = torch.nn.Linear(4, 10)

    def forward(self, x):
        x = self.second(self.dropout(self.norm(self.first(x)).relu()))
        return x[:, :2], x[:, 2:].reshape(-1, 4, 2)


class Log:
    """Stands in for both loggers; keeps what it is given."""

    def __init__(self):
        self.rows = []

    def log_stats(self, meta, train_stats=None, valid_stats=None):
        self.rows.append((meta, train_stats, valid_stats))


class TinyBrain(MeanTeacherBrain):
    """Keeps a record of every batch it trains on."""

    scale = 1.0

    def compute_forward(self, batch, stage):
        inputs, _ = batch
        outputs = self.student_and_teacher(inputs)
        if stage == sb.Stage.TRAIN:
            # What dropout would draw next.
            self.records.append({"draw": torch.rand(3), "inputs": inputs})
        return outputs

    def compute_objectives(self, predictions, batch, stage):
        student, teacher = predictions
        bce = self.scale * torch.nn.functional.binary_cross_entropy_with_logits(
            student[0], batch[1]
        )
        if stage != sb.Stage.TRAIN:
            return bce
        loss = self.total_loss({"bce": bce}, student, teacher)
        consistency = sum(consistency_losses(student, teacher).values())
        self.records[-1] |= {
            "student": [x.detach().clone() for x in student],
            "teacher": [x.clone() for x in teacher],
            "consistency_weight": ((loss - bce) / consistency).item(),
            "modes": (self.student.training, self.teacher.training),
            "loss": loss.item(),
        }
        return loss

    def on_fit_batch_end(self, batch, outputs, loss, should_step):
        super().on_fit_batch_end(batch, outputs, loss, should_step)
        self.records[-1] |= {
            "epoch_and_step": (self.epoch, self.step),
            "learning_rate": self.optimizer.param_groups[0]["lr"],
            "student_parameters": copies(self.student),
            "teacher_parameters": copies(self.teacher),
        }


def copies(network):
    """Copies of a network's parameters."""
    return [p.detach().clone() for p in network.parameters()]


@pytest.fixture
def tiny_brain(tmp_path):
    """Builds a brain; other keywords than `build` names replace hparams."""

    def build(folder="save", run_opts=None, guard=None, **hparams):
        torch.manual_seed(3)
        network = TinyNetwork()
        mean_teacher = {
            "teacher_decay": TeacherDecay(0.9),
            "consistency_weight": ConsistencyWeight(2.0),
            "learning_rate_decay": LearningRateDecay(0.01),
            "loggers": [Log(), Log()],
            "log_interval": 100,
        }
        mean_teacher |= {
            k: hparams.pop(k) for k in mean_teacher.keys() & hparams
        }
        counter = EpochCounter(hparams.get("number_of_epochs", 2))
        brain = (guard(TinyBrain) if guard else TinyBrain)(
            {"network": network},
            hparams.pop("opt_class", torch.optim.RAdam),
            {
                "seed": 1,
                "number_of_epochs": 2,
                "batches_per_epoch": 3,
                **hparams,
            },
            {"device": "cpu", "noprogressbar": True, **(run_opts or {})},
            WholeCheckpointer(
                tmp_path / folder, {"network": network, "counter": counter}
            ),
            **mean_teacher,
        )
        brain.records, brain.counter = [], counter
        return brain

    return build


@pytest.fixture
def fit():
    """Trains a brain on 12 clips in batches of four, and validates."""

    def train(brain):
        generator = torch.Generator().manual_seed(0)
        data = torch.utils.data.TensorDataset(
            torch.randn(12, 3, generator=generator) + 1.0,
            torch.randint(0, 2, (12, 2), generator=generator).float(),
        )
        batches = brain.hparams.batches_per_epoch
        sampler = SubsetBatchSampler([12], [4], batches, brain.hparams.seed)
        brain.train_sampler = sampler
        brain.fit(
            brain.counter,
            data,
            data,
            train_loader_kwargs={"batch_sampler": sampler},
            valid_loader_kwargs={"batch_size": 4},
        )
        return brain

    return train
