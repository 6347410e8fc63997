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


class LogMelFrontend(nn.Module):
    """Natural logarithm of a mel magnitude spectrogram, standardised per bin.

    Until `set_statistics` is called, means are 0 and deviations 1.

    Arguments
    ---------
    sample_rate : int
        Hz.
    n_fft, win_length, hop_length : int
        Sizes of the Fourier transform, the window and the hop, in samples.
    n_mels : int
        Number of mel bins (HTK scale).
    n_frames : int
        Number of frames kept, from the first on; silence follows a clip that
        has fewer, so that any number can be divided by poolings.
    f_min, f_max : float
        Lower end of the lowest and upper end of the highest bin, in Hz; the
        latter is at most half the sample rate.
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
        f_max = min(f_max, sample_rate / 2)
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
        self._missing = max(0, (n_frames - 1) * hop_length - self.n_samples)
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
        """
        return self.standardise(self.log_mel(waveforms))

    def log_mel(self, waveforms):
        """Features (B, n_frames, n_mels), float32, before standardisation."""
        if waveforms.dim() != 2 or waveforms.shape[1] != self.n_samples:
            raise ValueError(
                f"waveforms have shape {tuple(waveforms.shape)}, expected "
                f"(batch, {self.n_samples}): pad with zeros or cut"
            )
        waveforms = nn.functional.pad(waveforms, (0, self._missing))
        # Half precision would spoil the smallest mel values.
        with torch.autocast(waveforms.device.type, enabled=False):
            mel = self.spectrogram(waveforms.float())[..., : self.n_frames]
            return mel.clamp(min=self.floor).log().transpose(1, 2)

    def standardise(self, log_mel):
        """Subtract each bin's mean, divide by its deviation: (..., n_mels)."""
        if log_mel.shape[-1] != self.n_mels:
            raise ValueError(
                f"log-mel has {log_mel.shape[-1]} bins, expected {self.n_mels}"
            )
        return (log_mel - self.mean) / self.std

    def set_statistics(self, mean, std):
        """Store the training data's mean and deviation of each bin, (n_mels,).

        A bin that never changes (deviation 0, for example above the
        bandwidth of all recordings) gets the deviation 1, so that it is
        shifted to 0 but not blown up.
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
        """Pad a waveform (..., samples) with zeros, or cut it, to a clip."""
        missing = self.n_samples - waveform.shape[-1]
        if missing <= 0:
            return waveform[..., : self.n_samples]
        return nn.functional.pad(waveform, (0, missing))

    def settings(self):
        """Settings that change the unstandardised features, a dict."""
        return dict(self._settings)

    def key(self):
        """Short hash of the settings, by which a cache knows its owner."""
        text = json.dumps(self._settings, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]


def peak_normalise(waveform):
    """Divide (..., samples) by the largest absolute sample of each row.

    Silence stays silence; NaN or infinite samples are a ValueError.

    Example
    -------
    >>> peak_normalise(torch.tensor([0.1, -0.2]))
    tensor([ 0.5000, -1.0000])
    """
    if waveform.shape[-1] == 0:
        return waveform
    peak = waveform.abs().amax(dim=-1, keepdim=True)
    if not bool(torch.isfinite(peak).all()):
        raise ValueError(
            "waveform has NaN or infinite samples: the recording is damaged"
        )
    return waveform / torch.where(peak > 0, peak, torch.ones_like(peak))


def compute_statistics(frontend, clips):
    """Mean and deviation of each log-mel bin over unpadded frames.

    A clip counts with the frames whose centre lies inside its sound.

    Arguments
    ---------
    frontend : LogMelFrontend
        Computes the features; its own statistics are not used or changed.
    clips : iterable of torch.Tensor
        (samples,) waveforms, peak-normalised, not padded; longer ones are
        cut to the clip's length as in training.

    Returns
    -------
    mean, std : torch.Tensor
        (n_mels,) float64, the deviation that of the population.

    Example
    -------
    >>> mean, std = compute_statistics(LogMelFrontend(), [torch.randn(32000)])
    >>> mean.shape, std.shape
    (torch.Size([64]), torch.Size([64]))
    """
    count = 0
    mean = torch.zeros(frontend.n_mels, dtype=torch.float64)
    spread = torch.zeros(frontend.n_mels, dtype=torch.float64)
    for number, clip in enumerate(clips):
        clip = torch.as_tensor(clip)
        if clip.dim() != 1:
            raise ValueError(
                f"clip {number} has shape {tuple(clip.shape)}, expected "
                "(samples,)"
            )
        samples = min(clip.shape[0], frontend.n_samples)
        n_frames = min(-(-samples // frontend.hop_length), frontend.n_frames)
        if n_frames == 0:
            continue
        with torch.no_grad():
            batch = frontend.fit(clip)[None].to(frontend.mean.device)
            frames = frontend.log_mel(batch)[0, :n_frames].double().cpu()
        if not bool(torch.isfinite(frames).all()):
            raise ValueError(f"clip {number} has NaN or infinite samples")
        # Means and spreads are merged clip by clip: sums of squares would
        # lose digits over a whole corpus.
        clip_mean = frames.mean(dim=0)
        shift = clip_mean - mean
        total = count + n_frames
        spread += (frames - clip_mean).square().sum(dim=0)
        spread += shift.square() * (count * n_frames / total)
        mean += shift * (n_frames / total)
        count = total
    if count == 0:
        raise ValueError("no frames to compute statistics from: no clip given")
    return mean, (spread / count).sqrt()
