"""The packed form holds the same numbers as the files."""

import os
import pickle
from unittest.mock import Mock

import numpy as np
import pytest

from speechbrain_mmsed.dataio.streams import verified
from speechbrain_mmsed.dataio.streams.packed import PackedStream, stream_form
from speechbrain_mmsed.dataio.streams.reading import open_streams, read_clip
from speechbrain_mmsed.dataio.streams.records import StreamError
from speechbrain_mmsed.dataio.streams.store import StreamStore, pack_stream
from speechbrain_mmsed.dataio.streams.stored import StoredStream
from speechbrain_mmsed.dataio.streams.verified import VERIFIED_FILE
from speechbrain_mmsed.files import read_json, write_json

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


def opened(tmp_path, packed, damaged="error"):
    form = stream_form(packed, damaged)
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


def spoil(store, *clips, value=np.nan):
    for clip in clips:
        features = np.load(store.path(clip))
        features[3, 1] = value
        np.save(store.path(clip), features)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_features_that_are_not_finite_stop_or_drop(
    tmp_path, store, packed, value, caplog
):
    pack_stream(store, CLIPS)
    opened(tmp_path, packed)  # and all is well
    spoil(store, "weak/1", "weak/4", value=value)
    pack_stream(store, CLIPS)
    place = "packed-" if packed else "weak/1.npy"
    told = f"2 of 5 clips are .*: weak/1, weak/4, in .*{place}"
    for _ in range(2):
        with pytest.raises(StreamError, match=told):
            opened(tmp_path, packed)
        form = stream_form(packed, "drop")
        (found,) = open_streams(
            tmp_path, ["pictures"], {"pictures": 5}, CLIPS, form, n_frames=8
        )
        assert form.dropped == {"pictures": 2}
        features, available = read_clip([found], "weak/4", [5], 8)
        assert not features[0].any() and not available[1]
        assert found.read("weak/3") is not None
        assert "Set damaged" not in caplog.text
        assert "They count as clips without the stream" in caplog.text
        caplog.clear()
    # On disk nothing has changed: extracted again they are there.
    store.write("weak/1", np.ones((8, 5)), 10.0, "1 bytes")
    pack_stream(store, CLIPS)
    (found,) = opened(tmp_path, packed, "drop")
    assert found.status("weak/1") == "available"
    assert found.status("weak/4") == "unavailable"


@pytest.mark.parametrize("packed", [False, True])
def test_what_was_found_whole_is_not_read_again(
    tmp_path, store, packed, monkeypatch
):
    kind, read = (PackedStream if packed else StoredStream), []
    load = kind._load
    monkeypatch.setattr(
        kind, "_load", lambda self, clip: read.append(clip) or load(self, clip)
    )
    pack_stream(store, CLIPS)
    available = [c for c in CLIPS if c not in ("weak/2", "weak/6")]

    def read_by(change):
        change()
        read.clear()
        opened(tmp_path, packed)
        return read

    record = os.path.join(store.folder, VERIFIED_FILE)
    file = PackedStream(tmp_path, "pictures").file
    changes = {
        "nothing was read yet": lambda: None,
        "a file is another": lambda: os.utime(
            file if packed else store.path("weak/5"), ns=(1, 1)
        ),
        "the record is gone": lambda: os.remove(record),
        "the record is odd": lambda: write_json(record, {"shape": [8, 5]}),
        "it is of another shape": lambda: write_json(
            record, {**read_json(record), "shape": [8, 6]}
        ),
    }
    for name, change in changes.items():
        expected = available
        if name == "a file is another" and not packed:
            expected = ["weak/5"]
        assert read_by(change) == expected, name
        assert read_by(lambda: None) == []
    # Nothing can be written there.
    monkeypatch.setattr(verified, "write_json", Mock(side_effect=OSError))
    assert read_by(lambda: os.remove(record)) == available


@pytest.mark.parametrize("packed", [False, True])
def test_files_that_are_cut_or_of_another_kind_are_named(
    tmp_path, store, packed
):
    pack_stream(store, CLIPS)
    odd = np.zeros((2, 5), np.float16), np.zeros((8, 5), complex)
    for clip, features in zip(("weak/0", "weak/1"), odd, strict=True):
        np.save(store.path(clip), features)
    for path in (store.path("weak/5"), PackedStream(tmp_path, "pictures").file):
        with open(path, "r+b") as file:
            file.truncate(150)
    names = "weak/0, weak/1, weak/5, in"
    if packed:  # of which nothing can be read
        names = "weak/0, weak/1, weak/3, weak/4, weak/5, in"
    with pytest.raises(StreamError, match=f"clips are .*: {names}"):
        opened(tmp_path, packed)
    if packed:  # nothing would be left
        with pytest.raises(StreamError, match="5 of 5 clips"):
            opened(tmp_path, packed, "drop")


def test_what_to_do_with_damage_is_one_of_two():
    with pytest.raises(StreamError, match="expected error or drop"):
        stream_form(False, "ignore")
