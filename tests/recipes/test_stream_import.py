"""Features of other tools become streams."""

import numpy as np
import pytest
from stream_import import StreamImport

from speechbrain_mmsed.dataio.media.frames import grid_times
from speechbrain_mmsed.dataio.streams.reading import open_streams
from speechbrain_mmsed.dataio.streams.records import StreamError
from speechbrain_mmsed.dataio.streams.store import StreamStore

NAME = "Yabcdefghij-_30.000_40.000"


def clip(name, duration=10.0):
    return {"filename": f"{name}.wav", "duration": duration}


CLIPS = {
    "weak/" + NAME: clip(NAME),
    "weak/b": clip("b"),
    "strong/7": clip("7"),
    "weak/gone": clip("gone"),
}


@pytest.fixture
def ramp(tmp_path):
    """A folder with vectors that tell their time, at 10 per second."""
    folder = tmp_path / "vggish"
    folder.mkdir()
    times = np.arange(0, 10, 0.1)
    vectors = np.stack([times, -times, np.ones(100)], 1)
    # The name without the Y and the zeros that the corpus has.
    np.savez(
        folder / "abcdefghij-_30_40.npz", embedding=vectors, timestamps=times
    )
    np.savez(folder / "b.npz", embedding=vectors[:20], timestamps=times[:20])
    np.savez(folder / "7.npz", embedding=vectors, timestamps=times)
    return folder


def test_times_are_kept(tmp_path, ramp):
    report = StreamImport(ramp, tmp_path / "s", "vggish", "sound").run(
        CLIPS, progress=False
    )
    assert report.available == 2
    assert report.unavailable == {"absent": 1, "too short": 1}
    (store,) = open_streams(tmp_path / "s", ["vggish"], {"vggish": 3}, CLIPS)
    features = store.read("weak/" + NAME)
    assert np.abs(features[:, 0] - grid_times()).max() <= 0.051
    # The last of 20 vectors stands at 1.9 s and covers up to 2.0 s; that
    # are 12 or 13 of the 64 times of the grid.
    assert store.rows["weak/b"].covered_seconds in (1.875, 2.031)
    linear = StreamImport(
        ramp, tmp_path / "t", "vggish", "sound", method="linear"
    )
    linear.run(CLIPS, progress=False)
    features = StreamStore(tmp_path / "t", "vggish").read("strong/7")
    within = grid_times() <= 9.9
    np.testing.assert_allclose(
        features[within, 0], grid_times()[within], atol=5e-3
    )


def test_npy_needs_a_rate(tmp_path):
    np.save(tmp_path / "b.npy", np.arange(64.0)[:, None])
    clips = {"weak/b": clip("b")}
    with pytest.raises(StreamError, match="imported.rate"):
        StreamImport(tmp_path, tmp_path / "s", "x", "sound").run(clips, False)
    importer = StreamImport(
        tmp_path, tmp_path / "s", "x", "sound", rate=6.4, offset=10 / 128
    )
    importer.run(clips, False)
    found = StreamStore(tmp_path / "s", "x").read("weak/b")
    assert (found[:, 0] == np.arange(64)).all()


def test_subset_folders_come_first(tmp_path):
    for subset, value in (("weak", 1.0), ("strong", 2.0)):
        (tmp_path / "f" / subset).mkdir(parents=True)
        np.save(tmp_path / "f" / subset / "a.npy", np.full((10, 2), value))
    clips = {"weak/a": clip("a"), "strong/a": clip("a")}
    StreamImport(tmp_path / "f", tmp_path / "s", "x", "sound", rate=1.0).run(
        clips
    )
    store = StreamStore(tmp_path / "s", "x")
    assert store.read("weak/a")[0, 0] == 1
    assert store.read("strong/a")[0, 0] == 2


def test_again_only_what_changed(tmp_path, ramp):
    def run(**settings):
        importer = StreamImport(
            ramp, tmp_path / "s", "vggish", "sound", **settings
        )
        return importer.run(CLIPS, progress=False)

    run()
    assert run().done_before == len(CLIPS)
    np.savez(
        ramp / "7.npz", embedding=np.zeros((50, 3)), timestamps=np.arange(50)
    )
    report = run()
    assert report.done_before == len(CLIPS) - 1
    found = StreamStore(tmp_path / "s", "vggish").read("strong/7")
    assert (found == 0).all()
    # What counts as covered is asked again.
    assert run(min_coverage=0.1).available == 3
    with pytest.raises(StreamError, match="preprocessing: stored 'nearest'"):
        run(method="linear")


def test_bad_files_are_counted_and_said(tmp_path):
    (tmp_path / "a.npz").write_text("no archive")
    np.savez(tmp_path / "b.npz", embedding=np.ones((3, 2)))
    np.save(tmp_path / "c.npy", np.full((10, 2), np.nan))
    np.save(tmp_path / "d.npy", np.ones((10, 2)))
    np.save(tmp_path / "e.npy", np.ones(10))
    np.save(tmp_path / "f.npy", np.array(["a", None]), allow_pickle=True)
    clips = {f"weak/{name}": clip(name) for name in "abcdef"}
    importer = StreamImport(tmp_path, tmp_path / "s", "x", "sound", rate=1.0)
    report = importer.run(clips, progress=False)
    assert report.available == 1
    assert report.unavailable == {"unreadable": 5}
    rows = StreamStore(tmp_path / "s", "x").rows
    assert "timestamps" in rows["weak/b"].reason
    assert "not finite" in rows["weak/c"].reason
    assert "(10,)" in rows["weak/e"].reason


def test_refusals(tmp_path):
    clips = {"weak/a": clip("a"), "weak/b": clip("b")}

    def run(**settings):
        StreamImport(tmp_path, tmp_path / "s", "x", "sound", **settings).run(
            clips
        )

    with pytest.raises(StreamError, match="no such folder"):
        StreamImport(tmp_path / "nowhere", tmp_path / "s", "x", "sound")
    with pytest.raises(StreamError, match="method"):
        run(method="cubic")
    with pytest.raises(StreamError, match="rate"):
        run(rate=0.0)
    with pytest.raises(StreamError, match="name of a clip"):
        run()
    np.save(tmp_path / "a.npy", np.ones((10, 2)))
    np.save(tmp_path / "b.npy", np.ones((10, 3)))
    with pytest.raises(StreamError, match="b.npy.* length 3.*a.npy of 2"):
        run(rate=1.0)
