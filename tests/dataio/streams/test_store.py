"""Streams on disk: what is stored is read, and nothing is read half."""

import errno
import io
import os

import numpy as np
import pytest

from speechbrain_mmsed.dataio.streams import store as stream_store
from speechbrain_mmsed.dataio.streams.identity import IDENTITY, fingerprint
from speechbrain_mmsed.dataio.streams.reading import open_streams, read_clip
from speechbrain_mmsed.dataio.streams.records import (
    Manifest,
    StreamError,
)
from speechbrain_mmsed.dataio.streams.store import StreamStore
from speechbrain_mmsed.files import DiskFullError

DESCRIPTION = {
    "network": "a",
    "weights_sha256": "00",
    "preprocessing": "p",
    "width": 3,
    "n_frames": 64,
    "clip_seconds": 10.0,
    "precision": "fp32",
}


@pytest.fixture
def store(tmp_path):
    """A stream with one clip and one that is missing."""
    store = StreamStore(tmp_path / "streams", "pictures")
    store.begin(DESCRIPTION)
    store.write("weak/Yä,b", features(), covered_seconds=9.5, source="5 bytes")
    store.mark_unavailable("weak/no", "absent", source="absent")
    return store


def features(width=3, seed=0):
    return np.random.default_rng(seed).standard_normal((64, width))


def again(store):
    """The same folder, as another process would open it."""
    return StreamStore(store.streams_folder, store.stream)


def test_round_trip(store):
    for each in (store, again(store)):
        found = each.read("weak/Yä,b")
        assert found.dtype == np.float32
        np.testing.assert_array_equal(
            found, features().astype(np.float16).astype(np.float32)
        )
        assert each.read("weak/no") is None
        assert each.status("weak/Yä,b") == "available"
        assert each.status("weak/no") == "unavailable"
        assert each.status("weak/other") is None
        assert each.rows["weak/Yä,b"].covered_seconds == 9.5
    assert np.load(store.path("weak/Yä,b")).dtype == np.float16


def test_unavailable_takes_the_features_away(store):
    store.mark_unavailable("weak/Yä,b", "too short: 1.00 of 10.00 s")
    assert not os.path.exists(store.path("weak/Yä,b"))
    assert again(store).read("weak/Yä,b") is None


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e6])
def test_numbers_that_float16_cannot_hold(store, value):
    bad = features()
    bad[3, 1] = value
    with pytest.raises(StreamError, match="weak/c are not finite"):
        store.write("weak/c", bad)
    assert again(store).status("weak/c") is None


def test_read_clip(store):
    other = StreamStore(store.streams_folder, "other")
    other.write("weak/no", features(5))
    other.mark_unavailable("weak/Yä,b", "absent")
    stores = [store, other]
    widths = {"pictures": 3, "other": 5, "unused": 7}
    for given_widths in (widths, [3, 5]):
        (a, b), available = read_clip(stores, "weak/no", given_widths)
        assert available.tolist() == [True, False, True]
        assert a.shape == (64, 3) and not a.any() and b.any()
    (a, b), available = read_clip(stores, "weak/Yä,b", widths)
    assert available.tolist() == [True, True, False]
    assert a.any() and b.shape == (64, 5) and not b.any()
    assert a.dtype == b.dtype == np.float32
    nothing, available = read_clip([], "weak/no", {})
    assert nothing == [] and available.tolist() == [True]
    with pytest.raises(StreamError, match=r"holds \(64, 3\), expected"):
        read_clip([store], "weak/Yä,b", {"pictures": 4})


@pytest.mark.parametrize(
    "streams, widths, clips, message",
    [
        (["faces"], {"pictures": 3}, [], "Unknown stream 'faces'"),
        (["faces"], {"faces": 3}, [], "'faces' is not extracted"),
        (["pictures"], {"pictures": 4}, [], "vectors of length 3"),
        (
            ["pictures"],
            {"pictures": 3},
            ["weak/no", "weak/x"],
            "1 of 2 clips .* 'weak/x'",
        ),
        ("pictures", {"pictures": 3}, [], "must be a list"),
        (["pictures"] * 2, {"pictures": 3}, [], "list of different names"),
    ],
)
def test_streams_that_do_not_fit(store, streams, widths, clips, message):
    with pytest.raises(StreamError, match=message) as caught:
        open_streams(store.streams_folder, streams, widths, clips)
    says = str(caught.value)
    if "Unknown" not in says and "list" not in says:
        assert "extract_streams.py" in says
        assert f"--streams_folder {store.streams_folder}" in says
        assert f"--streams '[{streams[0]}]'" in says


def test_streams_that_fit(store):
    stores = open_streams(
        store.streams_folder,
        ["pictures"],
        {"pictures": 3},
        ["weak/no", "weak/Yä,b"],
    )
    assert [each.stream for each in stores] == ["pictures"]
    os.remove(store.path("weak/Yä,b"))
    with pytest.raises(StreamError, match="1 of 1 clips"):
        again(store).check(["weak/Yä,b"], 3)
    with pytest.raises(StreamError, match="cannot be read"):
        again(store).read("weak/Yä,b")


def test_another_number_of_frames_is_refused(store):
    with pytest.raises(StreamError, match="64 vectors per clip, .* takes 32"):
        open_streams(
            store.streams_folder,
            ["pictures"],
            {"pictures": 3},
            ["weak/no"],
            n_frames=32,
        )


@pytest.mark.parametrize("key", IDENTITY)
def test_other_features_are_refused(store, key):
    changed = {**DESCRIPTION, key: "other"}
    with pytest.raises(StreamError) as caught:
        again(store).begin(changed)
    says = str(caught.value)
    assert fingerprint(DESCRIPTION) in says and fingerprint(changed) in says
    assert f"{key}: stored {DESCRIPTION[key]!r}, asked for 'other'" in says
    again(store).begin({**DESCRIPTION, "versions": {"torch": "9"}})


def test_broken_description(store):
    with open(store.description_file, "w") as file:
        file.write("{")
    with pytest.raises(StreamError, match="stream.json is not valid JSON"):
        again(store).check([], 3)


def test_done_or_not(store):
    shape, source = (64, 3), "5 bytes"
    assert store.is_done("weak/Yä,b", source, shape)
    assert not store.is_done("weak/Yä,b", "6 bytes", shape)
    assert not store.is_done("weak/Yä,b", source, (64, 4))
    assert store.is_done("weak/no", "absent", shape)
    assert not store.is_done("weak/no", source, shape)
    assert not store.is_done("weak/x", source, shape)
    # Of features whose row is missing nobody knows the film or the coverage.
    os.rename(store.manifest_file, store.manifest_file + ".away")
    assert not again(store).is_done("weak/Yä,b", source, shape)
    os.rename(store.manifest_file + ".away", store.manifest_file)
    assert again(store).rows["weak/Yä,b"].status == "available"
    # A file that is not whole is not.
    content = open(store.path("weak/Yä,b"), "rb").read()  # noqa: SIM115
    with open(store.path("weak/Yä,b"), "wb") as file:
        file.write(content[:-10])
    assert not again(store).is_done("weak/Yä,b", source, shape)


def disk_full(*_):
    raise OSError(errno.ENOSPC, "No space left on device")


def test_disk_full_while_writing_features(store, monkeypatch):
    before = sorted(os.listdir(os.path.join(store.folder, "weak")))

    def half(name, mode):
        class Half(io.FileIO):
            """Takes some bytes and then no more."""

            def write(self, content):
                super().write(content[:20])
                disk_full()

        return Half(name, mode)

    monkeypatch.setattr(stream_store, "open", half, raising=False)
    with pytest.raises(DiskFullError, match="disk is full.*weak/c.npy"):
        store.write("weak/c", features())
    assert sorted(os.listdir(os.path.join(store.folder, "weak"))) == before
    assert again(store).status("weak/c") is None


def test_disk_full_while_writing_manifest(store, monkeypatch):
    monkeypatch.setattr(stream_store, "_append_row", disk_full)
    with pytest.raises(OSError):
        store.mark_unavailable("weak/c", "absent")
    assert store.status("weak/c") is None
    monkeypatch.undo()
    monkeypatch.setattr(os, "replace", disk_full)
    before = Manifest(store.manifest_file).rows
    with pytest.raises(DiskFullError, match="manifest.csv"):
        store.finish()
    assert Manifest(store.manifest_file).rows == before
    assert not [n for n in os.listdir(store.folder) if "tmp" in n]
