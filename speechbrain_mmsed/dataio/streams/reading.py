"""Streams of feature vectors beside the sound: what training reads.

T = 64 feature vectors per clip from another source than the log-mel sound, for
instance embeddings of the film's pictures (section 2.1 of the paper).

Authors
 * The speechbrain_mmsed authors, 2026
"""

import numpy as np

from speechbrain_mmsed.dataio.streams.records import StreamError
from speechbrain_mmsed.dataio.streams.stored import StoredStream


def open_streams(
    streams_folder, streams, stream_widths, clip_ids, form=None, n_frames=64
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
    form : type or None
        A kind of `StoredStream` to read them by; None: itself.
    n_frames : int
        Vectors T per clip that the network takes.

    Returns
    -------
    list of StoredStream
        One for each of `streams`. One that is unknown, not extracted, of
        another size or without some clip is a StreamError.

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
    form = form or StoredStream
    stores = []
    for stream in streams:
        if stream not in stream_widths:
            raise StreamError(
                f"Unknown stream {stream!r}: stream_widths has "
                f"{sorted(stream_widths)}. Correct `streams`, or add the "
                f"stream's width to `stream_widths`."
            )
        store = form(streams_folder, stream)
        store.check(clip_ids, stream_widths[stream], n_frames)
        stores.append(store)
    return stores


def read_clip(stores, clip_id, widths, n_frames=64, owners=None):
    """The streams of one clip, as the network takes them.

    Arguments
    ---------
    stores : list of StoredStream
        As `open_streams` gives them.
    clip_id : str
        The clip.
    widths : dict or list of int
        Length D of each stream's vectors, by name or in the stores' order.
    n_frames : int
        Number of frames T.
    owners : dict or None
        Stream -> clip -> the clip whose features it gets instead of its own.

    Returns
    -------
    features : list of np.ndarray
        For each stream (T, D) float32; zeros where the clip has none.
    available : np.ndarray
        (1 + number of streams,) bool; the first is the sound, always True.

    Example
    -------
    >>> folder = getfixture("tmp_path")
    >>> (folder / "pictures").mkdir()
    >>> np.save(folder / "pictures" / "a.npy", np.ones((64, 3)))
    >>> store = StoredStream(folder, "pictures")
    >>> features, available = read_clip([store], "a", {"pictures": 3})
    >>> features[0].shape, available.tolist()
    ((64, 3), [True, True])
    """
    features = []
    available = np.ones(1 + len(stores), dtype=bool)
    for index, store in enumerate(stores):
        key = store.stream if isinstance(widths, dict) else index
        shape = (n_frames, widths[key])
        owner = (owners or {}).get(store.stream, {}).get(clip_id, clip_id)
        found = store.read(owner)
        if found is None:
            available[index + 1] = False
            found = np.zeros(shape, np.float32)
        elif found.shape != shape:
            raise store.error(
                f"{store.path(owner)} holds {found.shape}, expected "
                f"{shape}. Remove it and run"
            )
        features.append(found)
    return features, available


def clip_streams(clip_id, **settings):
    """As `read_clip`, in one tuple: the features, and then `available`."""
    features, available = read_clip(clip_id=clip_id, **settings)
    return (*features, available) if features else available
