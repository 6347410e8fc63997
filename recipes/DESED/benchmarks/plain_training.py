"""Mean-teacher training as one would write it first.

What `step_speed.py` compares with: a bare loop, in which the teacher follows
parameter by parameter.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import copy
import random

import torch
import torch.nn.functional as F
from plain_network import PlainNetwork
from torch import nn


class PlainTraining:
    """Mean-teacher training of the plain network, one step at a time.

    Arguments
    ---------
    hparams : dict
        Of the recipe.
    device : str
        Where to train.
    precision : str
        "fp32" or "bf16".
    """

    def __init__(self, hparams, device, precision):
        self.hparams, self.device = hparams, torch.device(device)
        self.bf16 = precision == "bf16"
        self.student = PlainNetwork(hparams).to(device)
        self.teacher = copy.deepcopy(self.student)
        self.optimizer = torch.optim.RAdam(
            self.student.parameters(), lr=hparams["lr"]
        )
        others = len(hparams["streams"])
        share = 0.5 / max(others, 1)
        self.weights = torch.tensor([0.5] + [share] * others, device=device)
        self.random = random.Random(1)

    def step(self, batch):
        """One step on a batch as the recipe's loader gives it; the loss."""
        batch = copy.copy(batch).to(self.device)
        names = [f"stream_{name}" for name in self.hparams["streams"]]
        names = ["log_mel", "weak", "strong", *names]
        inputs = [batch[name] for name in names]
        subset, available = batch.subset_index, batch.available
        if self.random.random() < self.hparams["mixup_rate"]:
            inputs = self._mixed(inputs, subset, available)
        log_mel, weak, strong, *streams = inputs
        inputs = log_mel, streams, available, self.weights
        kind = self.device.type
        with torch.autocast(kind, torch.bfloat16, enabled=self.bf16):
            student = self.student(*inputs)
            with torch.no_grad():
                teacher = self.teacher(*inputs)
        clip, frame = (x.float() for x in student)
        bce = F.binary_cross_entropy_with_logits
        loss = bce(clip[subset == 1], weak[subset == 1])
        loss = loss + bce(frame[subset == 0], strong[subset == 0])
        for ours, theirs in zip((clip, frame), teacher, strict=True):
            cost = F.mse_loss(ours.sigmoid(), theirs.float().sigmoid())
            loss = loss + self.hparams["consistency"] * cost
        self.optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(
            self.student.parameters(), self.hparams["max_grad_norm"]
        )
        self.optimizer.step()
        decay = self.hparams["ema_decay"]
        pairs = zip(
            self.teacher.parameters(), self.student.parameters(), strict=True
        )
        with torch.no_grad():
            for ours, theirs in pairs:
                ours.mul_(decay).add_(theirs, alpha=1.0 - decay)
        return loss.item()

    def _mixed(self, tensors, subset, available):
        """Mixes clips of one subset that have the same streams."""
        ratio = self.random.betavariate(0.2, 0.2)
        bits = 2 ** torch.arange(available.shape[1], device=self.device)
        groups = (available * bits).sum(1) + subset * 2 ** len(bits)
        partner = torch.arange(len(groups), device=self.device)
        for group in groups.unique():
            rows = (groups == group).nonzero().squeeze(1)
            order = torch.randperm(len(rows), device=self.device)
            partner[rows] = rows[order]
        return [ratio * x + (1.0 - ratio) * x[partner] for x in tensors]
