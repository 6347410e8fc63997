"""Any image network of timm, with weights that lie on disk.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import numpy as np
import torch

from speechbrain_mmsed.lobes.visual.base import PretrainedEmbedder
from speechbrain_mmsed.lobes.visual.weights import (
    fill_network,
    find_weights,
    load_weights,
    optional_package,
)


class TimmEmbedder(PretrainedEmbedder):
    """A network of timm without its classifier.

    Pictures are resized, cropped and standardised by timm itself, as the
    configuration of the network says.

    Arguments
    ---------
    name : str
        As timm calls it, for instance "resnet18.a1_in1k".
    weights : str
        Its checkpoint, `.safetensors`, `.pth` or `.bin`.

    Raises
    ------
    WeightsError
        If the file is missing or holds another network.
    ValueError
        If timm has no such network.

    Example
    -------
    >>> import pytest
    >>> timm = pytest.importorskip("timm")
    >>> path = getfixture("tmp_path") / "test_resnet.pth"
    >>> torch.save(timm.create_model("test_resnet").state_dict(), path)
    >>> embedder = TimmEmbedder("test_resnet", path)
    >>> picture = embedder.reduce(np.zeros((48, 64, 3), np.uint8))
    >>> frames = torch.from_numpy(picture)[None]
    >>> embedder(embedder.preprocess(frames)).shape
    torch.Size([1, 96])
    """

    def __init__(self, name, weights):
        timm = optional_package("timm", f"The stream timm:{name}", "networks")
        network = _headless(timm, name)
        path = find_weights(
            weights, f"timm:{name}", *_published(network.pretrained_cfg)
        )
        fill_network(
            network, _state(path), path, _head_names(timm, name, network)
        )
        config = timm.data.resolve_data_config({}, model=network)
        # Measured: what timm says of itself is wrong for some networks.
        with torch.inference_mode():
            blank = torch.zeros(1, *config["input_size"])
            width = network.eval()(blank).shape[1]
        super().__init__(
            width,
            config["input_size"][1],
            network,
            f"timm {name}, no classifier",
            path,
            preprocessing="timm: "
            + ", ".join(f"{k} {v}" for k, v in sorted(config.items())),
        )
        self.config = config
        # Standardising is left to `preprocess`: bytes take less memory.
        self.transform = timm.data.create_transform(
            **config, is_training=False, normalize=False
        )
        for key in ("mean", "std"):
            value = torch.tensor(config[key]).view(3, 1, 1)
            self.register_buffer(key, value)

    @property
    def frame_size(self):
        """As coded; see `reduce`."""
        return None

    def reduce(self, picture):
        """Resizes and crops as the network's configuration says.

        (H, W, 3) uint8 as coded -> (h, w, 3) uint8.
        """
        from PIL import Image

        image = Image.fromarray(np.ascontiguousarray(picture))
        return self.transform(image).permute(1, 2, 0).numpy()

    def preprocess(self, frames):
        """Standardises as the network's configuration says.

        (N, h, w, 3) uint8, as `reduce` gives them -> (N, 3, h, w) float32.
        """
        pictures = frames.permute(0, 3, 1, 2).float() / 255.0
        return (pictures - self.mean) / self.std


def _headless(timm, name):
    """The network without its classifier, or an error with near names."""
    if not timm.is_model(name.split(".")[0]):
        near = timm.list_models(f"*{name.split('.')[0][:8]}*")[:5]
        raise ValueError(
            f"timm {timm.__version__} has no network {name!r}; similar "
            f"names: {', '.join(near) or 'none'}"
        )
    try:
        return timm.create_model(name, pretrained=False, num_classes=0)
    except RuntimeError as error:  # what stands after the point
        raise ValueError(
            f"timm {timm.__version__} has no network {name!r} ({error})"
        ) from error


def _published(config):
    """Where timm says that a network's weights are, and their licence."""
    place = config.get("url") or "a place that timm does not know"
    if config.get("hf_hub_id"):
        place = f"https://huggingface.co/{config['hf_hub_id']}"
    return place, config.get("license") or "as stated there"


def _head_names(timm, name, network):
    """Names of the classifier's weights, and of no more."""
    whole = timm.create_model(name, pretrained=False)
    return tuple(set(whole.state_dict()) - set(network.state_dict()))


def _state(path):
    """The state dict in a checkpoint, alone or beside others."""
    content = load_weights(path)
    for key in ("state_dict_ema", "state_dict", "model"):
        if isinstance(content.get(key), dict):
            content = content[key]
            break
    return {k.removeprefix("module."): v for k, v in content.items()}
