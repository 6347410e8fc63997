"""Weights of networks that Keras saved as .h5.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import io
import zlib

import torch

from speechbrain_mmsed.lobes.visual.weights import (
    WeightsError,
    open_unpacked,
    optional_package,
)


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
    h5py = optional_package("h5py", path, "visual")
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
