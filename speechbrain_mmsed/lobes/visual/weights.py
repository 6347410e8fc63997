"""Files of weights that the user brings along, and packages that read them.

Nothing is downloaded: the weights of most networks have licences of their
own, and a corpus shall not silently get features of whatever a host serves
today. If a file is missing, the message says where it is published.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import gzip
import importlib
import os
import pickle
import zipfile

import torch

from speechbrain_mmsed.files import ClearError, check_unpacked_size
from speechbrain_mmsed.folders import sha256_of


class WeightsError(ClearError):
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
    with open_unpacked(path) as file:
        return sha256_of(file)


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
        check_unpacked_size(path)
        _check_parts(path)
        content = torch.load(path, map_location="cpu", weights_only=True)
    except ImportError as error:
        raise WeightsError(
            f"{path} needs the package safetensors: "
            f"pip install 'speechbrain_mmsed[networks]'"
        ) from error
    except FileNotFoundError:
        raise
    except Exception as error:  # safetensors, zip and torch have their own
        text = " ".join(str(error).split())[:300]
        advice = "Get it again"
        if isinstance(error, pickle.UnpicklingError):
            advice = (
                "It is damaged or holds program objects, which are not run; "
                "save its state dict again"
            )
        raise WeightsError(
            f"{path} cannot be read as weights only ({type(error).__name__}: "
            f"{text}). {advice}"
        ) from error
    if not isinstance(content, dict):
        raise WeightsError(
            f"{path} holds a {type(content).__name__}, expected is a state dict"
        )
    return content


def _check_parts(path):
    """Stops at an archive whose parts are not as torch wrote them.

    It compares no checksums, and packed parts may become any numbers.
    """
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            packed = any(part.compress_type for part in archive.infolist())
            if packed or archive.testzip():
                raise ValueError("a part of it is packed or damaged")


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
    for name, tensor in state.items():
        checked(tensor, path, name)
    network.load_state_dict(state, strict=False)


def checked(tensor, path, name):
    """A tensor of a file; a WeightsError if it is not finite.

    Example
    -------
    >>> checked(torch.tensor([1.0, torch.nan]), "a.pth", "bias")
    Traceback (most recent call last):
    ...
    speechbrain_mmsed.lobes.visual.weights.WeightsError: a.pth: bias holds \
NaN or infinity; get the file again
    """
    if not torch.isfinite(tensor).all():
        raise WeightsError(
            f"{path}: {name} holds NaN or infinity; get the file again"
        )
    return tensor


def _shape(value):
    """Of a tensor; what else a checkpoint may hold is named by its type."""
    if isinstance(value, torch.Tensor):
        return tuple(value.shape)
    return type(value).__name__
