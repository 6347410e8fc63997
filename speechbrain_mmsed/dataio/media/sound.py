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
import os

import numpy as np
import soundfile
import torch

from speechbrain_mmsed.dataio.media.film_sound import (
    FILM_SUFFIXES,
    FilmSound,
    NoSoundError,
    short_remark,
)

SOUND_FILE_SUFFIXES = (".wav", ".flac", ".ogg", ".mp3", ".aif", ".aiff")
SOUND_SUFFIXES = SOUND_FILE_SUFFIXES + FILM_SUFFIXES

_BLOCK_SAMPLES = 2**18
# Programs that write to a pipe put such sizes, or more, for "not known".
_UNKNOWN_BYTES = 0x7FFFF000


class SoundError(Exception):
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


def read_sound(path, sample_rate):
    """A sound file mixed down to mono and resampled, (samples,) float32.

    One that is absent, empty, damaged or not finite is a SoundError that
    names the file.
    """
    with open_sound(path) as (rate, blocks):
        waveform = torch.from_numpy(np.concatenate(list(blocks)))
    if rate != sample_rate:
        waveform = resampler(rate, int(sample_rate))(waveform)
    return waveform


@contextlib.contextmanager
def open_sound(path, remarks=None):
    """Opens a sound file to be read piece by piece, mixed down to mono.

    Arguments
    ---------
    path : str or pathlib.Path
        The file.
    remarks : list or None
        Gets a text once all blocks are read if a part of the sound is lost:
        cut off, or packets that did not decode.

    Yields
    ------
    sample_rate : int
        Hz.
    blocks : iterator of numpy.ndarray
        (samples,) float32 each, of at most some seconds; a SoundError may
        come while they are read.
    """
    with _open(path) as sound:
        blocks = _blocks(sound, path, remarks)
        yield sound.samplerate, (block.mean(axis=1) for block in blocks)


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
    """A torchaudio resampler from Hz to Hz, computed once per pair of rates."""
    from torchaudio.transforms import Resample

    return Resample(source, target)


def _open(path):
    """An open sound file, or a SoundError."""
    if not os.path.isfile(path):
        raise SoundError(path, "absent")
    if os.path.getsize(path) == 0:
        raise SoundError(path, "zero-length (an empty file)")
    if os.path.splitext(path)[1].lower() in FILM_SUFFIXES:
        try:
            return FilmSound(path)
        except NoSoundError as error:
            raise SoundError(path, str(error)) from error
    with _unreadable(path):
        return soundfile.SoundFile(os.fspath(path))


def _blocks(sound, path, remarks=None):
    """Yields (samples, channels) float32, and makes sure that they are good."""
    n_samples, film = 0, isinstance(sound, FilmSound)
    for block in sound.blocks() if film else _file_blocks(sound, path):
        if not np.isfinite(block).all():
            raise SoundError(path, "unreadable: it holds NaN or infinity")
        n_samples += len(block)
        yield block
    if not n_samples:
        raise SoundError(path, "zero-length (a header without samples)")
    if film:
        remark = sound.remark
    else:
        rate = sound.samplerate
        remark = short_remark(n_samples / rate, sound.frames / rate)
        remark = remark or _riff_remark(path)
    if remark and remarks is not None:
        remarks.append(remark)


def _file_blocks(sound, path):
    """Blocks of a file that soundfile has opened."""
    while True:
        with _unreadable(path):
            block = sound.read(_BLOCK_SAMPLES, "float32", always_2d=True)
        if not len(block):
            return
        yield block


@contextlib.contextmanager
def _unreadable(path):
    """Turns soundfile's errors into a SoundError: one line, no path."""
    try:
        yield
    except (soundfile.SoundFileError, OSError, ValueError) as error:
        text = " ".join(str(error).split()).split("': ", 1)[-1].rstrip(".")
        raise SoundError(path, f"unreadable: {text}") from error


def _riff_remark(path):
    """The remark on a wav file with fewer bytes than its head announces."""
    with open(path, "rb") as file:
        head = file.read(8)
    if head[:4] != b"RIFF":
        return ""
    there, announced = os.path.getsize(path), int.from_bytes(head[4:], "little")
    # The head may count a byte of padding that is not there.
    if announced >= _UNKNOWN_BYTES or there + 1 >= announced + 8:
        return ""
    return f"file is cut off: {there} of {announced + 8} bytes"
