"""The recipe's network as one would write it first.

What `step_speed.py` compares with: layers of torch in their default memory
layout, attention with its weights written out, and each encoder run on all
clips whatever they have. The network is the same, with the same parameters;
only the streams that a clip lacks are zeros of weight 0 instead of being left
out.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import math

import torch
import torch.nn.functional as F
from torch import nn

POOLINGS = ((2, 2),) * 3 + ((1, 2),) * 3 + ((1, 1),)


class PlainExtractor(nn.Sequential):
    """Log-mel (B, frames, bins) to (B, T, width); see `channels`, a list."""

    def __init__(self, channels, dropout):
        layers = []
        for n_inputs, n_outputs, pooling in zip(
            (1, *channels), channels, POOLINGS, strict=False
        ):
            layers += [
                nn.Conv2d(n_inputs, n_outputs, 3, padding=1, bias=False),
                nn.BatchNorm2d(n_outputs),
                nn.ReLU(),
                nn.Dropout(dropout),
                nn.AvgPool2d(pooling),
            ]
        super().__init__(*layers)

    def forward(self, log_mel):
        """Pool frequency away and time by eight."""
        return super().forward(log_mel[:, None]).squeeze(3).transpose(1, 2)


class PlainAttention(nn.Module):
    """Textbook multi-head attention; sizes as of the yaml."""

    def __init__(self, d_model, n_heads, d_head, dropout):
        super().__init__()
        self.sizes = n_heads, d_head
        self.queries = nn.Linear(d_model, n_heads * d_head)
        self.keys = nn.Linear(d_model, n_heads * d_head)
        self.values = nn.Linear(d_model, n_heads * d_head)
        self.out = nn.Linear(n_heads * d_head, d_model)
        self.dropout = nn.Dropout(dropout)

    def heads(self, x):
        """(B, L, heads * d_head) to (B, heads, L, d_head)."""
        return x.unflatten(-1, self.sizes).transpose(1, 2)

    def scores(self, queries, keys):
        """(B, heads, L, M) of (B, heads, L or M, d_head)."""
        return queries @ keys.transpose(-2, -1)

    def forward(self, x, memory):
        """(B, L, d_model) that looks at (B, M, d_model)."""
        queries = self.heads(self.queries(x))
        keys = self.heads(self.keys(memory))
        values = self.heads(self.values(memory))
        scores = self.scores(queries, keys) / math.sqrt(self.sizes[1])
        weights = self.dropout(torch.softmax(scores, dim=-1))
        return self.out((weights @ values).transpose(1, 2).flatten(2))


class PlainRelativeAttention(PlainAttention):
    """The same with the scores of Transformer-XL; `offset` of the queries."""

    def __init__(self, d_model, n_heads, d_head, dropout, offset=0):
        super().__init__(d_model, n_heads, d_head, dropout)
        self.offset = offset
        self.position = nn.Linear(d_model, n_heads * d_head, bias=False)
        self.content_bias = nn.Parameter(torch.zeros(n_heads, d_head))
        self.position_bias = nn.Parameter(torch.zeros(n_heads, d_head))

    def scores(self, queries, keys):
        """Scores of content and of distance."""
        n_queries, n_keys = queries.shape[2], keys.shape[2]
        width, device = self.position.in_features, queries.device
        distances = torch.arange(n_queries - 1, -n_keys, -1, device=device)
        exponents = torch.arange(0, width, 2, device=device) / width
        angles = (distances + self.offset)[:, None] / 10000.0**exponents
        table = torch.cat([angles.sin(), angles.cos()], dim=-1)
        places = self.heads(self.position(table)[None])
        content = (queries + self.content_bias[:, None]) @ keys.transpose(2, 3)
        place = (queries + self.position_bias[:, None]) @ places.transpose(2, 3)
        # Transformer-XL's shift: pad, read as other rows, drop the first.
        n_clips, n_heads, _, columns = place.shape
        padded = F.pad(place, (1, 0))
        padded = padded.view(n_clips, n_heads, columns + 1, n_queries)
        return content + padded[:, :, 1:].view_as(place)[..., :n_keys]


class PlainBlock(nn.Module):
    """Block of a transformer or a conformer, with cross-attention or not."""

    def __init__(self, conformer, sizes, d_ffn, n_memories):
        super().__init__()
        d_model, *_, dropout = sizes
        attention = PlainRelativeAttention if conformer else PlainAttention
        options = {"offset": -1} if conformer else {}
        self.self_norm = nn.LayerNorm(d_model)
        self.self_attention = attention(*sizes)
        if n_memories:
            self.cross_norm = nn.LayerNorm(d_model)
        self.cross_attention = nn.ModuleList(
            attention(*sizes, **options) for _ in range(n_memories)
        )
        if conformer:
            self.first_norm = nn.LayerNorm(d_model)
            self.first_ffn = _feed_forward(d_model, d_ffn, nn.SiLU(), dropout)
            self.convolution_norm = nn.LayerNorm(d_model)
            self.convolution = _convolution(d_model, dropout)
            self.second_norm = nn.LayerNorm(d_model)
            self.second_ffn = _feed_forward(d_model, d_ffn, nn.SiLU(), dropout)
        else:
            self.ffn_norm = nn.LayerNorm(d_model)
            self.ffn = _feed_forward(d_model, d_ffn, nn.ReLU(), dropout)
        self.conformer = conformer
        self.dropout = nn.Dropout(dropout)

    def forward(self, x, memories, weights):
        """(B, L, d_model), memories of (B, M, d_model), weights (B, S)."""
        if self.conformer:
            x = x + 0.5 * self.first_ffn(self.first_norm(x))
        normed = self.self_norm(x)
        x = x + self.dropout(self.self_attention(normed, normed))
        if self.cross_attention:
            normed, fused = self.cross_norm(x), 0.0
            for index, attention in enumerate(self.cross_attention):
                part = attention(normed, memories[index])
                fused = fused + weights[:, index, None, None] * part
            x = x + self.dropout(fused)
        if not self.conformer:
            return x + self.ffn(self.ffn_norm(x))
        normed = self.convolution_norm(x).transpose(1, 2)
        x = x + self.convolution(normed).transpose(1, 2)
        return x + 0.5 * self.second_ffn(self.second_norm(x))


class PlainStack(nn.Module):
    """Encoder or, with memories, decoder; `hparams` of the yaml."""

    def __init__(self, hparams, n_frames, n_memories=0):
        super().__init__()
        conformer = hparams["architecture"] == "conformer"
        names = ("d_model", "n_heads", "d_head", "dropout")
        sizes = [hparams[name] for name in names]
        self.positions = None
        if not conformer:
            self.positions = nn.Parameter(
                0.02 * torch.randn(n_frames, sizes[0])
            )
        self.blocks = nn.ModuleList(
            PlainBlock(conformer, sizes, hparams["d_ffn"], n_memories)
            for _ in range(hparams["n_layers"])
        )
        self.norm = nn.LayerNorm(sizes[0])

    def forward(self, x, memories=(), weights=None):
        """(B, L, d_model) to the same shape."""
        if self.positions is not None:
            x = x + self.positions
        for block in self.blocks:
            x = block(x, memories, weights)
        return self.norm(x)


class PlainNetwork(nn.Module):
    """The whole network, of the sizes in the recipe's `hparams`."""

    def __init__(self, hparams):
        super().__init__()
        d_model, n_frames = hparams["d_model"], hparams["n_frames"]
        widths = [hparams["stream_widths"][s] for s in hparams["streams"]]
        n_streams = 1 + len(widths)
        self.extractor = PlainExtractor(
            hparams["cnn_channels"], hparams["dropout"]
        )
        self.encoders = nn.ModuleList(
            PlainStack(hparams, n_frames) for _ in range(n_streams)
        )
        self.projections = nn.ModuleList(nn.Linear(w, d_model) for w in widths)
        self.decoder = PlainStack(hparams, n_frames + 1, n_streams)
        self.class_token = nn.Parameter(0.02 * torch.randn(d_model))
        self.classifier = nn.Linear(d_model, hparams["n_classes"])

    def forward(self, log_mel, streams, available, weights):
        """Clip logits (B, C) and frame logits (B, T, C).

        Arguments
        ---------
        log_mel : torch.Tensor
            (B, frames, bins).
        streams : list of torch.Tensor
            (B, T, D_s) each.
        available : torch.Tensor
            (B, S) bool.
        weights : torch.Tensor
            (S,) fusion weights.

        Returns
        -------
        tuple of torch.Tensor
            Clip logits (B, C) and frame logits (B, T, C).
        """
        weights = weights * available
        weights = weights / weights.sum(dim=1, keepdim=True)
        features = self.extractor(log_mel)
        memories = [self.encoders[0](features)]
        for index, x in enumerate(streams):
            x = x * available[:, index + 1, None, None]
            x = self.projections[index](x)
            memories.append(self.encoders[index + 1](x))
        token = self.class_token.expand(len(features), 1, -1)
        x = torch.cat([token, features], dim=1)
        logits = self.classifier(self.decoder(x, memories, weights))
        return logits[:, 0], logits[:, 1:]


def _feed_forward(d_model, d_ffn, activation, dropout):
    """Two linear layers."""
    return nn.Sequential(
        nn.Linear(d_model, d_ffn),
        activation,
        nn.Linear(d_ffn, d_model),
        nn.Dropout(dropout),
    )


def _convolution(d_model, dropout):
    """The conformer's convolution of (B, d_model, T)."""
    return nn.Sequential(
        nn.Conv1d(d_model, 2 * d_model, 1),
        nn.GLU(dim=1),
        nn.Conv1d(d_model, d_model, 7, padding=3, groups=d_model),
        nn.BatchNorm1d(d_model),
        nn.SiLU(),
        nn.Conv1d(d_model, d_model, 1),
        nn.Dropout(dropout),
    )
