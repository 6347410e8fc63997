"""Weights of networks that Keras saved as .h5.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import io
import os
import subprocess
import sys

import numpy as np
import torch

from speechbrain_mmsed.lobes.visual import keras_file
from speechbrain_mmsed.lobes.visual.weights import (
    WeightsError,
    checked,
    optional_package,
)

# Seconds that reading a file may take.
PATIENCE = 60


def fill_from_keras(layers, path):
    """Loads convolutions and batch normalisations in the file's order.

    Names of layers differ between versions of Keras, their order does not.

    Arguments
    ---------
    layers : torch.nn.Sequential
        Those of its layers that have weights must be as many as the
        file's, of the same kinds and shapes, in the same order.
    path : str
        Weights, or a whole model, as Keras' legacy .h5 format has them;
        perhaps packed with gzip, as they are published.

    Raises
    ------
    WeightsError
        If the file is no such file or holds another network.
    """
    found = keras_layers(path)
    targets = [layer for layer in layers if list(layer.parameters())]
    if len(found) != len(targets):
        raise WeightsError(
            f"{path} has {len(found)} layers with weights, expected are "
            f"{len(targets)}: is it the weights of the image network?"
        )
    for (name, tensors), layer in zip(found, targets, strict=True):
        kinds = [layer.weight, layer.bias]
        if isinstance(layer, torch.nn.BatchNorm2d):
            kinds += [layer.running_mean, layer.running_var]
        elif tensors[0].ndim == 4:
            tensors[0] = tensors[0].permute(3, 2, 0, 1)
        shapes = [tuple(kind.shape) for kind in kinds]
        if [tuple(tensor.shape) for tensor in tensors] != shapes:
            raise WeightsError(
                f"{path}: layer {name} has weights of the shapes "
                f"{[tuple(t.shape) for t in tensors]}, expected is "
                f"{type(layer).__name__} with {shapes}"
            )
        with torch.no_grad():
            for kind, tensor in zip(kinds, tensors, strict=True):
                kind.copy_(tensor)


def keras_layers(path):
    """(name, tensors) of each layer with weights, in order."""
    optional_package("h5py", path, "visual")
    try:
        arrays = _arrays(path)
        names = arrays.pop("arr_0").tolist()
        layers = {}
        for name, array in zip(names, arrays.values(), strict=True):
            tensor = checked(torch.from_numpy(array).float(), path, name)
            layers.setdefault(name, []).append(tensor)
        return list(layers.items())
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise WeightsError(
            f"{path} cannot be read as Keras weights ({error}). Expected is "
            f"an .h5 file with layer_names and weight_names, at the top or "
            f"under model_weights"
        ) from error


def _arrays(path):
    """What `keras_file` writes of a file; ValueError if it does not."""
    command = [sys.executable, keras_file.__file__, os.fspath(path)]
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=PATIENCE,
        )
    except subprocess.TimeoutExpired:
        raise ValueError(f"not within {PATIENCE} s") from None
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().split("\n")[-1]
        raise ValueError(said or f"its reader ended with {done.returncode}")
    with np.load(io.BytesIO(done.stdout), allow_pickle=False) as found:
        return dict(found)
