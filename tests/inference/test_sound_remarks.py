"""Sound that is cut off or damaged is used, and it is said."""

import fractions

import numpy as np
import pytest
import soundfile

from speechbrain_mmsed.dataio.media.sound import open_sound
from speechbrain_mmsed.inference.remarks import lost_sound, riff_remark

RATE = 16000


def remark_of(path):
    """What is said of a file, and its seconds."""
    with open_sound(path) as (sound, blocks):
        seconds = sum(map(len, blocks)) / sound.samplerate
        return lost_sound(sound, path, seconds), seconds


def write_sound_track(path, seconds=10, codec="aac", options=None):
    """A film without pictures: noise."""
    av = pytest.importorskip("av")
    noise = np.random.default_rng(1).normal(0, 0.1, (1, seconds * RATE))
    with av.open(str(path), "w", options=options or {}) as container:
        sound = container.add_stream(codec, rate=RATE, layout="mono")
        for at in range(0, noise.shape[1], 1024):
            frame = av.AudioFrame.from_ndarray(
                noise[:, at : at + 1024].astype("f4"), "fltp", "mono"
            )
            frame.sample_rate, frame.pts = RATE, at
            frame.time_base = fractions.Fraction(1, RATE)
            container.mux(sound.encode(frame))
        container.mux(sound.encode())


def cut(path, share):
    """Leaves only the beginning of a file."""
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
def test_a_film_that_is_cut_off(tmp_path, name):
    path = tmp_path / name
    fast = {"movflags": "faststart"} if name == "a.mp4" else {}
    write_sound_track(path, options=fast)
    assert remark_of(path)[0] == ""
    cut(path, 0.4)
    remark, seconds = remark_of(path)
    assert 2.0 < seconds < 6.0
    # Matroska counts the last codec frame.
    length = "10.0" if name == "a.mp4" else "10.1"
    assert f"sound ends at {seconds:.1f} of {length} s" in remark


@pytest.mark.parametrize("name", ["a.ts", "a.aac", "a.avi", "a.flv"])
def test_whole_files_of_other_kinds(tmp_path, name):
    write_sound_track(tmp_path / name, codec="aac")
    assert remark_of(tmp_path / name)[0] == ""


def test_packets_that_do_not_decode(tmp_path):
    import av

    path = tmp_path / "a.mkv"
    write_sound_track(path)
    with av.open(str(path)) as container:
        packets = [p for p in container.demux(audio=0) if p.size]
        places = [(p.pos, p.size) for p in packets[40:50]]
    content = bytearray(path.read_bytes())
    for at, size in places:
        # The position is that of the block, some bytes before its content.
        content[at + 12 : at + size] = b"\xff" * (size - 12)
    path.write_bytes(content)
    remark, seconds = remark_of(path)
    assert "packets of the sound did not decode" in remark
    assert seconds == pytest.approx(10.0, abs=0.2)


@pytest.mark.parametrize("size", [0xFFFFFFFF, 0x7FFFF024, None])
def test_a_wav_file_that_is_cut_off(tmp_path, size):
    path = tmp_path / "a.wav"
    soundfile.write(path, np.full(10 * RATE, 0.1), RATE)
    n_bytes = path.stat().st_size
    assert remark_of(path) == ("", 10.0)
    cut(path, 0.5)
    if size is None:
        text = f"file is cut off: {n_bytes // 2} of {n_bytes} bytes"
    else:  # written to a pipe: the head knows no length
        content = path.read_bytes()
        path.write_bytes(b"RIFF" + size.to_bytes(4, "little") + content[8:])
        text = ""
    assert remark_of(path)[0] == riff_remark(path) == text


def test_what_is_no_wav(tmp_path):
    for content in (b"", b"RIF", b"fLaC1234567"):
        (tmp_path / "a").write_bytes(content)
        assert riff_remark(tmp_path / "a") == ""
