"""Sound tracks of films, against the samples that were written."""

import fractions
import types

import numpy as np
import pytest

from speechbrain_mmsed.dataio.media.film_sound import FilmSound, NoSoundError
from speechbrain_mmsed.dataio.media.frames import probe_video
from speechbrain_mmsed.dataio.media.sound import (
    SoundError,
    probe_sound,
    read_sound,
)

RATE = 16000


def chirp(seconds, rate=RATE):
    """A tone that rises, so that a shift in time shows."""
    time = np.arange(int(seconds * rate)) / rate
    return (0.5 * np.sin(2 * np.pi * (200 + 150 * time) * time)).astype("f4")


def write_film(path, samples, rate=RATE, codec="aac", start=0, picture=True):
    """A film with a sound track that starts at `start` seconds."""
    av = pytest.importorskip("av")
    with av.open(str(path), "w") as container:
        if picture:
            track = container.add_stream("mpeg4", rate=5)
            track.width = track.height = 32
            track.pix_fmt = "yuv420p"
        sound = container.add_stream(codec, rate=rate, layout="mono")
        if picture:
            for index in range(int(5 * len(samples) / rate)):
                frame = av.VideoFrame(32, 32, "yuv420p")
                for plane in frame.planes:
                    plane.update(bytes(plane.buffer_size))
                frame.pts, frame.time_base = index, fractions.Fraction(1, 5)
                container.mux(track.encode(frame))
            container.mux(track.encode())
        for at in range(0, len(samples), 1024):
            frame = av.AudioFrame.from_ndarray(
                samples[None, at : at + 1024], "fltp", "mono"
            )
            frame.sample_rate, frame.pts = rate, at + int(start * rate)
            frame.time_base = fractions.Fraction(1, rate)
            container.mux(sound.encode(frame))
        container.mux(sound.encode())


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.m4a"])
def test_samples_and_length(tmp_path, name):
    samples = chirp(3.0)
    write_film(tmp_path / name, samples, picture=name != "a.m4a")
    found = read_sound(tmp_path / name, RATE).numpy()
    # Matroska keeps no exact length; the last codec frame may be whole.
    assert abs(len(found) - len(samples)) <= (2048 if "mkv" in name else 1)
    middle = slice(RATE // 2, 5 * RATE // 2)
    # Before FFmpeg 8, Matroska files were written with the encoder's delay.
    lags = (0, 1024) if name == "a.mkv" else (0,)
    errors = [np.abs(found[n:][middle] - samples[middle]).max() for n in lags]
    assert min(errors) < 0.05
    info = probe_sound(tmp_path / name)
    assert info.status == "present" and info.sample_rate == RATE
    assert info.duration == pytest.approx(3.0, abs=0.13)


def test_late_start_is_silence(tmp_path):
    samples = chirp(2.0)
    write_film(tmp_path / "late.mkv", samples, start=1.0)
    found = read_sound(tmp_path / "late.mkv", RATE).numpy()
    assert np.abs(found[: int(0.9 * RATE)]).max() < 1e-3
    middle = slice(RATE // 2, 3 * RATE // 2)
    shifted = found[RATE:][middle]
    assert np.corrcoef(shifted, samples[middle])[0, 1] > 0.99


def test_resampled(tmp_path):
    write_film(tmp_path / "a.mp4", chirp(2.0, 44100), rate=44100)
    assert len(read_sound(tmp_path / "a.mp4", RATE)) == pytest.approx(
        2 * RATE, abs=3
    )


def test_truncated_film_yields_its_beginning(tmp_path):
    write_film(tmp_path / "a.mkv", chirp(4.0))
    whole = (tmp_path / "a.mkv").read_bytes()
    (tmp_path / "half.mkv").write_bytes(whole[: len(whole) // 2])
    found = read_sound(tmp_path / "half.mkv", RATE).numpy()
    assert 0.5 * RATE < len(found) < 3.5 * RATE
    np.testing.assert_allclose(
        found[RATE // 4 : RATE // 2],
        read_sound(tmp_path / "a.mkv", RATE)[RATE // 4 : RATE // 2],
    )


def test_tags_in_another_encoding(tmp_path):
    write_film(tmp_path / "a.mkv", chirp(1.0))
    whole = (tmp_path / "a.mkv").read_bytes()
    tag = b"Lavf"  # the muxing program, that puts itself there
    assert tag in whole
    (tmp_path / "b.mkv").write_bytes(whole.replace(tag, b"L\xe9\xe8f"))
    np.testing.assert_array_equal(
        *(read_sound(tmp_path / name, RATE) for name in ("a.mkv", "b.mkv"))
    )
    assert probe_video(tmp_path / "b.mkv", 0.0, 1.0).status == "present"


def test_no_sound_track_and_no_film(tmp_path, numbered_film):
    numbered_film(tmp_path / "silent.mp4", np.arange(5) * 0.1)
    with pytest.raises(SoundError, match="silent.mp4.*no sound track"):
        read_sound(tmp_path / "silent.mp4", RATE)
    (tmp_path / "bad.mp4").write_text("no film")
    assert probe_sound(tmp_path / "bad.mp4").status.startswith("unreadable")
    (tmp_path / "empty.webm").write_bytes(b"")
    assert "zero-length" in probe_sound(tmp_path / "empty.webm").status


def test_a_track_without_a_decoder(tmp_path, monkeypatch):
    """What av gives for a codec that this build of FFmpeg does not know."""
    import av

    class Unknown:
        """An open film whose sound has no decoder."""

        streams = types.SimpleNamespace(
            audio=[types.SimpleNamespace(codec_context=None)]
        )
        closed = False

        def close(self):
            Unknown.closed = True

    monkeypatch.setattr(av, "open", lambda *args, **kwargs: Unknown())
    with pytest.raises(NoSoundError, match="no decoder"):
        FilmSound(tmp_path / "a.mp4")
    assert Unknown.closed
