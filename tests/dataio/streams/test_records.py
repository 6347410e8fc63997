"""Manifests that were cut off, and stores whose writer was killed."""

import multiprocessing
import os
import time

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from speechbrain_mmsed.dataio.streams.records import ClipRow, Manifest
from speechbrain_mmsed.dataio.streams.store import (
    StreamStore,
    _append_row,
    _tidy_manifest,
)

ROWS = st.builds(
    ClipRow,
    st.text("ab/,\"' é", min_size=1, max_size=4),
    st.sampled_from(["available", "unavailable"]),
    st.sampled_from(["", "absent", 'unreadable: a "b", c']),
    st.sampled_from([None, 0.0, 9.375]),
    st.sampled_from(["", "5 bytes"]),
)


@settings(deadline=None, max_examples=12)
@given(st.lists(ROWS, max_size=4), st.integers(0, 200))
def test_manifest_cut_anywhere(tmp_path_factory, rows, cut):
    """Whatever was cut off, the rows before it count, and writing goes on."""
    path = tmp_path_factory.mktemp("m") / "manifest.csv"
    ends = []
    for row in rows:
        _append_row(path, row)
        ends.append(path.stat().st_size)
    assert Manifest(path).rows == {row.clip_id: row for row in rows}
    if rows:
        path.write_bytes(path.read_bytes()[:cut])
    whole = {
        row.clip_id for row, end in zip(rows, ends, strict=True) if end <= cut
    }
    assert whole <= set(Manifest(path).rows)
    last = ClipRow("z", "unavailable", "absent", 0.0, "absent")
    _append_row(path, last)
    assert Manifest(path).rows["z"] == last
    rows = _tidy_manifest(path)
    assert Manifest(path).rows == rows and rows["z"] == last


def write_clips(folder, ready):
    store = StreamStore(folder, "pictures")
    ready.set()
    for clip in range(100000):
        store.write(f"weak/{clip}", np.full((64, 300), clip % 100), 10.0, "s")


def test_kill_at_any_moment(tmp_path):
    """After kill -9 each clip is whole or not done."""
    fork = multiprocessing.get_context("fork")
    ready = fork.Event()
    process = fork.Process(target=write_clips, args=(tmp_path, ready))
    process.start()
    assert ready.wait(60)
    time.sleep(0.3)
    process.kill()
    process.join()
    store = StreamStore(tmp_path, "pictures")
    assert len(store.rows) > 3
    names = os.listdir(os.path.join(store.folder, "weak"))
    clips = [n[:-4] for n in names if not n.startswith(".")]
    assert len(set(clips) - {key[5:] for key in store.rows}) <= 1
    for clip in clips:
        # Done unless its row was still to be written; whole in any case.
        done = store.is_done(f"weak/{clip}", "s", (64, 300))
        assert done == (f"weak/{clip}" in store.rows)
        assert (store.read(f"weak/{clip}") == int(clip) % 100).all()
    assert len(names) - len(clips) <= 1
