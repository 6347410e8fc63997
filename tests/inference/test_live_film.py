"""Films that are still coming have the scores of their files."""

import av
import numpy as np
import pytest
from mean_colour import MeanColour

from speechbrain_mmsed.cli import listen, main
from speechbrain_mmsed.inference import SoundEventDetector
from speechbrain_mmsed.inference.live_film import LiveSource

RATE, FPS = 16000, 10


@pytest.fixture(scope="module")
def detector(export, tmp_path_factory):
    folder = tmp_path_factory.mktemp("live")
    export(folder, streams=["colour"])
    detector = SoundEventDetector.from_hparams(source=folder / "detector")
    detector.embedders.use("colour", MeanColour())
    return detector


def write_film(path, sound, filmed, codec="pcm_s16le"):
    """Sound and pictures of changing colours, mixed as in a broadcast."""
    with av.open(str(path), "w") as box:
        video = box.add_stream("mpeg4", rate=FPS)
        video.width = video.height = 32
        video.pix_fmt = "yuv420p"
        track = box.add_stream(codec, rate=RATE)
        track.layout = "mono"
        n_steps, size = round(len(sound) / RATE * FPS), RATE // FPS
        for i in range(n_steps):
            pcm = sound[i * size : (i + 1) * size, 0] * 32767
            frame = av.AudioFrame.from_ndarray(
                pcm.astype(np.int16)[None], "s16", "mono"
            )
            frame.sample_rate, frame.pts = RATE, i * size
            box.mux(track.encode(frame))
            if filmed[0] * FPS <= i < filmed[1] * FPS:
                pixels = [9 * i % 200, 255 - 7 * i % 250, 90]
                picture = np.full((32, 32, 3), pixels, "u1")
                frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
                frame.pts = i
                box.mux(video.encode(frame))
        box.mux(video.encode())
        box.mux(track.encode())
    return path


def listened(detector, path, pictures=True):
    """Scores of a source, and what became of the streams."""
    source, stream = LiveSource(path), detector.stream(RATE)
    source.look = stream.look if pictures else None
    parts = [stream.feed(block) for block in source.blocks()]
    parts.append(stream.close())
    return np.concatenate([part.frame for part in parts]), parts[-1].streams


@pytest.mark.parametrize("ending", ["mkv", "ts"])
@pytest.mark.parametrize("filmed", [(0, 23), (0, 14), (9, 23)])
def test_scores_are_those_of_the_file(
    detector, sounds, tmp_path, ending, filmed
):
    path = tmp_path / f"a.{ending}"
    write_film(
        path,
        sounds.noise(23.0),
        filmed,
        "mp2" if ending == "ts" else "pcm_s16le",
    )
    expected = detector.scores_file(path)
    found, streams = listened(detector, path)
    assert streams == {"colour": "used"}
    inside = slice(None) if filmed == (0, 23) else slice(0, 50)
    np.testing.assert_allclose(
        found[inside], expected.frame[: len(found)][inside], atol=1e-5
    )
    alone, streams = listened(detector, path, pictures=False)
    assert streams == {"colour": "absent: sound only"}
    assert np.abs(alone - found).max() > 1e-3


def test_pictures_are_forgotten(detector, sounds, tmp_path):
    stream = detector.stream(RATE)
    picture = np.zeros((20, 30, 3), np.uint8)
    for i in range(400):
        stream.look(i / FPS, picture + i % 200)
        stream.look(i / FPS - 1, picture)  # too late
        stream.feed(sounds.noise(1 / FPS, seed=i))
        assert len(stream._streams._pictures["colour"]) < 200
    assert stream.close().streams == {"colour": "used"}


def test_the_command_looks_at_films(
    detector, sounds, tmp_path, monkeypatch, capsys
):
    path = write_film(tmp_path / "a.mkv", sounds.noise(12.0), (0, 12))
    monkeypatch.setattr(listen, "load_model", lambda _: (detector, "model"))
    looked = []
    monkeypatch.setattr(
        "speechbrain_mmsed.inference.live_film.LiveStreams.look",
        lambda self, seconds, frame: looked.append(seconds),
    )
    assert main(["listen", str(path), "--model", "m"]) == 0
    assert looked == pytest.approx([i / FPS for i in range(120)], abs=0.002)
    assert "in 12.0 s of sound" in capsys.readouterr().err
