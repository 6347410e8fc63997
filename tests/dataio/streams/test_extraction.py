"""Extraction over a small corpus of films, good and bad."""

import numpy as np
import pytest
import torch
from stream_extraction import StreamExtraction
from stream_import import StreamImport
from stream_report import report_table

from speechbrain_mmsed.dataio.media.frames import grid_times, read_frames
from speechbrain_mmsed.dataio.streams import clip_features as engine
from speechbrain_mmsed.dataio.streams.embedding import FrameEmbedding
from speechbrain_mmsed.dataio.streams.reading import open_streams, read_clip
from speechbrain_mmsed.dataio.streams.records import StreamError
from speechbrain_mmsed.dataio.streams.store import StreamStore
from speechbrain_mmsed.lobes.visual import FrameEmbedder

STAMPS = np.arange(40) * 0.1  # 4 s


class Colours(FrameEmbedder):
    """Mean colour of the halves of a picture."""

    def __init__(self, image_size=16, name="colours"):
        super().__init__(6, image_size)
        self.name = name

    def preprocess(self, frames):
        return frames.permute(0, 3, 1, 2) / 255.0

    def forward(self, preprocessed):
        half = preprocessed.shape[-1] // 2
        parts = preprocessed[..., :half], preprocessed[..., half:]
        return torch.cat([p.mean((2, 3)) for p in parts], 1)

    def description(self):
        return {
            "network": self.name,
            "weights_sha256": None,
            "preprocessing": f"{self.image_size}",
        }


@pytest.fixture(scope="module")
def films(tmp_path_factory, numbered_film):
    """Films of 4 s, of 1 s, and one that is none."""
    folder = tmp_path_factory.mktemp("films")
    numbered_film(folder / "good.mp4", STAMPS)
    numbered_film(folder / "part.mkv", STAMPS[:25])
    numbered_film(folder / "short.mkv", STAMPS[:10])
    (folder / "bad.mp4").write_text("no film")
    return folder


@pytest.fixture
def clips(films):
    """Manifest rows as preparation writes them, clips of 4 s."""

    def row(name, status="present"):
        video = str(films / name) if name else ""
        return {"video": video, "video_status": status, "duration": 4.0}

    return {
        "weak/good": row("good.mp4"),
        "weak/part": row("part.mkv"),
        "weak/short": row("short.mkv"),
        "weak/bad": row("bad.mp4"),
        "weak/gone": row("gone.mp4"),
        "weak/none": row("", "absent"),
        "strong/0": row("", "not recorded"),
    }


def extraction(folder, embedders=None, **settings):
    """An engine for clips of 4 s and 16 frames."""
    embedders = embedders or {"colours": Colours()}
    return StreamExtraction(
        {name: FrameEmbedding(e) for name, e in embedders.items()},
        folder,
        n_frames=16,
        clip_seconds=4.0,
        **settings,
    )


def test_features_are_those_of_a_plain_loop(tmp_path, clips):
    """Slow twin: one picture after the other in float32."""
    embedders = {"colours": Colours(), "more": Colours(32, "more")}
    extraction(tmp_path, embedders).run(clips, progress=False)
    times = grid_times(16, 4.0)
    for stream, embedder in embedders.items():
        store = StreamStore(tmp_path, stream)
        for clip in ("weak/good", "weak/part"):
            frames, _ = read_frames(
                clips[clip]["video"], times, embedder.frame_size
            )
            one_by_one = torch.cat(
                [
                    embedder(embedder.preprocess(torch.from_numpy(f[None])))
                    for f in frames
                ]
            ).numpy()
            found = store.read(clip)
            np.testing.assert_allclose(found, one_by_one, atol=1e-3)
            assert found.std() > 0.1


def test_what_becomes_of_each_clip(tmp_path, clips):
    run = extraction(tmp_path)
    report = run.run(clips, progress=False)["colours"]
    rows = StreamStore(tmp_path, "colours").rows
    status = {key: (row.status, row.reason) for key, row in rows.items()}
    cannot = "unreadable: cannot be opened (Invalid data found when "
    assert status == {
        "weak/good": ("available", ""),
        "weak/part": ("available", ""),
        "weak/short": ("unavailable", "too short: 1.00 of 4.00 s"),
        "weak/bad": ("unavailable", cannot + "processing input)"),
        "weak/gone": ("unavailable", "absent"),
        "weak/none": ("unavailable", "absent"),
        "strong/0": ("unavailable", "not recorded"),
    }
    assert rows["weak/part"].covered_seconds == pytest.approx(2.5)
    assert report.available == 2 and report.partially_covered == 1
    assert report.unavailable == {
        "absent": 2,
        "not recorded": 1,
        "too short": 1,
        "unreadable": 1,
    }
    assert report.done_before == 0
    assert "| no film: absent | 2 |" in report_table({"colours": report})
    open_streams(tmp_path, ["colours"], {"colours": 6}, clips, n_frames=16)


def test_coverage_is_of_the_clip_not_of_the_grid(tmp_path, clips):
    """A clip of 1 s is wholly covered by a film of 1 s."""
    clips["weak/short"]["duration"] = 1.0
    report = extraction(tmp_path).run(clips, progress=False)["colours"]
    assert report.available == 3 and report.partially_covered == 1
    features = StreamStore(tmp_path, "colours").read("weak/short")
    assert (features[4:] == features[3]).all()


def count_reads(monkeypatch):
    """Notes which films are decoded."""
    read, seen = engine.read_frames_at_sizes, []
    monkeypatch.setattr(
        engine,
        "read_frames_at_sizes",
        lambda path, *rest, **more: (
            seen.append(path.rsplit("/", 1)[-1]) or read(path, *rest, **more)
        ),
    )
    return seen


def test_one_pass_for_several_streams(tmp_path, clips, monkeypatch):
    seen = count_reads(monkeypatch)
    both = {"a": Colours(name="a"), "b": Colours(32, "b")}
    extraction(tmp_path, both).run(clips, progress=False)
    assert seen.count("good.mp4") == 1
    # A third stream alone, and then nothing.
    extraction(tmp_path, {"c": Colours()}).run(clips, progress=False)
    assert seen.count("good.mp4") == 2
    extraction(tmp_path, {**both, "c": Colours()}).run(clips, progress=False)
    assert seen.count("good.mp4") == 2


def test_resume(tmp_path, clips, monkeypatch):
    class Stop(Colours):
        """Is interrupted at the second clip."""

        calls = 0

        def preprocess(self, frames):
            Stop.calls += 1
            if Stop.calls > 1:
                raise KeyboardInterrupt
            return super().preprocess(frames)

    with pytest.raises(KeyboardInterrupt):
        stopped = extraction(tmp_path, {"colours": Stop()}, workers=1)
        stopped.run(clips, progress=False)
    with pytest.raises(StreamError, match="not complete"):
        open_streams(tmp_path, ["colours"], {"colours": 6}, clips, n_frames=16)
    seen = count_reads(monkeypatch)
    report = extraction(tmp_path).run(clips, progress=False)["colours"]
    assert "good.mp4" not in seen and "part.mkv" in seen
    # The good one, and the two without a film, which come first.
    assert report.available == 2 and report.done_before == 3


def test_done_again_where_the_film_changed(
    tmp_path, clips, monkeypatch, numbered_film
):
    extraction(tmp_path).run(clips, progress=False)
    seen = count_reads(monkeypatch)
    # A film that was absent is there now, another one was replaced.
    path = str(tmp_path / "new.mkv")
    numbered_film(path, STAMPS)
    clips["weak/none"].update(video=path, video_status="present")
    clips["weak/bad"].update(video=path)
    report = extraction(tmp_path).run(clips, progress=False)["colours"]
    assert sorted(seen) == ["new.mkv", "new.mkv"]
    assert report.available == 4


def test_done_again_where_coverage_decides_otherwise(
    tmp_path, clips, monkeypatch
):
    extraction(tmp_path).run(clips, progress=False)
    seen = count_reads(monkeypatch)
    report = extraction(tmp_path, min_coverage=0.2).run(clips, progress=False)
    assert seen == ["short.mkv"] and report["colours"].available == 3
    report = extraction(tmp_path, min_coverage=0.7).run(clips, progress=False)
    assert report["colours"].available == 1
    assert StreamStore(tmp_path, "colours").read("weak/part") is None


@pytest.mark.parametrize("workers", [1, 3])
def test_workers_change_nothing(tmp_path, clips, workers):
    threads = torch.get_num_threads()
    extraction(tmp_path / "a").run(clips, progress=False)
    extraction(tmp_path / "b", workers=workers).run(clips, progress=False)
    assert torch.get_num_threads() == threads
    one, other = (StreamStore(tmp_path / name, "colours") for name in "ab")
    assert one.rows == other.rows
    for clip_id in clips:
        found, expected = other.read(clip_id), one.read(clip_id)
        assert np.array_equal(found, expected) or found is expected is None
    with pytest.raises(ValueError, match="workers"):
        extraction(tmp_path, workers=0)


def test_a_clip_may_have_one_stream_and_lack_another(tmp_path, clips):
    """As when the features of one of them come from elsewhere."""
    extraction(tmp_path).run(clips, progress=False)
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    for name, seconds in (("good", 4), ("none", 4)):
        np.save(folder / f"{name}.npy", np.full((seconds, 2), 7.0))
    for clip_id, clip in clips.items():
        clip["filename"] = clip_id.split("/")[1] + ".wav"
    importer = StreamImport(
        folder, tmp_path, "else", "other", 16, 4.0, rate=1.0
    )
    importer.run(clips, progress=False)
    widths = {"colours": 6, "else": 2}
    stores = open_streams(
        tmp_path, ["else", "colours"], widths, clips, n_frames=16
    )
    found = {
        clip_id: read_clip(stores, clip_id, widths, 16) for clip_id in clips
    }
    available = {key: has.tolist() for key, (_, has) in found.items()}
    assert available["weak/good"] == [True, True, True]
    assert available["weak/part"] == [True, False, True]
    assert available["weak/none"] == [True, True, False]
    assert available["strong/0"] == [True, False, False]
    assert not found["weak/part"][0][0].any()
    assert found["weak/part"][0][1].any()


def test_other_settings_are_refused(tmp_path, clips):
    extraction(tmp_path).run(clips, progress=False)
    with pytest.raises(StreamError, match="preprocessing: stored '16'"):
        extraction(tmp_path, {"colours": Colours(32)})


def machine(monkeypatch, bf16):
    """Makes this machine one with or without units for bfloat16."""
    supported = "_is_mkldnn_bf16_supported"
    monkeypatch.setattr(torch.ops.mkldnn, supported, lambda: bf16)


@pytest.mark.parametrize("first", [True, False])
def test_machines_do_not_mix_precisions(
    tmp_path, clips, monkeypatch, caplog, first
):
    """`auto` is settled by whoever begins the stream."""

    def run(precision, bf16):
        machine(monkeypatch, bf16)
        embedding = FrameEmbedding(Colours(), precision=precision)
        StreamExtraction({"colours": embedding}, tmp_path, 16, 4.0)
        return embedding.precision

    begun, other = ("bf16", "fp32") if first else ("fp32", "bf16")
    assert run("auto", first) == begun
    assert not caplog.text
    assert run("auto", not first) == begun
    assert ("only emulates bf16" in caplog.text) == first
    assert run(begun, not first) == begun
    asked = f"precision: stored '{begun}', asked for '{other}'"
    with pytest.raises(StreamError, match=asked):
        run(other, first)


def test_progress_bar(tmp_path, clips, capsys):
    extraction(tmp_path).run(clips)
    said = capsys.readouterr().err
    # Clips without a film do not count in the speed.
    assert "2/7" in said and "7/7" in said and "clip/s" in said
