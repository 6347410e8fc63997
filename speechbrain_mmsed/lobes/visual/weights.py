"""Files of weights that the user brings along, and packages that read them.

Nothing is downloaded: the weights of most networks have licences of their
own, and a corpus shall not silently get features of whatever a host serves
today. If a file is missing, the message says where it is published.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import gzip
import hashlib
import importlib
import io
import os
import pickle
import zlib

import torch


class WeightsError(Exception):
    """Weights that are missing or of another network; says what to do."""


def optional_package(name, user, extra):
    """Imports a package, or says who needs it and which extra has it."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ImportError(
            f"{user} needs the package {name}: "
            f"pip install 'speechbrain_mmsed[{extra}]'"
        ) from error


def find_weights(path, network, published, licence):
    """The path of a file of weights, if it is there.

    Arguments
    ---------
    path : str
        Where it is expected.
    network, published, licence : str
        Whose weights they are, where to get them, under which licence.

    Raises
    ------
    WeightsError
        If there is no such file.

    Example
    -------
    >>> find_weights("a.pth", "Net", "https://example.org", "MIT")
    Traceback (most recent call last):
    ...
    speechbrain_mmsed.lobes.visual.weights.WeightsError: Net needs the file \
a.pth, which is not there. It is published at https://example.org (licence: \
MIT); get it and put it there, nothing is downloaded for you
    """
    path = os.fspath(path)
    if os.path.isfile(path):
        return path
    raise WeightsError(
        f"{network} needs the file {path}, which is not there. It is "
        f"published at {published} (licence: {licence}); get it and put it "
        f"there, nothing is downloaded for you"
    )


def open_unpacked(path):
    """Opens a file for reading bytes, unpacking it if it begins as gzip does.

    Example
    -------
    >>> path = getfixture("tmp_path") / "a.h5"
    >>> _ = path.write_bytes(gzip.compress(b"weights"))
    >>> with open_unpacked(path) as file:
    ...     print(file.read())
    b'weights'
    """
    with open(path, "rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    return gzip.open(path) if packed else open(path, "rb")


def file_sha256(path):
    """SHA-256 of a file's content, the same packed with gzip or not."""
    digest = hashlib.sha256()
    with open_unpacked(path) as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def load_weights(path):
    """Reads a checkpoint without running any code of it.

    Arguments
    ---------
    path : str
        `.safetensors`, or what `torch.save` wrote; must hold a dict.

    Raises
    ------
    WeightsError
        If it cannot be read, or holds more than numbers, text and
        containers.
    """
    try:
        if os.fspath(path).endswith(".safetensors"):
            from safetensors.torch import load_file

            return load_file(path)
        content = torch.load(path, map_location="cpu", weights_only=True)
    except ImportError as error:
        raise WeightsError(
            f"{path} needs the package safetensors: "
            f"pip install 'speechbrain_mmsed[networks]'"
        ) from error
    except pickle.UnpicklingError as error:
        raise WeightsError(
            f"{path} cannot be read as weights only ({error}). It is "
            f"damaged or holds program objects, which are not run; save its "
            f"state dict again"
        ) from error
    except Exception as error:  # safetensors, zip and torch have their own
        raise WeightsError(
            f"{path} cannot be read ({type(error).__name__}: {error}). Get "
            f"it again"
        ) from error
    if not isinstance(content, dict):
        raise WeightsError(
            f"{path} holds a {type(content).__name__}, expected is a state dict"
        )
    return content


def fill_network(network, state, path, unused=()):
    """Loads a state dict, each weight of the network and no other.

    Arguments
    ---------
    network, state : torch.nn.Module, dict
        What to fill; name -> tensor.
    path : str
        Where the state comes from, for the message.
    unused : tuple of str
        Beginnings of names that the network does not have and need not.

    Raises
    ------
    WeightsError
        If names or shapes differ.
    """
    state = {str(k): v for k, v in state.items()}
    state = {k: v for k, v in state.items() if not k.startswith(unused)}
    expected = network.state_dict()
    missing = sorted(set(expected) - set(state))
    # Counters that are not in the earliest checkpoints; inference never
    # reads them.
    missing = [k for k in missing if not k.endswith("num_batches_tracked")]
    strange = sorted(set(state) - set(expected))
    shapes = [
        f"{k} is {_shape(state[k])} instead of {tuple(v.shape)}"
        for k, v in expected.items()
        if k in state and _shape(state[k]) != tuple(v.shape)
    ]
    for what, names in (
        ("lacks", missing),
        ("has the unknown", strange),
        ("has other shapes:", shapes),
    ):
        if names:
            more = f" and {len(names) - 3} more" if len(names) > 3 else ""
            raise WeightsError(
                f"{path} does not belong to this network: it {what} "
                f"{', '.join(names[:3])}{more}"
            )
    network.load_state_dict(state, strict=False)


def _shape(value):
    """Of a tensor; what else a checkpoint may hold is named by its type."""
    if isinstance(value, torch.Tensor):
        return tuple(value.shape)
    return type(value).__name__


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
    found = _keras_layers(path)
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


def _keras_layers(path):
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
