"""Any image network of timm, with weights that lie on disk.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import math

import torch

from speechbrain_mmsed.lobes.visual.base import (
    FrameEmbedder,
    centre_crop,
    file_sha256,
)
from speechbrain_mmsed.lobes.visual.weights import (
    fill_network,
    find_weights,
    load_weights,
)


class TimmEmbedder(FrameEmbedder):
    """A network of timm without its classifier.

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
    """

    def __init__(self, name, weights):
        try:
            import timm
        except ImportError as error:
            raise ImportError(
                f"The stream timm:{name} needs timm: "
                f"pip install 'speechbrain_mmsed[networks]'"
            ) from error
        if not timm.is_model(name.split(".")[0]):
            near = timm.list_models(f"*{name.split('.')[0][:8]}*")[:5]
            raise ValueError(
                f"timm {timm.__version__} has no network {name!r}; similar "
                f"names: {', '.join(near) or 'none'}"
            )
        path = find_weights(
            weights,
            f"timm:{name}",
            f"https://huggingface.co/timm/{name}",
            "as stated there",
        )
        network = timm.create_model(name, pretrained=False, num_classes=0)
        config = timm.data.resolve_data_config({}, model=network)
        size = config["input_size"][1]
        # Names of what num_classes=0 removed, and of nothing else.
        whole = timm.create_model(name, pretrained=False)
        heads = set(whole.state_dict()) - set(network.state_dict())
        fill_network(network, _state(path), path, tuple(heads))
        network = network.requires_grad_(False).eval()
        # Measured: what timm says of itself is wrong for some networks.
        with torch.inference_mode():
            width = network(torch.zeros(1, *config["input_size"])).shape[1]
        super().__init__(width, size)
        self.network, self.name = network, name
        self.weights_sha256 = file_sha256(path)
        # What is cut out is this share of the resized picture's side.
        self.short_side = math.floor(size / config["crop_pct"])
        for key in ("mean", "std"):
            value = torch.tensor(config[key]).view(3, 1, 1)
            self.register_buffer(key, value)

    @property
    def frame_size(self):
        """The shorter side."""
        return self.short_side

    def preprocess(self, frames):
        """Crops and standardises as the network's configuration says.

        Arguments
        ---------
        frames : torch.Tensor
            (N, H, W, 3) uint8, RGB, read at `frame_size`.

        Returns
        -------
        preprocessed : torch.Tensor
            (N, 3, image_size, image_size) float32.
        """
        square = centre_crop(frames, self.image_size).permute(0, 3, 1, 2)
        return (square.float() / 255.0 - self.mean) / self.std

    def forward(self, preprocessed):
        """Embeds pictures.

        Arguments
        ---------
        preprocessed : torch.Tensor
            (N, 3, image_size, image_size).

        Returns
        -------
        features : torch.Tensor
            (N, width).
        """
        return self.network(preprocessed)

    def description(self):
        """What decides on the features.

        Returns
        -------
        description : dict
            network, weights_sha256, preprocessing.
        """
        mean, std = (
            [round(float(x), 4) for x in buffer.flatten()]
            for buffer in (self.mean, self.std)
        )
        return {
            "network": f"timm {self.name}, no classifier",
            "weights_sha256": self.weights_sha256,
            "preprocessing": (
                f"bicubic {self.short_side}, crop {self.image_size}, "
                f"mean {mean}, std {std}"
            ),
        }


def _state(path):
    """The state dict in a checkpoint, alone or beside others."""
    content = load_weights(path)
    for key in ("state_dict_ema", "state_dict", "model"):
        if isinstance(content.get(key), dict):
            content = content[key]
            break
    return {k.removeprefix("module."): v for k, v in content.items()}
