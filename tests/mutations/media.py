"""Readers of sound and films, beside plain loops over soundfile and PyAV."""

import contextlib
import fractions

import numpy as np
import soundfile
from mutations.trial import Reader

from speechbrain_mmsed.dataio.media.film_sound import (
    GAP_SECONDS,
    LONGEST_GAP_SECONDS,
    NoSoundError,
    open_media,
)
from speechbrain_mmsed.dataio.media.frames import (
    MediaError,
    grid_times,
    probe_video,
    read_frames,
)
from speechbrain_mmsed.dataio.media.sound import (
    LOUDEST,
    RATES,
    SoundError,
    open_sound,
    probe_sound,
    read_sound,
)

RATE = 16000


def heard(path):
    """Rate and samples of a sound, by our reader in all its ways."""
    info = probe_sound(path)
    with open_sound(path) as (sound, blocks):
        rate, samples = sound.samplerate, np.concatenate(list(blocks))
    assert info.status == "present" and info.sample_rate == rate
    assert abs(info.duration * rate - len(samples)) < 1
    assert len(read_sound(path, RATE, RATE)) <= RATE
    return rate, samples


def sound(made, name, frames=3000, channels=1, **how):
    """A reader of a sound file with this ending."""
    made = made / name
    samples = np.random.default_rng(0).uniform(-0.5, 0.5, (frames, channels))
    soundfile.write(made, samples.cumsum(0) / 20 % 1 - 0.5, RATE, **how)

    def obvious(folder):
        parts = []
        with soundfile.SoundFile(folder / name) as file:
            rate = file.samplerate
            assert RATES[0] <= rate <= RATES[1]
            while len(part := file.read(2**18, "float32", always_2d=True)):
                assert (abs(part) < LOUDEST).all()
                parts.append(part.mean(1))
        return rate, np.concatenate(parts)

    def read(folder):
        return heard(folder / name)

    return Reader({name: made.read_bytes()}, read, obvious, share=0.2)


def wav(made):
    return sound(made, "a.wav")


def stereo_float_wav(made):
    return sound(made, "b.wav", channels=2, subtype="FLOAT")


def flac(made):
    return sound(made, "a.flac")


def ogg(made):
    return sound(made, "a.ogg", 9000)


def mp3(made):
    return sound(made, "a.mp3", 9000)


def write_film(path, codec, sound_codec, seconds=2):
    """A film of ten grey pictures a second, each of its own, and sound."""
    import av

    with av.open(str(path), "w") as film:
        track = film.add_stream(codec, rate=10)
        track.width = track.height = 32
        track.pix_fmt = "yuv420p"
        track.codec_context.thread_count = 1
        heard = film.add_stream(sound_codec, rate=RATE, layout="mono")
        for number in range(10 * seconds):
            picture = np.full((32, 32, 3), 20 + 10 * number, np.uint8)
            frame = av.VideoFrame.from_ndarray(picture, "rgb24")
            frame.pts, frame.time_base = number, fractions.Fraction(1, 10)
            film.mux(track.encode(frame.reformat(format="yuv420p")))
        film.mux(track.encode())
        wave = np.sin(np.arange(seconds * RATE) / 9).astype(np.float32) / 2
        for at in range(0, len(wave), 1024):
            frame = av.AudioFrame.from_ndarray(
                wave[None, at : at + 1024], "fltp", "mono"
            )
            frame.sample_rate, frame.pts = RATE, at
            frame.time_base = fractions.Fraction(1, RATE)
            film.mux(heard.encode(frame))
        film.mux(heard.encode())


def decoded(path, kind):
    """Zero, rate, end, and (seconds, array) of all frames of a track."""
    import av

    failures = (av.FFmpegError, OSError, ValueError, IndexError)
    found = []
    with open_media(path) as film:
        track = getattr(film.streams, kind)[0]
        loose = film.format.flags & av.format.Flags.ts_discont.value
        zero = (film.start_time or 0) / av.time_base if loose else 0.0
        coded = track.codec_context
        coded.thread_count = 1
        packets = film.demux(track)
        end = np.inf
        if kind == "audio" and track.duration is not None:
            start = float((track.start_time or 0) * track.time_base) - zero
            end = max(start, 0) + float(track.duration * track.time_base)
        while True:
            try:
                packet = next(packets)
            except (*failures, StopIteration):
                break
            if kind == "video" and not packet.size:
                continue
            try:
                frames = packet.decode()
            except failures:
                continue
            found += frames
        with contextlib.suppress(*failures):
            rest = coded.decode(None) if kind == "video" else ()
            found += rest
        rate, base = getattr(coded, "sample_rate", None), track.time_base
        return (
            *(zero, rate, end),
            [
                (f.pts if f.pts is None else float(f.pts * base), f)
                for f in found
            ],
        )


def film_sound(made, name, codec, sound_codec):
    """A reader of the sound of a film."""
    write_film(made / name, codec, sound_codec)

    def read(folder):
        return heard(folder / name)

    def obvious(folder):
        import av

        zero, rate, end, frames = decoded(folder / name, "audio")
        planar = av.AudioResampler(format="fltp")
        whole, at = [], 0
        last = np.inf if end == np.inf else round(end * rate)
        for _, frame in frames:
            for piece in planar.resample(frame):
                samples = piece.to_ndarray().mean(0)
                gap = 0
                if piece.time is not None:
                    gap = round((piece.time - zero) * rate) - at
                if GAP_SECONDS * rate < gap < LONGEST_GAP_SECONDS * rate:
                    whole.append(np.zeros(gap, np.float32))
                    at += gap
                if at >= last:
                    break
                samples = samples[: int(min(last - at, len(samples)))]
                whole.append(samples)
                at += len(samples)
        whole = np.concatenate(whole)
        assert len(whole) and (abs(whole) < LOUDEST).all()
        return rate, whole

    errors = (SoundError, NoSoundError)
    files = {name: (made / name).read_bytes()}
    return Reader(files, read, obvious, share=0.1, errors=errors)


def film(made, name, codec, sound_codec):
    """A reader of the pictures of a film."""
    write_film(made / name, codec, sound_codec)
    times = grid_times(20, 2.0)

    def read(folder):
        info = probe_video(folder / name)
        frames, covered = read_frames(folder / name, times, (8, 8))
        assert info.present and info.duration >= 0
        pairs = zip(frames, covered, strict=True)
        return [int(f.mean()) if c else -1 for f, c in pairs]

    def obvious(folder):
        zero, _, _, frames = decoded(folder / name, "video")
        found = read(folder)
        stamped = [(t - zero, f) for t, f in frames if t is not None]
        # What follows a picture after the last time is not read.
        late = [n for n, (t, _) in enumerate(stamped) if t > times[-1]]
        stamped = stamped[: late[0]] if late else stamped
        for at, shown in enumerate(found):
            before = [(t, f) for t, f in stamped if t <= times[at] + 1e-9]
            if shown == -1 or not before:
                continue
            picture = max(before, key=lambda pair: pair[0])[1]
            picture = picture.reformat(
                width=8, height=8, format="rgb24", interpolation="BICUBIC"
            ).to_ndarray()
            found[at] = int(picture.mean())
        return found

    files = {name: (made / name).read_bytes()}
    return Reader(files, read, obvious, share=0.1, errors=(MediaError,))


def mp4(made):
    return film(made, "a.mp4", "libx264", "aac")


def mkv(made):
    return film(made, "a.mkv", "mpeg4", "aac")


def avi(made):
    return film(made, "a.avi", "mpeg4", "mp3")


def mp4_sound(made):
    return film_sound(made, "a.mp4", "mpeg4", "aac")


def webm_sound(made):
    return film_sound(made, "a.mkv", "mpeg4", "libopus")


def ts_sound(made):
    return film_sound(made, "a.ts", "mpeg2video", "mp2")


READERS = (
    *(wav, stereo_float_wav, flac, ogg),
    *(mp3, mp4, mkv, avi),
    *(mp4_sound, webm_sound, ts_sound),
)
