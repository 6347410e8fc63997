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
import torch

from speechbrain_mmsed.dataio.media.film_sound import (
    FILM_SUFFIXES,
    FilmSound,
    NoSoundError,
)
from speechbrain_mmsed.dataio.media.sound_remarks import (
    riff_remark,
    short_remark,
)

SOUND_FILE_SUFFIXES = (".wav", ".flac", ".ogg", ".mp3", ".aif", ".aiff")
SOUND_SUFFIXES = SOUND_FILE_SUFFIXES + FILM_SUFFIXES


class SoundError(Exception):
    """A sound file that cannot be used.

    Arguments
    ---------
    path : str
        The file.
    reason : str
        Why, such as "absent", "zero-length", "unreadable: ...".
    """

    def __init__(self, path, reason):
        super().__init__(f"{path}: sound is {reason}")
        self.path = str(path)
        self.reason = reason


@dataclasses.dataclass(frozen=True)
class SoundInfo:
    """What a sound file holds, measured and not taken from its header.

    Arguments
    ---------
    status : str
        "present" or the reason why it cannot be used.
    duration : float
        Seconds.
    sample_rate : int
        Hz.
    channels : int
        Their number.
    silent : bool
        Whether every sample is zero.
    """

    status: str
    duration: float = 0.0
    sample_rate: int = 0
    channels: int = 0
    silent: bool = False


def read_sound(path, sample_rate):
    """Reads a sound file: mixed down to mono, resampled.

    Arguments
    ---------
    path : str or pathlib.Path
        The file.
    sample_rate : int
        Wanted rate in Hz.

    Returns
    -------
    torch.Tensor
        (samples,) float32.

    Raises
    ------
    SoundError
        If it is absent, zero-length, damaged or holds values that are not
        finite; names the file.
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
        (samples,) float32 each, of at most some seconds.

    Raises
    ------
    SoundError
        As `read_sound`, also while the blocks are read.
    """
    with _open(path) as sound:
        blocks = _blocks(sound, path, remarks)
        yield sound.samplerate, (block.mean(axis=1) for block in blocks)


def probe_sound(path):
    """Reads a sound file through and says what it holds.

    Arguments
    ---------
    path : str or pathlib.Path
        The file.

    Returns
    -------
    SoundInfo
        With a reason as `status` where it cannot be used; never raises for
        a bad file.
    """
    try:
        with _open(path) as sound:
            n_samples, silent = 0, True
            for block in _blocks(sound, path):
                n_samples += len(block)
                silent = silent and not block.any()
            return SoundInfo(
                "present",
                n_samples / sound.samplerate,
                sound.samplerate,
                sound.channels,
                silent,
            )
    except SoundError as error:
        return SoundInfo(error.reason)


def _open(path):
    """An open sound file, or a SoundError."""
    import soundfile

    if not os.path.isfile(path):
        raise SoundError(path, "absent")
    if os.path.getsize(path) == 0:
        raise SoundError(path, "zero-length (an empty file)")
    if os.path.splitext(path)[1].lower() in FILM_SUFFIXES:
        try:
            return FilmSound(path)
        except NoSoundError as error:
            raise SoundError(path, str(error)) from error
    try:
        return soundfile.SoundFile(os.fspath(path))
    except (soundfile.SoundFileError, OSError, ValueError) as error:
        raise SoundError(path, f"unreadable: {_text(error)}") from error


def _read_blocks(sound, path, remarks, n_samples=2**18):
    """Yields (samples, channels) float32 blocks of an open file."""
    import soundfile

    if isinstance(sound, FilmSound):
        yield from sound.blocks()
        remarks.append(sound.remark)
        return
    read = 0
    while True:
        try:
            block = sound.read(n_samples, dtype="float32", always_2d=True)
        except (soundfile.SoundFileError, OSError, ValueError) as error:
            raise SoundError(path, f"unreadable: {_text(error)}") from error
        if not len(block):
            break
        read += len(block)
        yield block
    rate = sound.samplerate
    short = short_remark(read / rate, sound.frames / rate)
    remarks.append(short or riff_remark(path))


def _blocks(sound, path, remarks=None):
    """As `_read_blocks`, and makes sure that there are good samples."""
    empty, texts = True, []
    for block in _read_blocks(sound, path, texts):
        if not np.isfinite(block).all():
            raise SoundError(path, "unreadable: it holds NaN or infinity")
        empty = False
        yield block
    if empty:
        raise SoundError(path, "zero-length (a header without samples)")
    if remarks is not None:
        remarks += filter(None, texts)


def _text(error):
    """What a library says, in one line and without the path."""
    text = " ".join(str(error).split())
    return text.split("': ", 1)[-1].rstrip(".")


@functools.lru_cache(maxsize=16)
def resampler(source, target):
    """A resampler; its filter is computed once per pair of rates.

    Arguments
    ---------
    source : int
        Hz.
    target : int
        Hz.

    Returns
    -------
    torchaudio.transforms.Resample
    """
    from torchaudio.transforms import Resample

    return Resample(source, target)
