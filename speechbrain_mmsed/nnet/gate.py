"""Fusion weights that depend on the data: a gate over the streams of a clip.

The paper fixes the weights or draws them (section 2.2) and leaves open what a
network would choose that sees how much each stream has to say.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import functools

import torch
from torch import nn

from speechbrain_mmsed.nnet.cross_attention import silence
from speechbrain_mmsed.nnet.fusion import fusion_weights, renormalise


class FusionGate(nn.Module):
    """Weights of each clip, from the means of its encoded streams.

    A softmax over all streams, above a floor for the primary one, scaled back
    over the streams that the clip has. A missing stream takes part with what
    was learned of it in general, so nothing but its absence is seen, and an
    untrained gate gives what `FixedFusion(start)` does, for each clip.

    Arguments
    ---------
    n_streams, d_model : int
        Number of streams S, and width of their encoders.
    start : float or sequence of float
        Weights before training, as for `fusion_weights`, all above 0.
    floor : float
        What the primary stream has at least, below its starting weight.
    d_hidden : int
        Width of the hidden layer.

    Example
    -------
    >>> gate = FusionGate(n_streams=2, d_model=8, start=0.75)
    >>> memories = [torch.ones(2, 4, 8) for _ in range(2)]
    >>> gate(memories, torch.tensor([[True, False]] * 2)).tolist()
    [[1.0, 0.0], [1.0, 0.0]]
    """

    def __init__(self, n_streams, d_model, start=0.5, floor=0.25, d_hidden=32):
        super().__init__()
        weights = fusion_weights(start, n_streams)
        if not 0.0 <= floor < weights[0] or not bool((weights > 0).all()):
            raise ValueError(
                f"the gate starts at {weights.tolist()} with a floor of "
                f"{floor}; expected weights above 0, that of the sound above "
                "the floor"
            )
        self.floor = floor
        self.hidden = nn.Linear(n_streams * d_model, d_hidden)
        self.output = nn.Linear(d_hidden, n_streams, bias=False)
        nn.init.xavier_uniform_(self.hidden.weight)
        nn.init.zeros_(self.hidden.bias)
        nn.init.zeros_(self.output.weight)
        above = weights.clone()
        above[0] -= floor
        self.prior = nn.Parameter((above / (1.0 - floor)).log())

    def forward(self, memories, available):
        """Fusion weights of the clips of a batch.

        Arguments
        ---------
        memories : list of torch.Tensor
            (B, M, d_model), one per stream; anything may be in the rows of
            clips without it.
        available : torch.Tensor
            (B, S) bool.

        Returns
        -------
        torch.Tensor
            (B, S) float32, as of `renormalise`.
        """
        means = [
            silence(memory, has).mean(dim=1).to(self.hidden.weight.dtype)
            for memory, has in zip(memories, available.T, strict=True)
        ]
        hidden = torch.relu(self.hidden(torch.cat(means, dim=1)))
        evidence = self.output(hidden).float()
        evidence = torch.where(available, evidence, torch.zeros_like(evidence))
        shares = torch.softmax(self.prior.float() + evidence, dim=1)
        weights = (1.0 - self.floor) * shares
        primary = weights[:, :1] + self.floor
        weights = torch.cat([primary, weights[:, 1:]], dim=1)
        return renormalise(weights, available)


def gate_from_setting(setting, **options):
    """What builds the gate that a yaml value asks for; None for no gate.

    Arguments
    ---------
    setting : float, str or dict
        As for `fusion_from_setting`; only "gated" asks for one.
    **options
        start, floor and d_hidden of `FusionGate`.

    Example
    -------
    >>> gate_from_setting("gated", floor=0.1)(n_streams=2, d_model=4).floor
    0.1
    >>> gate_from_setting(0.5, floor=0.1) is None
    True
    """
    if setting != "gated":
        return None
    return functools.partial(FusionGate, **options)
