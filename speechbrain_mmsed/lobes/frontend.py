"""From waveforms to standardised log-mel features (Section 3.1.2).

A module of its own beside the network, with the statistics of the training
data as buffers: checkpointed and exported with them, run once per batch.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import hashlib
import json

import torch
from torch import nn
from torchaudio.transforms import MelSpectrogram

from speechbrain_mmsed.lobes.waveforms import (
    compute_statistics,
    peak_normalise,
)

__all__ = ["LogMelFrontend", "compute_statistics", "peak_normalise"]


class LogMelFrontend(nn.Module):
    """Natural logarithm of a mel magnitude spectrogram, standardised per bin.

    Until `set_statistics` is called, means are 0 and deviations 1.

    Arguments
    ---------
    sample_rate : int
        Hz.
    n_fft : int
        Size of the Fourier transform, in samples.
    win_length : int
        Window length, in samples.
    hop_length : int
        Samples between two frames.
    n_mels : int
        Number of mel bins (HTK scale).
    n_frames : int
        Number of frames kept, from the first on.
    f_min : float
        Lower end of the lowest bin, in Hz.
    f_max : float
        Upper end of the highest bin, in Hz.
    power : float
        1 for magnitudes, 2 for energies.
    floor : float
        Smallest mel value before the logarithm.
    clip_seconds : float
        Length of a clip in seconds: what `forward` takes.

    Example
    -------
    >>> frontend = LogMelFrontend()
    >>> frontend(torch.randn(2, 160000)).shape
    torch.Size([2, 512, 64])
    """

    def __init__(
        self,
        sample_rate=16000,
        n_fft=1024,
        win_length=1024,
        hop_length=313,
        n_mels=64,
        n_frames=512,
        f_min=0.0,
        f_max=8000.0,
        power=1.0,
        floor=1e-5,
        clip_seconds=10.0,
    ):
        super().__init__()
        self._settings = {
            "sample_rate": int(sample_rate),
            "n_fft": int(n_fft),
            "win_length": int(win_length),
            "hop_length": int(hop_length),
            "n_mels": int(n_mels),
            "n_frames": int(n_frames),
            "f_min": float(f_min),
            "f_max": float(f_max),
            "power": float(power),
            "floor": float(floor),
            "clip_seconds": float(clip_seconds),
        }
        self.n_samples = round(sample_rate * clip_seconds)
        self.n_frames = n_frames
        self.n_mels = n_mels
        self.hop_length = hop_length
        self.floor = floor
        if 1 + self.n_samples // hop_length < n_frames:
            raise ValueError(
                f"{clip_seconds} s give {1 + self.n_samples // hop_length} "
                f"frames, fewer than n_frames = {n_frames}"
            )
        if floor <= 0:
            raise ValueError(f"floor is {floor}, expected a number above 0")
        self.spectrogram = MelSpectrogram(
            sample_rate=sample_rate,
            n_fft=n_fft,
            win_length=win_length,
            hop_length=hop_length,
            f_min=f_min,
            f_max=f_max,
            n_mels=n_mels,
            power=power,
        )
        self.register_buffer("mean", torch.zeros(n_mels))
        self.register_buffer("std", torch.ones(n_mels))

    def forward(self, waveforms):
        """Standardised log-mel features of clips of the full length.

        Arguments
        ---------
        waveforms : torch.Tensor
            (B, n_samples), peak-normalised, zero-padded or cut.

        Returns
        -------
        torch.Tensor
            (B, n_frames, n_mels).

        Raises
        ------
        ValueError
            If the waveforms have another length.
        """
        return self.standardise(self.log_mel(waveforms))

    def log_mel(self, waveforms):
        """Log-mel features before standardisation.

        Arguments
        ---------
        waveforms : torch.Tensor
            (B, n_samples).

        Returns
        -------
        torch.Tensor
            (B, n_frames, n_mels), natural logarithm, float32.

        Raises
        ------
        ValueError
            If the waveforms have another length.
        """
        if waveforms.dim() != 2 or waveforms.shape[1] != self.n_samples:
            raise ValueError(
                f"waveforms have shape {tuple(waveforms.shape)}, expected "
                f"(batch, {self.n_samples}): pad with zeros or cut"
            )
        # Half precision would spoil the smallest mel values.
        with torch.autocast(waveforms.device.type, enabled=False):
            mel = self.spectrogram(waveforms.float())[..., : self.n_frames]
            return mel.clamp(min=self.floor).log().transpose(1, 2)

    def standardise(self, log_mel):
        """Subtract each bin's mean, divide by its deviation.

        Arguments
        ---------
        log_mel : torch.Tensor
            (..., n_mels), from `log_mel`.

        Returns
        -------
        torch.Tensor
            Same shape.
        """
        if log_mel.shape[-1] != self.n_mels:
            raise ValueError(
                f"log-mel has {log_mel.shape[-1]} bins, expected {self.n_mels}"
            )
        return (log_mel - self.mean) / self.std

    def set_statistics(self, mean, std):
        """Store the training data's mean and deviation of each bin.

        A bin that never changes (deviation 0, for example above the
        bandwidth of all recordings) gets the deviation 1, so that it is
        shifted to 0 but not blown up.

        Arguments
        ---------
        mean : torch.Tensor
            (n_mels,).
        std : torch.Tensor
            (n_mels,), not negative.

        Raises
        ------
        ValueError
            If shapes differ, or a value is not finite or negative.
        """
        mean = torch.as_tensor(mean)
        std = torch.as_tensor(std)
        for name, x in (("mean", mean), ("std", std)):
            if tuple(x.shape) != (self.n_mels,):
                raise ValueError(
                    f"{name} has shape {tuple(x.shape)}, expected "
                    f"({self.n_mels},): one value per mel bin"
                )
            if not bool(torch.isfinite(x).all()):
                raise ValueError(f"{name} has values that are not finite: {x}")
        if bool((std < 0).any()):
            raise ValueError(f"std has negative values: {std}")
        std = torch.where(std < 1e-4, torch.ones_like(std), std)
        self.mean.copy_(mean)
        self.std.copy_(std)

    def fit(self, waveform):
        """Pad a waveform with zeros, or cut it, to the clip's length.

        Arguments
        ---------
        waveform : torch.Tensor
            (..., samples).

        Returns
        -------
        torch.Tensor
            (..., n_samples).
        """
        missing = self.n_samples - waveform.shape[-1]
        if missing <= 0:
            return waveform[..., : self.n_samples]
        return nn.functional.pad(waveform, (0, missing))

    def settings(self):
        """Settings that change the unstandardised features.

        Returns
        -------
        dict
            Name to number.
        """
        return dict(self._settings)

    def key(self):
        """Short hash of the settings, by which a cache knows its owner.

        Returns
        -------
        str
            12 hexadecimal digits.
        """
        text = json.dumps(self._settings, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]
