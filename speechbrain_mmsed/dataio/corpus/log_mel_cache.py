"""Log-mel features of clips on disk.

They are kept unstandardised: the statistics may change, the features of
a clip do not. Every front end has a folder of its own, named by its key, with
its settings beside the features; features of another front end are refused,
since nothing in their shape would show the difference.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import copy
import functools
import hashlib
import json
import os

import numpy as np
import torch
from speechbrain.utils.logger import get_logger

from speechbrain_mmsed.dataio.corpus.clips import clip_waveform
from speechbrain_mmsed.files import (
    ClearError,
    atomic_path,
    file_state,
    read_arrays,
    read_json,
    write_json,
)

logger = get_logger(__name__)

SETTINGS = "settings.json"


class LogMelCacheError(ClearError):
    """A cache that belongs to another front end, or is damaged."""


class LogMelCache:
    """Unstandardised log-mel features, one .npy per clip.

    A clip is named by its id, such as "weak/Yabc_30.000_40.000", and, where
    it is given, by path, size and time of change of its sound file `source`:
    clips of two corpora may have the same id, and files may be replaced.
    Features of another front end or type are refused.

    Arguments
    ---------
    folder : str
        Holds one folder per front end, made when the first clip is written.
    frontend : LogMelFrontend
        Its key() names the folder, its settings() are kept beside. It is
        copied, so that the original may move to another device.
    dtype : str
        "float16" (an error of at most 0.004 on log-mel values) or
        "float32".

    Example
    -------
    >>> from speechbrain_mmsed.lobes.frontend import LogMelFrontend
    >>> cache = LogMelCache(getfixture("tmp_path"), LogMelFrontend())
    >>> cache.read_or_make("weak/a", lambda: torch.randn(160000)).shape
    torch.Size([512, 64])
    >>> cache.has("weak/a"), cache.has("weak/b")
    (True, False)
    """

    def __init__(self, folder, frontend, dtype="float16"):
        if dtype not in ("float16", "float32"):
            raise ValueError(f"dtype is {dtype!r}, expected float16 or float32")
        self.frontend = copy.deepcopy(frontend).cpu().eval()
        self.owner = {
            "key": frontend.key(),
            "settings": frontend.settings(),
            "dtype": dtype,
        }
        self.folder = os.path.join(os.fspath(folder), self.owner["key"])
        # The second: someone named a front end's own folder.
        self._refuse_other(os.path.join(self.folder, SETTINGS))
        self._refuse_other(os.path.join(os.fspath(folder), SETTINGS))

    def path(self, clip_id, source=None):
        """File of a clip's features, whether it is there or not."""
        name = clip_id
        if source is not None:
            state = [os.path.abspath(source), *file_state(source)]
            digest = hashlib.sha256(json.dumps(state).encode()).hexdigest()
            name = f"{clip_id}.{digest[:12]}"
        return os.path.join(self.folder, f"{name}.npy")

    def has(self, clip_id, source=None):
        """Whether the features of a clip are there."""
        return os.path.isfile(self.path(clip_id, source))

    def read(self, clip_id, source=None):
        """Features of a clip, (frames, mel bins) float32."""
        path = self.path(clip_id, source)
        try:
            features = read_arrays(path)[""]
        except (OSError, ValueError) as error:
            raise LogMelCacheError(
                f"{error}. Delete it; it is made anew."
            ) from error
        wanted = self._shape(), self.owner["dtype"]
        if (features.shape, features.dtype) != wanted:
            raise LogMelCacheError(
                f"{path}: {features.shape} {features.dtype}, expected "
                f"{wanted[0]} {wanted[1]}. Delete it; it is made anew."
            )
        if not np.isfinite(features).all():
            raise LogMelCacheError(
                f"{path}: values that are not finite. Delete it; it is made "
                "anew."
            )
        return torch.from_numpy(features.astype(np.float32))

    def write(self, clip_id, log_mel, source=None):
        """Keeps unstandardised features of a clip, (frames, mel bins)."""
        if not log_mel.isfinite().all():
            raise LogMelCacheError(
                f"{clip_id}: its log-mel features are not finite: repair or "
                f"remove its sound file {source or ''}"
            )
        if tuple(log_mel.shape) != self._shape():
            raise ValueError(
                f"{clip_id}: log-mel of shape {tuple(log_mel.shape)}, "
                f"expected {self._shape()}"
            )
        settings = os.path.join(self.folder, SETTINGS)
        if not os.path.isfile(settings):
            write_json(settings, self.owner)
        features = log_mel.detach().cpu().numpy().astype(self.owner["dtype"])
        with atomic_path(self.path(clip_id, source)) as name:
            np.save(name, features)

    def read_or_make(self, clip_id, make_waveform, source=None):
        """Features (frames, mel bins) float32 of a clip, made if need be.

        They are rounded to the cache's type the first time too, so that a run
        does not depend on what an earlier one left. `make_waveform()` gives
        the clip's waveform (samples,), padded; features of another sound file
        than `source` are made anew, and so are damaged ones, which is told.
        """
        if self.has(clip_id, source):
            try:
                return self.read(clip_id, source)
            except LogMelCacheError as error:
                logger.warning(f"{clip_id} is made anew: {error}")
        with torch.no_grad():
            log_mel = self.frontend.log_mel(make_waveform()[None])[0]
        self.write(clip_id, log_mel, source)
        return self.read(clip_id, source)

    def read_clip(self, clip_id, wav):
        """Features (frames, mel bins) of a clip, made of its sound file."""
        make = functools.partial(clip_waveform, wav, self.frontend)
        return self.read_or_make(clip_id, make, source=wav)

    def _shape(self):
        """Shape of a clip's features."""
        return self.frontend.n_frames, self.frontend.n_mels

    def _refuse_other(self, path):
        """Compares a folder's settings with those of the front end."""
        if not os.path.isfile(path):
            return
        found = read_json(path)
        if found != json.loads(json.dumps(self.owner)):
            raise LogMelCacheError(
                f"{path}: these log-mel features belong to another front end."
                f"\n  there: {json.dumps(found, sort_keys=True)}"
                f"\n  yours: {json.dumps(self.owner, sort_keys=True)}\n"
                "Choose another folder, or delete this one to make them anew."
            )
