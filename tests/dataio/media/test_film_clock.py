"""A flash and a tone at the same moment are seen and heard at that moment."""

import fractions

import numpy as np
import pytest

from speechbrain_mmsed.dataio.media.film import Film
from speechbrain_mmsed.dataio.media.sound import probe_sound, read_sound

RATE, FPS, SECONDS, ONSET = 48000, 25, 5, 3.0
SOUND_FRAME = 1152


def write_flash_and_tone(path, codecs, clock=0, late=0.0):
    """A dark, quiet film that is bright and loud from ONSET on.

    Arguments
    ---------
    path : pathlib.Path
        Its suffix is the container.
    codecs : tuple of str
        Of the picture and of the sound.
    clock : int
        Seconds on the film's clock when it begins.
    late : float
        How much later the sound begins, seconds.
    """
    av = pytest.importorskip("av")
    options = {"output_ts_offset": str(clock)} if clock else {}
    with av.open(str(path), "w", options=options) as container:
        track = container.add_stream(codecs[0], rate=FPS)
        track.width = track.height = 64
        track.pix_fmt = "yuv420p"
        sound = container.add_stream(codecs[1], rate=RATE, layout="mono")
        resampler = av.AudioResampler(
            sound.codec_context.format, "mono", RATE, SOUND_FRAME
        )
        time = np.arange(int(late * RATE), SECONDS * RATE) / RATE
        tone = 0.5 * np.sin(2 * np.pi * 1000 * time) * (time >= ONSET)
        at = 0
        for index in range(SECONDS * FPS):
            bright = np.uint8(200 if index >= ONSET * FPS else 20)
            picture = av.VideoFrame.from_ndarray(
                np.full((64, 64, 3), bright), "rgb24"
            )
            picture.pts = index
            picture.time_base = fractions.Fraction(1, FPS)
            container.mux(track.encode(picture))
            while at < len(tone) and time[at] <= index / FPS:
                piece = tone[None, at : at + SOUND_FRAME].astype("f4")
                frame = av.AudioFrame.from_ndarray(piece, "fltp", "mono")
                frame.sample_rate, frame.pts = RATE, at + int(late * RATE)
                frame.time_base = fractions.Fraction(1, RATE)
                for ready in resampler.resample(frame):
                    container.mux(sound.encode(ready))
                at += SOUND_FRAME
        container.mux(track.encode())
        container.mux(sound.encode())


FILMS = {
    "a.mp4": (("mpeg4", "aac"), 0),
    "a.ts": (("mpeg2video", "mp2"), 0),
    "from30.ts": (("mpeg2video", "mp2"), 30),
    "a.mpg": (("mpeg2video", "mp2"), 0),
}


@pytest.mark.parametrize("name", FILMS)
@pytest.mark.parametrize("late", [0.0, 1.0])
def test_flash_and_tone(tmp_path, name, late):
    path = tmp_path / name
    write_flash_and_tone(path, *FILMS[name], late=late)
    with Film(path) as film:
        seen = next(
            film.seconds(frame.pts)
            for frame in film.frames()
            if frame.to_ndarray(format="gray").mean() > 100
        )
    sound = read_sound(path, RATE).numpy()
    heard = np.flatnonzero(np.abs(sound) > 0.2)[0] / RATE
    # One picture, and one frame of the sound's codec.
    assert seen == pytest.approx(ONSET, abs=1 / FPS)
    assert heard == pytest.approx(ONSET, abs=SOUND_FRAME / RATE)
    assert heard == pytest.approx(seen, abs=1 / FPS)
    assert len(sound) / RATE == pytest.approx(SECONDS, abs=0.1)
    assert probe_sound(path).duration == pytest.approx(SECONDS, abs=0.1)
