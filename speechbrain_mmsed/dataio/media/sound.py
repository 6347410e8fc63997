"""Sound files of any rate and channel count, as mono at the wanted rate.

Through soundfile, and the sound tracks of films through PyAV:
`torchaudio.load` needs a codec package in recent versions. Section 3.1.2 of
the paper works at 16 kHz.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import contextlib
import dataclasses
import functools
import math
import os

import numpy as np
import scipy.signal
import soundfile
import torch

from speechbrain_mmsed.dataio.media.film_sound import (
    FILM_SUFFIXES,
    FilmSound,
    NoSoundError,
)
from speechbrain_mmsed.files import ClearError

SOUND_FILE_SUFFIXES = (".wav", ".flac", ".ogg", ".mp3", ".aif", ".aiff")
SOUND_SUFFIXES = SOUND_FILE_SUFFIXES + FILM_SUFFIXES

# Hz. Heads that say another rate are damaged, or the sound is not for ears.
RATES = (1000, 400_000)
# Of a sample; sums and filters of larger ones would overflow.
LOUDEST = 1e18
# Numbers in a kernel of torchaudio's, which is source x target large: 16 MB.
LARGEST_KERNEL = 2**22
_BLOCK_SAMPLES = 2**18


class SoundError(ClearError):
    """A sound file that cannot be used; `reason` is "absent" or the like."""

    def __init__(self, path, reason):
        super().__init__(f"{path}: sound is {reason}")
        self.path = str(path)
        self.reason = reason


@dataclasses.dataclass(frozen=True)
class SoundInfo:
    """What a sound file holds, measured and not taken from its header."""

    status: str  # "present" or the reason why it cannot be used
    duration: float = 0.0  # seconds
    sample_rate: int = 0  # Hz
    channels: int = 0
    silent: bool = False  # whether every sample is zero


def read_sound(path, sample_rate, n_samples=None):
    """The first samples of a sound file as mono, resampled, float32.

    All without `n_samples`. One that is absent, empty, damaged or not finite
    is a SoundError that names the file.
    """
    # A second more than needed: what filters see beyond the end.
    longest = math.inf if n_samples is None else 1 + n_samples / sample_rate
    parts, there = [], 0
    with open_sound(path) as (sound, blocks):
        rate = sound.samplerate
        for block in blocks:
            parts.append(block)
            there += len(block)
            if there >= longest * rate:
                break
    waveform = torch.from_numpy(np.concatenate(parts))
    if rate != sample_rate:
        waveform = resampler(rate, int(sample_rate))(waveform)
    return waveform[:n_samples]


@contextlib.contextmanager
def open_sound(path):
    """Opens a sound file to be read piece by piece, mixed down to mono.

    Arguments
    ---------
    path : str or pathlib.Path
        The file.

    Yields
    ------
    sound : soundfile.SoundFile or FilmSound
        The open file, with its `samplerate` in Hz.
    blocks : iterator of numpy.ndarray
        (samples,) float32 each, of at most some seconds; a SoundError may
        come while they are read.
    """
    with _open(path) as sound:
        yield sound, (block.mean(axis=1) for block in _blocks(sound, path))


def probe_sound(path):
    """Reads a file through; SoundInfo, also of a file that is bad or absent."""
    try:
        with _open(path) as sound:
            n_samples, silent = 0, True
            for block in _blocks(sound, path):
                n_samples += len(block)
                silent = silent and not block.any()
            rate = sound.samplerate
            return SoundInfo(
                "present", n_samples / rate, rate, sound.channels, silent
            )
    except SoundError as error:
        return SoundInfo(error.reason)


@functools.lru_cache(maxsize=16)
def resampler(source, target):
    """What resamples (samples,) from Hz to Hz, computed once for two rates.

    It looks `width` samples to each side. It is torchaudio's, or, where the
    kernel of that would be gigabytes (47999 to 16000), scipy's.
    """
    from torchaudio.transforms import Resample

    shared = math.gcd(source, target)
    down, up = source // shared, target // shared
    if down * up <= LARGEST_KERNEL:
        return Resample(source, target)
    longest = max(down, up)
    taps = np.sinc(np.arange(-10 * longest, 10 * longest + 1) / longest)
    taps = np.float32(taps * scipy.signal.windows.hann(len(taps)) / longest)

    def resample(waveform):
        sound = scipy.signal.resample_poly(waveform.numpy(), up, down, 0, taps)
        return torch.from_numpy(sound)

    resample.width = 10 * longest // up + 1
    return resample


def _open(path):
    """An open sound file, or a SoundError."""
    if not os.path.isfile(path):
        raise SoundError(path, "absent")
    if os.path.getsize(path) == 0:
        raise SoundError(path, "zero-length (an empty file)")
    with _unreadable(path):
        if os.path.splitext(path)[1].lower() in FILM_SUFFIXES:
            sound = FilmSound(path)
        else:  # by its bytes: not every name is text
            sound = soundfile.SoundFile(os.fsencode(path))
        rate, (lowest, highest) = sound.samplerate, RATES
        if not lowest <= rate <= highest:
            raise ValueError(f"{rate} Hz, expected {lowest} to {highest}")
    return sound


def _blocks(sound, path):
    """Yields (samples, channels) float32, and makes sure that they are good."""
    n_samples, film = 0, isinstance(sound, FilmSound)
    for block in sound.blocks() if film else _file_blocks(sound, path):
        if not (np.abs(block) < LOUDEST).all():
            reason = f"it holds NaN, infinity or more than {LOUDEST:g}"
            raise SoundError(path, f"unreadable: {reason}")
        n_samples += len(block)
        yield block
    if not n_samples:
        raise SoundError(path, "zero-length (a header without samples)")


def _file_blocks(sound, path):
    """Blocks of a file that soundfile has opened."""
    n_frames = max(_BLOCK_SAMPLES // sound.channels, 1)
    while True:
        with _unreadable(path):
            block = sound.read(n_frames, "float32", always_2d=True)
        if not len(block):
            return
        yield block


@contextlib.contextmanager
def _unreadable(path):
    """Turns the readers' errors into a SoundError: one line, no path."""
    try:
        yield
    except NoSoundError as error:
        raise SoundError(path, str(error)) from error
    except (soundfile.SoundFileError, OSError, ValueError) as error:
        text = " ".join(str(error).split()).split("': ", 1)[-1].rstrip(".")
        raise SoundError(path, f"unreadable: {text}") from error
