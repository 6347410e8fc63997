"""The network: named streams in, clip and frame logits out (Section 2.2).

The primary stream (log-mel sound) passes a feature extractor, whose output
feeds both its encoder and the decoder. Each other stream is projected and
encoded, with zeros in place of what is missing, and weight 0 in the decoder.
The decoder's first position is a learnable class token, from which the clip's
outputs are read.

Authors
 * The speechbrain_mmsed authors, 2026
"""

from dataclasses import dataclass

import torch
from torch import nn

from speechbrain_mmsed.lobes.conformer import ConformerDecoder, ConformerEncoder
from speechbrain_mmsed.lobes.transformer import (
    TransformerDecoder,
    TransformerEncoder,
)
from speechbrain_mmsed.nnet.cross_attention import silence
from speechbrain_mmsed.nnet.fusion import renormalise


@dataclass
class Encoded:
    """A batch after the encoders; `MultiEncoder.decode` takes it.

    Arguments
    ---------
    features : torch.Tensor
        (B, T, d_model) extractor output, the decoder's input.
    memories : list of torch.Tensor
        (B, T, d_model), one per stream, primary first.
    available : torch.Tensor
        (B, S) bool, the streams of each clip that were encoded.
    """

    features: torch.Tensor
    memories: list
    available: torch.Tensor


class MultiEncoder(nn.Module):
    """Multi-encoder network for sound recognition with partly missing streams.

    Class token: normal with deviation 0.02; projections and the output layer:
    Xavier-uniform weights, zero biases.

    Arguments
    ---------
    extractor : torch.nn.Module
        Log-mel (B, frames, n_mels) to (B, T, d_model); its attribute `width`
        is d_model.
    encoder : callable
        Builds one encoder, (B, T, d_model) to the same shape, which also
        takes the (B,) bool clips whose statistics count.
    decoder : callable
        Called with `n_memories=S`, builds the decoder.
    streams : list of str
        Names of the streams besides the primary one; S is one more.
    stream_widths : dict
        Feature width of each named stream (others may be listed too).
    n_classes, d_model : int
        Number of sound classes C, and width of encoders and decoder.
    gate : callable, optional
        Called with `n_streams` and `d_model`, builds a `FusionGate`, which
        gives the weights where none are given.

    Example
    -------
    >>> from speechbrain_mmsed.lobes.cnn import ConvolutionalFeatureExtractor
    >>> from speechbrain_mmsed.lobes.transformer import (
    ...     TransformerDecoder,
    ...     TransformerEncoder,
    ... )
    >>> network = MultiEncoder(
    ...     ConvolutionalFeatureExtractor(),
    ...     TransformerEncoder,
    ...     TransformerDecoder,
    ...     streams=["openl3"],
    ...     stream_widths={"openl3": 512},
    ... )
    >>> clip_logits, frame_logits = network(
    ...     torch.randn(2, 512, 64),
    ...     [torch.randn(2, 64, 512)],
    ...     available=torch.tensor([[True, True], [True, False]]),
    ...     fusion_weights=torch.tensor([0.5, 0.5]),
    ... )
    >>> clip_logits.shape, frame_logits.shape
    (torch.Size([2, 10]), torch.Size([2, 64, 10]))
    """

    def __init__(
        self,
        extractor,
        encoder,
        decoder,
        streams,
        stream_widths,
        n_classes=10,
        d_model=128,
        gate=None,
    ):
        super().__init__()
        unknown = [name for name in streams if name not in stream_widths]
        if unknown or len(set(streams)) != len(streams):
            raise ValueError(
                f"streams are {list(streams)}, expected different names out "
                f"of stream_widths: {sorted(stream_widths)}"
            )
        if extractor.width != d_model:
            raise ValueError(
                f"the extractor's output has {extractor.width} values, "
                f"expected d_model = {d_model}: its last channels must match"
            )
        self.streams = list(streams)
        self.widths = [stream_widths[name] for name in streams]
        self.n_streams = 1 + len(self.streams)
        self.extractor = extractor
        self.encoders = nn.ModuleList(encoder() for _ in range(self.n_streams))
        self.projections = nn.ModuleList(
            nn.Linear(width, d_model) for width in self.widths
        )
        self.decoder = decoder(n_memories=self.n_streams)
        self.gate = gate and gate(n_streams=self.n_streams, d_model=d_model)
        self.class_token = nn.Parameter(torch.empty(d_model))
        self.classifier = nn.Linear(d_model, n_classes)
        nn.init.normal_(self.class_token, std=0.02)
        for layer in (*self.projections, self.classifier):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, log_mel, streams=(), available=None, fusion_weights=None):
        """Logits of a batch: `encode`, then `decode`.

        Arguments
        ---------
        log_mel : torch.Tensor
            (B, frames, n_mels), standardised.
        streams : list of torch.Tensor
            (B, T, D_s) features in the order of `self.streams`; anything may
            be in the rows of clips without the stream.
        available : torch.Tensor, optional
            (B, S) bool, column 0 true; by default each clip has each stream.
        fusion_weights : torch.Tensor, optional
            (S,) or (B, S), not negative, column 0 above 0; they are scaled
            back to 1 over each clip's streams. Needed unless S is 1 or the
            network has a gate.

        Returns
        -------
        tuple of torch.Tensor
            Clip logits (B, C) and frame logits (B, T, C).
        """
        encoded = self.encode(log_mel, streams, available, fusion_weights)
        return self.decode(encoded, fusion_weights)

    def encode(self, log_mel, streams=(), available=None, fusion_weights=None):
        """Run extractor and encoders; the result can be decoded repeatedly.

        Arguments
        ---------
        log_mel, streams, available
            As in `forward`.
        fusion_weights : torch.Tensor, optional
            (S,) or (B, S): a stream of weight 0 counts as missing, in
            `decode` too. By default all available streams are encoded.

        Returns
        -------
        Encoded
            Input of `decode`.
        """
        features = _wide(self.extractor(log_mel))
        if available is None:
            shape = features.shape[0], self.n_streams
            available = features.new_ones(shape, dtype=torch.bool)
        self._check(features, streams, available)
        if fusion_weights is not None:
            available = renormalise(fusion_weights, available) > 0
        memories = [self.encoders[0](features)]
        for projection, encoder, x, used in zip(
            self.projections,
            self.encoders[1:],
            streams,
            available.T[1:],
            strict=True,
        ):
            x = _wide(projection(silence(x, used)))
            memories.append(encoder(x, used))
        return Encoded(features, memories, available)

    def decode(self, encoded, fusion_weights=None):
        """Run the decoder on what `encode` gave; outputs as of `forward`."""
        weights = self.gate_weights(encoded, fusion_weights)
        features, (primary, *others) = encoded.features, encoded.memories
        # Also what was encoded, but has no weight now, may hold anything.
        used = (weights > 0).T[1:]
        others = [silence(x, has) for x, has in zip(others, used, strict=True)]
        token = self.class_token.to(features.dtype)
        token = token.expand(features.shape[0], 1, -1)
        x = torch.cat([token, features], dim=1)
        logits = self.classifier(self.decoder(x, [primary, *others], weights))
        return logits[:, 0], logits[:, 1:]

    def gate_weights(self, encoded, given=None):
        """(B, S) weights of an `Encoded`: the given ones, or the gate's."""
        if given is None and self.gate is not None:
            return self.gate(encoded.memories, encoded.available)
        if given is None and self.n_streams > 1:
            raise ValueError(
                f"fusion_weights is missing: this network has "
                f"{self.n_streams} streams and no gate"
            )
        if given is None:
            given = encoded.features.new_ones(1)
        return renormalise(given, encoded.available)

    def _check(self, features, streams, available):
        """Refuses streams or availability whose shapes do not fit."""
        n_clips, n_frames = features.shape[:2]
        if tuple(available.shape) != (n_clips, self.n_streams):
            raise ValueError(
                f"available has shape {tuple(available.shape)}, expected "
                f"({n_clips}, {self.n_streams}): clips by streams"
            )
        if len(streams) != len(self.streams):
            raise ValueError(
                f"{len(streams)} streams given, expected {len(self.streams)}: "
                f"{self.streams}"
            )
        for name, x, width in zip(
            self.streams, streams, self.widths, strict=True
        ):
            if tuple(x.shape) != (n_clips, n_frames, width):
                raise ValueError(
                    f"stream {name} has shape {tuple(x.shape)}, expected "
                    f"({n_clips}, {n_frames}, {width})"
                )


def _wide(x):
    """At least float32: under autocast, sums of blocks keep their precision."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


KINDS = {
    "transformer": (TransformerEncoder, TransformerDecoder),
    "conformer": (ConformerEncoder, ConformerDecoder),
}


def build_encoder(architecture, n_positions, **sizes):
    """An encoder for `MultiEncoder`, of the architecture that a yaml names.

    "transformer" (section 2.1.1) or "conformer" (2.1.2), which takes any
    length; `sizes` are d_model, n_layers, n_heads, d_head, d_ffn and dropout.

    Example
    -------
    >>> build_encoder("conformer", 64, n_layers=1)(torch.ones(2, 64, 128)).shape
    torch.Size([2, 64, 128])
    """
    return _build(architecture, 0, n_positions, sizes)


def build_decoder(architecture, n_positions, n_memories, **sizes):
    """A decoder for `MultiEncoder`; arguments as of `build_encoder`.

    Example
    -------
    >>> type(build_decoder("transformer", 64, 2, n_layers=1)).__name__
    'TransformerDecoder'
    """
    # The class token comes first.
    sizes["n_memories"] = n_memories
    return _build(architecture, 1, n_positions + 1, sizes)


def _build(architecture, which, n_positions, sizes):
    """An encoder or decoder; names of other architectures are refused."""
    if architecture not in KINDS:
        raise ValueError(
            f"architecture is {architecture!r}, expected 'transformer' or "
            "'conformer'"
        )
    if architecture == "transformer":
        sizes["n_positions"] = n_positions
    return KINDS[architecture][which](**sizes)
