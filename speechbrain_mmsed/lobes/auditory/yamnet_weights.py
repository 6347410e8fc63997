"""Weights of YAMNet from the files that are published.

Both give, in the network's order, pairs of a convolution's weight, as torch
has it, and its bias, batch normalisation folded in; and the pair of the matrix
behind them, which makes scores of classes.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import re
import struct

import numpy as np
import torch

from speechbrain_mmsed.lobes.visual.keras_weights import keras_layers
from speechbrain_mmsed.lobes.visual.weights import WeightsError, checked

EPSILON = 1e-4  # of batch normalisation, which has no scale
INT8, FLOAT32 = 9, 0  # as TensorFlow Lite numbers its types
# Tensors that others were merged into have the names of all of them.
LAYER = re.compile(r"[^;]*?layer(\d+)/(conv|depthwise_conv|pointwise_conv)/")


def read_weights(path):
    """Pairs (weight, bias) of all layers of a file.

    Arguments
    ---------
    path : str
        Keras' .h5, or .tflite with weights in float32 or int8.

    Returns
    -------
    convolutions : list of tuple
        In the order of the network.
    classifier : tuple or None
        (C, 1024) weight and (C,) bias, if the file ends with one.

    Raises
    ------
    WeightsError
        If it is neither, or is damaged.

    Example
    -------
    >>> read_weights("yamnet.onnx")
    Traceback (most recent call last):
    ...
    speechbrain_mmsed.lobes.visual.weights.WeightsError: yamnet.onnx: expected \
weights that end in .h5 or .tflite
    """
    if str(path).endswith(".h5"):
        return _of_keras(path)
    if not str(path).endswith(".tflite"):
        raise WeightsError(
            f"{path}: expected weights that end in .h5 or .tflite"
        )
    try:
        return _of_tflite(path)
    except (struct.error, ValueError, LookupError, TypeError) as error:
        raise WeightsError(
            f"{path} cannot be read as a TensorFlow Lite network "
            f"({error}); get it again"
        ) from error


def _of_keras(path):
    """Each convolution is followed by its normalisation."""
    layers = [tensors for _, tensors in keras_layers(path)]
    pairs = []
    for kernel, norm in zip(layers[::2], layers[1::2], strict=False):
        # At the end there is the classifier, a matrix.
        if kernel[0].ndim != 4 or len(norm) != 3:
            break
        beta, mean, variance = norm
        scale = (variance + EPSILON).rsqrt()
        weight = _as_torch(kernel[0].permute(3, 0, 1, 2))
        if len(weight) != len(scale):  # of a depthwise one, (1, h, w, C)
            weight = _as_torch(kernel[0].permute(2, 0, 1, 3))
        pairs.append((weight * scale[:, None, None, None], beta - mean * scale))
    last = layers[-1] if layers else []
    has_classifier = [tensor.ndim for tensor in last] == [2, 1]
    return pairs, (last[0].T, last[1]) if has_classifier else None


def _as_torch(weight):
    """(out, h, w, in) -> (out, in, h, w)."""
    return weight.permute(0, 3, 1, 2)


def _of_tflite(path):
    """Weights and biases of layers, by the names of the tensors."""
    found, last = {}, {}
    for name, values in _tensors(path):
        layer = LAYER.match(name)
        if layer and values.ndim in (1, 4):
            # A block's depthwise convolution comes before its pointwise one.
            part = found.setdefault((int(layer[1]), layer[2]), {})
            values = torch.from_numpy(values)
            part[values.ndim] = checked(values, path, name)
        elif "/dense/" in name:
            last[values.ndim] = checked(torch.from_numpy(values), path, name)
    pairs = []
    for key in sorted(found):
        weight, bias = found[key][4], found[key][1]
        if key[1] == "depthwise_conv":
            weight = weight.permute(3, 1, 2, 0)
        pairs.append((_as_torch(weight), bias))
    return pairs, (last[2], last[1]) if {1, 2} <= set(last) else None


def _tensors(path):
    """(name, float32 array) of the tensors of a network that hold values."""
    with open(path, "rb") as file:
        table = _Table(file.read())
    buffers = table.tables(4)
    for tensor in table.tables(2)[0].tables(0):
        shape = tensor.array(0, "<u4")  # a side below 0 fits no values
        kind = tensor.array(1, "u1", scalar=True)
        number = tensor.array(2, "<u4", scalar=True)
        raw = buffers[number[0] if len(number) else 0].array(0, "u1")
        kind = int(kind[0]) if len(kind) else FLOAT32
        if not len(raw) or kind not in (INT8, FLOAT32):
            continue
        values = raw.view("i1" if kind == INT8 else "<f4").astype(np.float32)
        if kind == INT8:
            how = tensor.table(4)
            scale, zero = how.array(2, "<f4"), how.array(3, "<i8")
            if len(scale) != 1 or not -128 <= zero[0] <= 127:
                raise ValueError("other scales than one of int8")
            values = (values - zero[0]) * scale[0]
        name = tensor.array(3, "u1").tobytes().decode()
        yield name, values.reshape(shape)


class _Table:
    """A table of a flatbuffer, the form of TensorFlow Lite's files."""

    def __init__(self, data, at=None):
        self.data = data
        self.at = self._follow(0) if at is None else at

    def _follow(self, place):
        """Where an offset points to."""
        return place + struct.unpack_from("<I", self.data, place)[0]

    def _place(self, field):
        """Where a field stands; None if it has its default value."""
        at = self.at - struct.unpack_from("<i", self.data, self.at)[0]
        size = struct.unpack_from("<H", self.data, at)[0]
        if 4 + 2 * field >= size:
            return None
        offset = struct.unpack_from("<H", self.data, at + 4 + 2 * field)[0]
        return self.at + offset if offset else None

    def table(self, field):
        """The table in a field."""
        return _Table(self.data, self._follow(self._place(field)))

    def array(self, field, dtype, scalar=False):
        """The numbers in a field; empty if it is not there."""
        place, count = self._place(field), 1
        if place is None:
            return np.zeros(0, dtype)
        if not scalar:
            place = self._follow(place)
            count = struct.unpack_from("<I", self.data, place)[0]
            place += 4
        return np.frombuffer(self.data, dtype, count, place)

    def tables(self, field):
        """The tables in a field."""
        place = self._follow(self._place(field))
        count = struct.unpack_from("<I", self.data, place)[0]
        # All of them: a count that is damaged is an error at once.
        offsets = np.frombuffer(self.data, "<u4", count, place + 4).tolist()
        return [
            _Table(self.data, place + 4 + 4 * number + offset)
            for number, offset in enumerate(offsets)
        ]
