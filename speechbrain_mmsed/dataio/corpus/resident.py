"""The features of all training clips in a device's memory.

The corpus is small: DESED's log-mel features with two streams are under 6 GB
as float16. Kept on the card, a batch is an index into them, and nothing is
read, collated and copied beside a training step that is over sooner.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import time

import torch
from speechbrain.utils.logger import get_logger
from tqdm import tqdm

from speechbrain_mmsed.dataio.corpus.loaders import OF_WORKERS, make_loader
from speechbrain_mmsed.dataio.corpus.resident_clips import ResidentClips
from speechbrain_mmsed.files import ClearError

logger = get_logger(__name__)

AUTO = "auto"
# Clips that are collated at once while the memory is filled.
CHUNK = 64


class CorpusOnDeviceError(ClearError):
    """The features cannot be kept on the device as the setting demands."""


class ResidentCorpus:
    """Decides whether a corpus is kept on the device, and fills it.

    Each of several processes decides for its own device.

    Arguments
    ---------
    setting : str or bool
        "auto": on a CUDA device with room for the features and `reserve`,
        never on a CPU; True: on any device, or an error; False: never.
    reserve : float
        Bytes that "auto" leaves to the training step.

    Example
    -------
    >>> clip = {"id": "a", "log_mel": torch.zeros(512, 64)}
    >>> loader = {"batch_size": 2, "num_workers": 0}
    >>> kept, loader = ResidentCorpus(True)([clip, clip], loader, "cpu")
    >>> next(iter(make_loader(kept, **loader))).id
    ['a', 'a']
    """

    def __init__(self, setting=AUTO, reserve=8e9):
        if setting not in (AUTO, True, False):
            raise ValueError(
                f"corpus_on_device is {setting!r}, expected auto, True or False"
            )
        self.setting, self.reserve = setting, reserve

    def __call__(self, dataset, loader, device):
        """What to train on instead of a dataset and its loader.

        Arguments
        ---------
        dataset : torch.utils.data.Dataset
            Clips as dicts: `log_mel` (F, M) and `stream_<name>` (T, D)
            float32, which go to the device, and labels.
        loader : dict
            Arguments of its DataLoader; `num_workers` read the clips.
        device : str or torch.device
            Where the training runs.

        Returns
        -------
        dataset, loader : torch.utils.data.Dataset, dict
            ResidentClips and the arguments of their DataLoader, without
            workers; or both as given.

        Raises
        ------
        CorpusOnDeviceError
            If the setting is True and there are no log-mel features, too
            little memory, or values beyond the range of float16.
        """
        device = torch.device(device)
        unasked = self.setting == AUTO and device.type != "cuda"
        if not self.setting or unasked:
            return dataset, loader
        try:
            self._check_room(dataset, device)
            clips = _read_all(dataset, loader, device)
        except CorpusOnDeviceError as error:
            if self.setting != AUTO:
                raise
            logger.info(f"{error} Until then batches are read from disk.")
            return dataset, loader
        without = (*OF_WORKERS, "pin_memory")
        kept = {k: v for k, v in loader.items() if k not in without}
        return clips, {**kept, "num_workers": 0, "collate_fn": clips.collate}

    def _check_room(self, dataset, device):
        """Raises an error unless the features of all clips fit."""
        shapes = _feature_shapes(dataset[0])
        if "log_mel" not in shapes:
            raise CorpusOnDeviceError(
                f"corpus_on_device is {self.setting}, but only log-mel "
                "features are kept, not waveforms: set use_logmel_cache: True, "
                "or corpus_on_device: False."
            )
        if device.type != "cuda":
            return
        values = sum(torch.Size(shape).numel() for shape in shapes.values())
        needed = 2 * values * len(dataset)
        reserve = int(self.reserve) if self.setting == AUTO else 0
        free = torch.cuda.mem_get_info(device)[0]
        if needed + reserve > free:
            raise CorpusOnDeviceError(
                f"corpus_on_device is {self.setting}, but {len(dataset)} clips "
                f"need {needed} bytes and the training step {reserve}, of "
                f"which {device} has {free} free: use fewer streams or "
                "another device, or set corpus_on_device: False."
            )


def _feature_shapes(clip):
    """Key -> shape of what goes to the device."""
    return {
        key: tuple(value.shape)
        for key, value in clip.items()
        if key == "log_mel" or key.startswith("stream_")
    }


def _read_all(dataset, loader, device):
    """Reads all clips once, by the workers of a loader: ResidentClips."""
    begun, first, total = time.time(), dataset[0], len(dataset)
    shapes = _feature_shapes(first).items()
    kind = {"dtype": torch.float16, "device": device}
    try:
        features = {k: torch.empty((total, *s), **kind) for k, s in shapes}
    except torch.OutOfMemoryError as error:
        # Another process may have taken what was free a moment ago.
        raise CorpusOnDeviceError(
            f"{device} has no room for {total} clips any more: use another "
            "device, or set corpus_on_device: False."
        ) from error
    labels = {key: [] for key in first if key not in features}
    chunks = make_loader(
        dataset,
        batch_size=CHUNK,
        num_workers=loader.get("num_workers", 0),
        collate_fn=loader.get("collate_fn"),
        # Its own, so that training draws the same numbers without all this.
        generator=torch.Generator(),
    )
    at, text = 0, f"clips to {device}"
    with tqdm(None, text, total, unit="clip", disable=None) as bar:
        for chunk in chunks:
            for key, table in features.items():
                half = _as_half(key, chunk[key])
                table[at : at + len(half)] = half
            for key, column in labels.items():
                column.append(_copied(chunk[key]))
            at += len(half)
            bar.update(len(half))
    seconds = max(time.time() - begun, 1e-9)
    logger.info(
        f"{total} clips are in the memory of {device} after {seconds:.0f} s, "
        f"{total / seconds:.0f} clips/s: num_workers is 0 in training."
    )
    return ResidentClips(features, {k: _joined(c) for k, c in labels.items()})


def _as_half(key, values):
    """Features as float16, or an error where it cannot hold them."""
    half = values.half()
    if half.isinf().any():
        raise CorpusOnDeviceError(
            f"{key} reaches {values.abs().max():g}, but the features are kept "
            "as float16, up to 65504: set corpus_on_device: False."
        )
    return half


def _copied(values):
    """Tensors of workers keep files open, their copies do not."""
    return values.clone() if isinstance(values, torch.Tensor) else values


def _joined(pieces):
    """One tensor of several, or one list."""
    if isinstance(pieces[0], torch.Tensor):
        return torch.cat(pieces)
    return [value for piece in pieces for value in piece]
