"""Writes a stream into one file, from which `PackedStream` reads it.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import glob
import os

import numpy as np
from tqdm import tqdm

from speechbrain_mmsed.dataio.streams.description import StreamError
from speechbrain_mmsed.dataio.streams.stored import INDEX_FILE, packed_key
from speechbrain_mmsed.files import atomic_path, write_json


def pack_stream(store, clip_ids, progress=False):
    """Writes the packed form of a stream, refused once its files change.

    Arguments
    ---------
    store : StoredStream
        The stream, extracted.
    clip_ids : iterable of str
        Clips to pack; those without features are left out.
    progress : bool
        Whether to show a progress bar.

    Raises
    ------
    StreamError
        If a clip is not extracted or its features have another shape.

    Example
    -------
    >>> from speechbrain_mmsed.dataio.streams.store import StreamStore
    >>> store = StreamStore(getfixture("tmp_path"), "pictures")
    >>> _ = store.begin({"width": 3, "n_frames": 64})
    >>> store.write("weak/a", np.ones((64, 3)))
    >>> pack_stream(store, ["weak/a"])
    """
    description = store.description() or {}
    shape = (description.get("n_frames"), description.get("width"))
    clip_ids = list(clip_ids)
    store.check(clip_ids, width=shape[1], n_frames=shape[0])
    clips = sorted(c for c in clip_ids if store.status(c) == "available")
    key = packed_key(store, clips)
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
    index = {"file": name, "key": key, "clips": clips}
    write_json(os.path.join(store.folder, INDEX_FILE), index)
    for old in glob.glob(os.path.join(glob.escape(store.folder), "packed-*")):
        if os.path.basename(old) != name:
            os.remove(old)
