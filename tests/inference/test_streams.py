"""Recordings with films: whole, partly covering, absent, of other networks."""

import re
import sys
import types

import numpy as np
import pytest
import torch
from mean_colour import MeanColour

from speechbrain_mmsed.dataio.corpus.clips import clip_waveform
from speechbrain_mmsed.dataio.streams.clip_features import ClipFeatureReader
from speechbrain_mmsed.dataio.streams.embedding import FrameEmbedding
from speechbrain_mmsed.dataio.streams.reading import read_clip
from speechbrain_mmsed.dataio.streams.store import StreamStore
from speechbrain_mmsed.inference import DetectionError, SoundEventDetector
from speechbrain_mmsed.inference.streams import StreamFeatures
from speechbrain_mmsed.nnet.fusion import fusion_weights, renormalise


def write_film(path, seconds, sound=None, rate=16000, filmed=None):
    """A film whose colours change, with sound or without."""
    import av

    filmed = (0.0, seconds) if filmed is None else filmed
    with av.open(str(path), "w") as box:
        video = box.add_stream("libx264", rate=10)
        video.width = video.height = 32
        video.pix_fmt = "yuv420p"
        video.codec_context.gop_size = 20
        track = None
        if sound is not None:
            track = box.add_stream("aac", rate=rate)
            pcm = (sound[:, 0] * 32767).astype(np.int16)[None]
            frame = av.AudioFrame.from_ndarray(pcm, "s16", "mono")
            frame.sample_rate = rate
            box.mux(track.encode(frame))
        for i in range(round(10 * filmed[0]), round(10 * filmed[1])):
            pixels = np.full((32, 32, 3), [i % 200, 255 - i % 250, 90], "u1")
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts = i
            box.mux(video.encode(frame))
        box.mux(video.encode())
        if track is not None:
            box.mux(track.encode())
    return path


@pytest.fixture(scope="module")
def with_colour(export, tmp_path_factory):
    """A detector with a stream of colours, and its hparams."""
    folder = tmp_path_factory.mktemp("colour")
    hparams = export(folder, streams=["colour"])
    detector = SoundEventDetector.from_hparams(source=folder / "detector")
    detector.embedders.use("colour", MeanColour())
    return detector, hparams


@pytest.mark.parametrize("filmed", [(0, 10), (0, 6.2), (4, 10)])
def test_a_film_has_the_scores_of_the_recipe(
    with_colour, sounds, tmp_path, filmed
):
    detector, hparams = with_colour
    path = write_film(
        tmp_path / "a.mp4", 10.0, sounds.noise(10.0), filmed=filmed
    )
    # Extraction, storage and scoring as in the recipe.
    reader = ClipFeatureReader({"colour": FrameEmbedding(MeanColour())})
    clip = {"video": str(path), "video_status": "present", "duration": 10.0}
    found = reader("a", clip, ["colour"])
    store = StreamStore(tmp_path / "streams", "colour")
    store.write("a", found.features["colour"])
    streams, available = read_clip([store], "a", {"colour": 3})
    available = torch.from_numpy(available)[None]
    frontend, network = hparams["frontend"], hparams["network"]
    with torch.no_grad():
        clip, frame = network(
            frontend(clip_waveform(path, frontend)[None]),
            [torch.from_numpy(streams[0])[None]],
            available,
            renormalise(fusion_weights(0.75, 2), available),
        )
    scores = detector.scores_file(path)
    np.testing.assert_allclose(scores.clip, clip[0].sigmoid(), atol=1e-5)
    assert scores.duration > 10.016  # the codec's padding is cut off
    np.testing.assert_allclose(scores.frame, frame[0].sigmoid(), atol=1e-5)
    # The film matters.
    alone = detector.scores_file(path, primary_weight=1.0)
    assert np.abs(alone.frame - scores.frame).max() > 1e-4
    assert alone.streams["colour"] == "ignored"
    if filmed == (0, 10):
        assert scores.streams["colour"] == "used"
    else:
        covered = scores.streams["colour"].removeprefix("partly covered ")
        ends = [float(x) for x in covered.removesuffix(" s").split("-")]
        # Pictures are looked at every 0.16 s.
        np.testing.assert_allclose(ends, filmed, atol=0.17)


def test_absent_films_are_told(with_colour, sounds, tmp_path):
    detector, _ = with_colour
    sound = sounds.noise(10.0)
    short = write_film(tmp_path / "s.mp4", 10.0, sound, filmed=(0, 3))
    scores = detector.scores_file(short)
    assert scores.streams["colour"].startswith("absent: too short: 2.97")
    alone = detector.scores_file(short, primary_weight=1.0)
    np.testing.assert_allclose(alone.frame, scores.frame, atol=1e-6)
    wav = sounds.write_wav(tmp_path / "a.wav", sound)
    assert detector.scores_file(wav).streams == {
        "colour": "absent: no video track"
    }
    mute = write_film(tmp_path / "mute.mp4", 2.0)
    with pytest.raises(DetectionError, match="mute.mp4.*no sound track"):
        detector.scores_file(mute)
    # The sound may lie beside it.
    film = write_film(tmp_path / "film.mp4", 10.0)
    assert detector.scores_file(wav, video=film).streams["colour"] == "used"
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(film.read_bytes()[:300])
    found = detector.scores_file(wav, video=broken).streams["colour"]
    assert found.startswith("absent: unreadable")


def test_long_films_are_covered_where_they_are(with_colour, sounds, tmp_path):
    detector, _ = with_colour
    sound = sounds.noise(45.0)
    path = write_film(tmp_path / "a.mp4", 45.0, sound)
    scores = detector.scores_file(path)
    assert scores.streams["colour"] == "used"
    wav = sounds.write_wav(tmp_path / "a.wav", sound)
    film = write_film(tmp_path / "b.mp4", 45.0, filmed=(0, 23))
    partly = detector.scores_file(wav, video=film)
    begin, end = partly.streams["colour"].split()[2].split("-")
    assert float(begin) == 0.0
    assert 18.0 < float(end) <= 23.1
    alone = detector.scores_file(wav)
    late = slice(-60, None)
    np.testing.assert_allclose(partly.frame[late], alone.frame[late], atol=1e-6)
    assert np.abs(partly.frame[:100] - alone.frame[:100]).max() > 1e-4


def test_given_features_stand_for_the_film(with_colour, sounds, tmp_path):
    detector, _ = with_colour
    sound = sounds.noise(40.0)
    wav = sounds.write_wav(tmp_path / "a.wav", sound)
    times = np.arange(400) / 10
    vectors = np.random.default_rng(0).random((400, 3))
    given = {"colour": StreamFeatures(vectors[:205], times[:205])}
    scores = detector.scores_file(wav, features=given)
    assert scores.streams["colour"].startswith("partly covered 0.0-")
    with pytest.raises(DetectionError, match="StreamFeatures for a longer"):
        detector.scores_file(wav, features={"colour": vectors[:64]})
    with pytest.raises(DetectionError, match="not among"):
        detector.scores_file(wav, features={"color": vectors[:64]})
    # A clip's, as training stores them, also read when their turn comes.
    clip = sounds.write_wav(tmp_path / "b.wav", sound[:160000])
    features = {"colour": vectors[:64]}
    (_, one), (_, two) = detector.scores_files(
        [clip, clip], features=[features, lambda: features]
    )
    _, _, frame = detector.detect_batch(
        [sound[:160000, 0]], {"colour": [vectors[:64]]}
    )
    assert one.streams == {"colour": "used"}
    assert np.array_equal(one.frame, two.frame)
    np.testing.assert_allclose(one.frame, frame[0], atol=1e-3)


def test_another_network_is_refused(export, sounds, tmp_path):
    export(tmp_path, streams=["colour"])
    detector = SoundEventDetector.from_hparams(source=tmp_path / "detector")
    with pytest.raises(DetectionError) as caught:
        detector.embedders.use("colour", MeanColour(scale=127.5))
    message = str(caught.value)
    assert len(set(re.findall(r"\b[0-9a-f]{12}\b", message))) == 2
    assert "[0, 1]" in message
    assert "[0, 2]" in message


def test_the_yaml_builds_the_network_of_the_films(
    export, sounds, tmp_path, monkeypatch
):
    recipe = {"class": "colours.MeanColour", "arguments": {"scale": 255.0}}
    export(tmp_path, streams=["colour"], recipe=recipe)
    path = write_film(tmp_path / "a.mp4", 10.0, sounds.noise(10.0))
    module = types.ModuleType("colours")
    module.MeanColour = MeanColour
    monkeypatch.setitem(sys.modules, "colours", module)
    detector = SoundEventDetector.from_hparams(
        source=tmp_path / "detector", trust=True
    )
    assert detector.scores_file(path).streams == {"colour": "used"}

    # Without its weights it is told, and the sound is enough.
    def missing(scale):
        raise FileNotFoundError("no weights at x.pt")

    module.MeanColour = missing
    detector = SoundEventDetector.from_hparams(
        source=tmp_path / "detector", trust=True
    )
    assert detector.scores_file(path).streams == {
        "colour": "absent: colour cannot be made: no weights at x.pt"
    }

    # A package is a line away, and would change what is found.
    def uninstalled(scale):
        raise ImportError("needs the package p: pip install p")

    module.MeanColour = uninstalled
    detector = SoundEventDetector.from_hparams(
        source=tmp_path / "detector", trust=True
    )
    with pytest.raises(DetectionError, match="pip install p; or leave out"):
        detector.scores_file(path)
    assert detector.scores_file(path, primary_weight=1.0).frame.any()
