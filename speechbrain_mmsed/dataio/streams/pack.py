"""A stream in one file that is mapped into memory.

Thousands of small files are slow to open on network file systems. The packed
form holds the same numbers in one array beside an index; processes on one
machine share its pages. It is made from the files of a `StreamStore` and
refused as soon as these have changed.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import glob
import hashlib
import json
import os

import numpy as np
from tqdm import tqdm

from speechbrain_mmsed.dataio.streams.description import (
    StreamError,
    fingerprint,
)
from speechbrain_mmsed.dataio.streams.store import StreamStore
from speechbrain_mmsed.files import atomic_path, write_json

INDEX_FILE = "packed.json"


class PackedStore(StreamStore):
    """A stream that is read from its packed form.

    Arguments
    ---------
    streams_folder : str
        Folder of all streams.
    stream : str
        Name of the stream.

    Raises
    ------
    StreamError
        If there is no packed form or the stream has changed since.

    Example
    -------
    >>> folder = getfixture("tmp_path")
    >>> store = StreamStore(folder, "pictures")
    >>> _ = store.begin({"width": 3, "n_frames": 64})
    >>> store.write("weak/a", np.ones((64, 3)))
    >>> pack_stream(store, ["weak/a"])
    >>> PackedStore(folder, "pictures").read("weak/a").shape
    (64, 3)
    """

    def __init__(self, streams_folder, stream):
        super().__init__(streams_folder, stream)
        self._array = None
        path = os.path.join(self.folder, INDEX_FILE)
        try:
            with open(path, encoding="utf-8") as file:
                index = json.load(file)
            self.file = os.path.join(self.folder, index["file"])
            self._position = {c: i for i, c in enumerate(index["clips"])}
            key = index["key"]
        except (OSError, ValueError, KeyError) as error:
            raise StreamError(
                f"Stream {stream!r} has no packed form: {path} ({error}). "
                f"Set packed_streams: False, or run:\n  {self.command()}"
            ) from error
        if key != _key(self, index["clips"]):
            raise StreamError(
                f"{path} is older than the stream: other clips or other "
                f"features have been extracted since. Set packed_streams: "
                f"False, or run:\n  {self.command()}"
            )
        if not os.path.isfile(self.file):
            raise StreamError(
                f"{self.file}, which {path} names, is missing. Run:\n"
                f"  {self.command()}"
            )

    def command(self):
        """The command that packs the stream again."""
        return f"{super().command()} --pack True"

    def knows(self, clip_id):
        """Whether a clip is unavailable or packed."""
        return (
            clip_id in self._position or self.status(clip_id) == "unavailable"
        )

    def read(self, clip_id):
        """A clip's features, or None if it is unavailable.

        Returns
        -------
        features : np.ndarray or None
            (T, D) float32.
        """
        if self.status(clip_id) == "unavailable":
            return None
        if clip_id not in self._position:
            raise StreamError(
                f"{clip_id} is not in {self.file}. Run:\n  {self.command()}"
            )
        if self._array is None:
            self._array = np.load(self.file, mmap_mode="r")
        # A copy: nobody shall hold on to pages of the file.
        return self._array[self._position[clip_id]].astype(np.float32)

    def __getstate__(self):
        """Without the map: a process that is started opens its own."""
        return {**self.__dict__, "_array": None}


def pack_stream(store, clip_ids, progress=False):
    """Writes the packed form of a stream.

    Arguments
    ---------
    store : StreamStore
        The stream, extracted.
    clip_ids : iterable of str
        Clips to pack; those without features are left out.
    progress : bool
        Whether to show a progress bar.

    Raises
    ------
    StreamError
        If a clip is not extracted or its features have another shape.
    """
    description = store.description()
    if description is None:
        raise StreamError(
            f"Stream {store.stream!r} is not extracted. Run:\n"
            f"  {store.command()}"
        )
    shape = (description["n_frames"], description["width"])
    clip_ids = list(clip_ids)
    store.check(clip_ids, description["width"], description["n_frames"])
    clips = sorted(c for c in clip_ids if store.status(c) == "available")
    key = _key(store, clips)
    name = f"packed-{key}.npy"
    path = os.path.join(store.folder, name)
    with atomic_path(path) as temporary, open(temporary, "wb") as file:
        # Written from front to back: on a full disk this fails with an
        # error, where writing to mapped memory would kill the process.
        header = {
            "descr": np.dtype(np.float16).str,
            "fortran_order": False,
            "shape": (len(clips), *shape),
        }
        np.lib.format.write_array_header_1_0(file, header)
        for clip_id in tqdm(
            clips, "packing " + store.stream, unit="clip", disable=not progress
        ):
            features = np.load(store.path(clip_id))
            if features.shape != shape:
                raise StreamError(
                    f"{store.path(clip_id)} holds {features.shape}, expected "
                    f"{shape}. Remove it and run:\n  {store.command()}"
                )
            file.write(features.astype(np.float16).tobytes())
    # The index is written when its file is whole, and the earlier file is
    # removed when no index names it any more.
    write_json(
        os.path.join(store.folder, INDEX_FILE),
        {"file": name, "key": key, "clips": clips},
    )
    for old in glob.glob(os.path.join(glob.escape(store.folder), "packed-*")):
        if os.path.basename(old) != name:
            os.remove(old)


def _key(store, clips):
    """Changes when the features of any clip change."""
    rows = store.rows
    digest = hashlib.sha256(fingerprint(store.description() or {}).encode())
    for clip_id in clips:
        row = rows.get(clip_id)
        found = None if row is None else (row.status, row.source)
        digest.update(repr((clip_id, found)).encode())
    return digest.hexdigest()[:16]
