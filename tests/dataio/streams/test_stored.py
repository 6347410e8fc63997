"""The packed form holds the same numbers as the files."""

import os
import pickle

import numpy as np
import pytest

from speechbrain_mmsed.dataio.streams.packed import PackedStream, stream_form
from speechbrain_mmsed.dataio.streams.reading import open_streams, read_clip
from speechbrain_mmsed.dataio.streams.records import StreamError
from speechbrain_mmsed.dataio.streams.store import StreamStore, pack_stream

CLIPS = [f"weak/{n}" for n in range(7)]


@pytest.fixture
def store(tmp_path):
    """A stream of seven clips, of which two have no features."""
    store = StreamStore(tmp_path, "pictures")
    store.begin({"width": 5, "n_frames": 8})
    random = np.random.default_rng(0)
    # Not in the order of their names.
    for clip_id in reversed(CLIPS):
        if clip_id in ("weak/2", "weak/6"):
            store.mark_unavailable(clip_id, "absent")
        else:
            store.write(clip_id, random.normal(size=(8, 5)), 10.0, "1 bytes")
    return store


def opened(tmp_path, packed):
    form = stream_form(packed)
    return open_streams(
        tmp_path, ["pictures"], {"pictures": 5}, CLIPS, form, n_frames=8
    )


def test_equal_to_the_files(tmp_path, store):
    pack_stream(store, CLIPS)
    files, packed = opened(tmp_path, False), opened(tmp_path, True)
    # A process that is started gets a copy without the mapped memory.
    packed[0].read("weak/0")
    started = [pickle.loads(pickle.dumps(packed[0]))]
    assert len(pickle.dumps(packed[0])) < 4000
    for clip_id in CLIPS:
        slow, has = read_clip(files, clip_id, [5], 8)
        for stores in (packed, started):
            fast, also = read_clip(stores, clip_id, [5], 8)
            np.testing.assert_array_equal(fast[0], slow[0])
            assert fast[0].dtype == slow[0].dtype == np.float32
            assert (also == has).all()


def test_files_are_no_longer_needed(tmp_path, store):
    pack_stream(store, CLIPS)
    expected = store.read("weak/3")
    os.remove(store.path("weak/3"))
    (packed,) = opened(tmp_path, True)
    np.testing.assert_array_equal(packed.read("weak/3"), expected)


def test_refused_when_older_than_the_stream(tmp_path, store):
    with pytest.raises(StreamError, match="(?s)no packed form.*--pack True"):
        PackedStream(tmp_path, "pictures")
    pack_stream(store, CLIPS)
    store.write("weak/0", np.zeros((8, 5)), 10.0, "another film")
    with pytest.raises(StreamError, match="older than the stream"):
        PackedStream(tmp_path, "pictures")
    pack_stream(store, CLIPS)
    assert (PackedStream(tmp_path, "pictures").read("weak/0") == 0).all()
    names = [n for n in os.listdir(store.folder) if n.startswith("packed")]
    assert len(names) == 2  # the earlier file is gone
    # A clip that turns up later is not in the packed form.
    store.write("weak/2", np.ones((8, 5)), 10.0, "new film")
    with pytest.raises(StreamError, match="(?s)weak/2.*--pack True"):
        opened(tmp_path, True)


def test_an_odd_file_leaves_the_old_form(tmp_path, store):
    pack_stream(store, CLIPS)
    before = PackedStream(tmp_path, "pictures").read("weak/1")
    np.save(store.path("weak/1"), np.zeros((3, 5), np.float16))
    with pytest.raises(StreamError, match=r"weak/1.npy holds \(3, 5\)"):
        pack_stream(store, CLIPS)
    again = PackedStream(tmp_path, "pictures").read("weak/1")
    np.testing.assert_array_equal(again, before)
    assert not [n for n in os.listdir(store.folder) if n.endswith(".tmp.npy")]
