"""Weights of a Keras model in an .h5 file, for a network of torch.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import io
import zlib

import torch

from speechbrain_mmsed.lobes.visual.weights import (
    WeightsError,
    open_unpacked,
)


def read_layers(path, layers):
    """Fills convolutions and batch normalisations in the file's order.

    Names of layers differ between versions of Keras, their order does not.

    Arguments
    ---------
    path : str
        Weights, or a whole model, as Keras' legacy format writes it; perhaps
        packed with gzip, as they are published.
    layers : torch.nn.Sequential
        Those of its layers that have weights must be as many as the
        file's, of the same kinds and shapes, in the same order.

    Raises
    ------
    WeightsError
        If the file is no such file or holds another network.
    """
    arrays = _arrays(path)
    targets = [
        layer for layer in layers if next(layer.parameters(), None) is not None
    ]
    if len(arrays) != len(targets):
        raise WeightsError(
            f"{path} has {len(arrays)} layers with weights, expected are "
            f"{len(targets)}: is it the weights of the image network?"
        )
    with torch.no_grad():
        for (name, found), layer in zip(arrays, targets, strict=True):
            if isinstance(layer, torch.nn.Conv2d):
                kinds = (layer.weight, layer.bias)
                if found and found[0].ndim == 4:
                    found = [found[0].permute(3, 2, 0, 1), *found[1:]]
            else:
                kinds = (
                    layer.weight,
                    layer.bias,
                    layer.running_mean,
                    layer.running_var,
                )
            shapes = [tuple(kind.shape) for kind in kinds]
            if [tuple(array.shape) for array in found] != shapes:
                raise WeightsError(
                    f"{path}: layer {name} has weights of the shapes "
                    f"{[tuple(a.shape) for a in found]}, expected is "
                    f"{type(layer).__name__} with {shapes}"
                )
            for kind, array in zip(kinds, found, strict=True):
                kind.copy_(array)


def _arrays(path):
    """(name, tensors) of each layer with weights, in order."""
    try:
        import h5py
    except ImportError as error:
        raise ImportError(
            f"{path} needs the package h5py: "
            f"pip install 'speechbrain_mmsed[visual]'"
        ) from error
    try:
        with open_unpacked(path) as file:
            content = io.BytesIO(file.read())
        with h5py.File(content, "r") as file:
            group = file.get("model_weights", file)
            layers = []
            for layer in map(_text, group.attrs["layer_names"]):
                names = map(_text, group[layer].attrs["weight_names"])
                tensors = [
                    torch.from_numpy(group[layer][name][()]).float()
                    for name in names
                ]
                if tensors:
                    layers.append((layer, tensors))
            return layers
    except (OSError, EOFError, zlib.error, KeyError, TypeError) as error:
        raise WeightsError(
            f"{path} cannot be read as Keras weights ({error}). Expected is "
            f"an .h5 file with layer_names and weight_names, at the top or "
            f"under model_weights"
        ) from error


def _text(name):
    """A name that h5py gives as text or as bytes."""
    return name if isinstance(name, str) else name.decode()
