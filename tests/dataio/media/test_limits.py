"""Odd and absurd sample rates and pictures: bounded, or refused in a line."""

import fractions
import os
import resource

import numpy as np
import pytest
import soundfile
import torch
from torchaudio.transforms import Resample

from speechbrain_mmsed.dataio.media import sound
from speechbrain_mmsed.dataio.media.film import MediaError
from speechbrain_mmsed.dataio.media.film_sound import LARGEST_PICTURE
from speechbrain_mmsed.dataio.media.frames import probe_video, read_frames
from speechbrain_mmsed.inference.resampling import BlockResampler

pytestmark = pytest.mark.faults

RATE = 16000
# Of samples between -1 and 1, as recipes/DESED/README.md says.
ERROR = 1e-3


def tone(rate, seconds=10.0, pitch=150.0):
    """(samples,) float32, and at the end where it stands in its period."""
    times = np.arange(round(seconds * rate)) / rate
    return 0.5 * np.sin(2 * np.pi * pitch * times).astype(np.float32)


def peak_memory():
    """MB that this process had at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10


@pytest.mark.parametrize(
    "rate",
    [
        *(1000, 1001, 7999, 15999, 16002, 44100, 47990, 47999),
        *(pytest.param(r, marks=pytest.mark.slow) for r in (96001, 192001)),
    ],
)
def test_odd_rates_keep_time_in_bounded_memory(tmp_path, rate):
    soundfile.write(tmp_path / "a.wav", tone(rate), rate, "FLOAT")
    before = peak_memory()
    found = sound.read_sound(tmp_path / "a.wav", RATE).numpy()
    assert peak_memory() - before < 600
    assert abs(len(found) - 10 * RATE) <= 1
    # To the end: a ratio that is only near would drift away from the tone.
    inside = slice(RATE // 10, -RATE // 10)
    assert np.abs(found - tone(RATE)[: len(found)])[inside].max() < ERROR
    # A recording in pieces has the same samples.
    blocks, whole = BlockResampler(rate, RATE), tone(rate)
    pieces = [blocks.feed(part) for part in np.array_split(whole, 7)]
    pieces = np.concatenate([*pieces, blocks.close()])
    assert len(pieces) == len(found)
    assert np.abs(pieces - found).max() < 1e-5


def test_both_ways_of_resampling_agree(monkeypatch):
    """Where both can be afforded, scipy's is torchaudio's but for the filter.

    Noise below the bands in which their filters differ.
    """
    rng = np.random.default_rng(0)
    spectrum = np.fft.rfft(rng.normal(size=2 * 11025))
    spectrum[len(spectrum) // 2 :] = 0
    noise = torch.from_numpy(np.fft.irfft(spectrum).astype(np.float32))
    expected = Resample(11025, RATE)(noise)
    monkeypatch.setattr(sound, "LARGEST_KERNEL", 1)
    found = sound.resampler.__wrapped__(11025, RATE)(noise)
    assert len(found) == len(expected)
    inside = slice(1000, -1000)
    difference = (found - expected)[inside].abs().max()
    assert difference < 5e-3 * expected.abs().max()


@pytest.mark.parametrize("rate", [1, 999, 400_001, 800_000, 2**31 - 1])
def test_absurd_rates_are_refused_in_a_line(tmp_path, rate):
    path = tmp_path / "a.wav"
    soundfile.write(path, np.ones(50), 16000)
    content = bytearray(path.read_bytes())
    content[24:28] = rate.to_bytes(4, "little")
    path.write_bytes(content)
    expected = f"unreadable: {rate} Hz, expected 1000 to 400000"
    assert sound.probe_sound(path).status == expected
    with pytest.raises(sound.SoundError, match=f"a.wav: .*{rate} Hz"):
        sound.read_sound(path, RATE)


def test_of_a_long_file_only_the_clip_is_read(tmp_path, monkeypatch):
    path = tmp_path / "a.wav"
    soundfile.write(path, np.tile(tone(8000, 1.0), 300), 8000, "FLOAT")
    whole = sound.read_sound(path, RATE)
    monkeypatch.setattr(sound, "_BLOCK_SAMPLES", 8000)
    monkeypatch.setattr(sound, "LOUDEST", 0.9)
    part = sound.read_sound(path, RATE, 10 * RATE)
    assert len(whole) == 300 * RATE
    assert torch.equal(part, whole[: 10 * RATE])


@pytest.mark.parametrize("value", [1e19, -3e38, np.nan, np.inf])
def test_samples_that_would_overflow_are_refused(tmp_path, value):
    samples = np.full((100, 2), 0.1, np.float32)
    samples[50] = value
    soundfile.write(tmp_path / "a.wav", samples, RATE, "FLOAT")
    with pytest.raises(sound.SoundError, match="NaN, infinity or more than"):
        sound.read_sound(tmp_path / "a.wav", RATE)


def test_a_name_that_is_no_text(tmp_path):
    name = os.path.join(os.fsencode(tmp_path), b"\xe9t\xe9.wav")
    with open(name, "wb") as file:
        soundfile.write(file, tone(RATE, 1.0), RATE, "FLOAT", format="WAV")
    found = sound.read_sound(os.fsdecode(name), RATE).numpy()
    assert (found == tone(RATE, 1.0)).all()
    assert sound.probe_sound(os.fsdecode(name)).duration == 1.0


def write_film(path, width, height, codec):
    """A film of two black pictures."""
    import av

    with av.open(str(path), "w") as container:
        track = container.add_stream(codec, rate=4)
        track.width, track.height = width, height
        track.pix_fmt = "rgb24" if codec == "png" else "yuv420p"
        if codec == "libx264":
            track.options = {"preset": "ultrafast"}
        for number in range(2):
            frame = av.VideoFrame(width, height, track.pix_fmt)
            for plane in frame.planes:
                plane.update(bytes(plane.buffer_size))
            frame.pts = number
            frame.time_base = fractions.Fraction(1, 4)
            container.mux(track.encode(frame))
        container.mux(track.encode())


@pytest.mark.parametrize(
    "name", ["a.mp4", pytest.param("a.mov", marks=pytest.mark.slow)]
)
def test_pictures_beyond_the_limit_are_refused_in_a_line(tmp_path, name):
    codec = {"a.mp4": "libx264", "a.mov": "png"}[name]
    width, height = LARGEST_PICTURE
    write_film(tmp_path / name, width, height + 16, codec)
    limit = f"larger than {width} x {height} is not read"
    assert limit in probe_video(tmp_path / name).status
    before = peak_memory()
    with pytest.raises(MediaError, match=limit) as error:
        read_frames(tmp_path / name, [0.1], (32, 32))
    assert peak_memory() - before < 100
    assert "\n" not in str(error.value)
    write_film(tmp_path / f"small_{name}", 640, 480, codec)
    assert probe_video(tmp_path / f"small_{name}").present
