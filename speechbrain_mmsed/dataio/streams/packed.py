"""A stream in one file: `packed.json` and `packed-<key>.npy` beside the clips'.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import functools
import hashlib
import os

import numpy as np

from speechbrain_mmsed.dataio.streams.identity import fingerprint
from speechbrain_mmsed.dataio.streams.records import StreamError
from speechbrain_mmsed.dataio.streams.stored import StoredStream
from speechbrain_mmsed.dataio.streams.verified import Verified
from speechbrain_mmsed.files import read_json

INDEX_FILE = "packed.json"


class PackedStream(StoredStream):
    """A stream that is read from its packed form; see `store.pack_stream`.

    Thousands of small files are slow to open on network file systems. One
    array that is mapped into memory holds the same numbers; processes on one
    machine share its pages. A StreamError if there is none, or if the stream
    has changed since.
    """

    def __init__(self, streams_folder, stream):
        super().__init__(streams_folder, stream)
        path = os.path.join(self.folder, INDEX_FILE)
        try:
            index = read_json(path)
            self.file = os.path.join(self.folder, index["file"])
            os.stat(self.file)
            self._position = {c: i for i, c in enumerate(index["clips"])}
            key = index["key"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise self.error(
                f"Stream {stream!r} has no packed form: {path} ({error}). "
                f"Set packed_streams: False, or run"
            ) from error
        if key != packed_key(self, index["clips"]):
            raise self.error(
                f"{path} is older than the stream: other clips or other "
                f"features have been extracted since. Set packed_streams: "
                f"False, or run"
            )

    def command(self):
        """The command that packs the stream again."""
        return f"{super().command()} --pack True"

    def path(self, clip_id):
        """The one file."""
        return self.file

    def _holds(self, clip_id):
        return clip_id in self._position

    def _load(self, clip_id):
        if clip_id not in self._position:
            raise self.error(f"{clip_id} is not in {self.file}. Run")
        try:
            return self._array[self._position[clip_id]]
        except Exception as error:  # numpy and mmap have their own
            raise self.error(
                f"{self.file} cannot be read ({str(error)[:200]}). Run"
            ) from error

    @functools.cached_property
    def _array(self):
        return np.load(self.file, mmap_mode="r")

    def __getstate__(self):
        """Without the map: a process that is started opens its own."""
        return {k: v for k, v in self.__dict__.items() if k != "_array"}


def packed_key(store, clips):
    """Changes when the features of any clip change; 16 hex digits."""
    digest = hashlib.sha256(fingerprint(store.description() or {}).encode())
    for clip_id in clips:
        row = store.rows.get(clip_id)
        found = None if row is None else (row.status, row.source)
        digest.update(repr((clip_id, found)).encode())
    return digest.hexdigest()[:16]


class VerifiedStream(Verified, StoredStream):
    """A stream with a file for each clip, looked at before it is used."""


class VerifiedPackedStream(Verified, PackedStream):
    """A stream in one file, looked at before it is used."""


def stream_form(packed, damaged="error"):
    """What opens streams: in one file or in a file for each clip.

    Arguments
    ---------
    packed : bool
        Whether in one file.
    damaged : str
        "error" or "drop", as of `Verified`.

    Returns
    -------
    callable
        Takes streams_folder and stream; its `dropped` maps streams that have
        lost clips to their number. A StreamError if `damaged` is neither.

    Example
    -------
    >>> stream_form(False)(getfixture("tmp_path"), "openl3").stream
    'openl3'
    """
    if damaged not in ("error", "drop"):
        raise StreamError(
            f"damaged_features is {damaged!r}, expected error or drop"
        )
    kind, dropped = VerifiedPackedStream if packed else VerifiedStream, {}
    form = functools.partial(kind, damaged=damaged, dropped=dropped)
    form.dropped = dropped
    return form
