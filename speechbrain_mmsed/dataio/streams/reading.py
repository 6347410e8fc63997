"""Streams of feature vectors beside the sound: what training reads.

A stream is a sequence of T = 64 feature vectors per clip from another
source than the sound, for instance embeddings of the film's pictures
(section 2.1 of the paper). `stream_store.py` says how one lies on disk.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import numpy as np

from speechbrain_mmsed.dataio.streams.description import StreamError
from speechbrain_mmsed.dataio.streams.pack import PackedStore
from speechbrain_mmsed.dataio.streams.store import StreamStore

__all__ = ["StreamError", "StreamStore", "open_streams", "read_clip"]


def open_streams(
    streams_folder,
    streams,
    stream_widths,
    clip_ids,
    packed=False,
    n_frames=64,
):
    """Opens the streams of a system and checks them before any training.

    Arguments
    ---------
    streams_folder : str
        Folder of all streams.
    streams : list of str
        Names of the streams to use, in their order; empty: sound only.
    stream_widths : dict
        Name -> length D of the feature vectors of the known streams.
    clip_ids : iterable of str
        All clips that will be asked for.
    packed : bool
        Whether to read the packed form; see `stream_pack.py`.
    n_frames : int
        Vectors per clip that the network takes.

    Returns
    -------
    stores : list of StreamStore
        One for each of `streams`.

    Raises
    ------
    StreamError
        If a stream is unknown, not extracted, of another width or number of
        frames, or does not know of some clip.

    Example
    -------
    >>> open_streams("nowhere", [], {}, ["weak/a"])
    []
    """
    if isinstance(streams, str) or len(set(streams)) != len(list(streams)):
        raise StreamError(
            f"streams must be a list of different names, such as "
            f"[efficientnet_lite0] or [], not {streams!r}"
        )
    clip_ids = list(clip_ids)
    stores = []
    for stream in streams:
        if stream not in stream_widths:
            raise StreamError(
                f"Unknown stream {stream!r}: stream_widths has "
                f"{sorted(stream_widths)}. Correct `streams`, or add the "
                f"stream's width to `stream_widths`."
            )
        kind = PackedStore if packed else StreamStore
        store = kind(streams_folder, stream)
        store.check(clip_ids, stream_widths[stream], n_frames)
        stores.append(store)
    return stores


def read_clip(stores, clip_id, widths, n_frames=64):
    """The streams of one clip, as the network takes them.

    Arguments
    ---------
    stores : list of StreamStore
        As `open_streams` gives them.
    clip_id : str
        The clip.
    widths : dict or list of int
        Length D of each stream's vectors, by name or in the stores' order.
    n_frames : int
        Number of frames T.

    Returns
    -------
    features : list of np.ndarray
        For each stream (T, D) float32; zeros where the clip has none.
    available : np.ndarray
        (1 + number of streams,) bool; the first is the sound, always True.

    Example
    -------
    >>> store = StreamStore(getfixture("tmp_path"), "pictures")
    >>> store.mark_unavailable("weak/b", "absent")
    >>> features, available = read_clip([store], "weak/b", {"pictures": 3})
    >>> features[0].shape, available.tolist()
    ((64, 3), [True, False])
    """
    features = []
    available = np.ones(1 + len(stores), dtype=bool)
    for index, store in enumerate(stores):
        key = store.stream if isinstance(widths, dict) else index
        found = store.read(clip_id)
        if found is None:
            available[index + 1] = False
            found = np.zeros((n_frames, widths[key]), np.float32)
        elif found.shape != (n_frames, widths[key]):
            raise StreamError(
                f"{store.path(clip_id)} holds {found.shape}, expected "
                f"{(n_frames, widths[key])}. Remove it and run:\n"
                f"  {store.command()}"
            )
        features.append(found)
    return features, available
