"""What happens to waveforms before and besides the front end (Section 3.1.2).

Peak normalisation of each clip, and the log-mel statistics of many.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import torch


def peak_normalise(waveform):
    """Divide by the largest absolute sample; silence stays silence.

    Arguments
    ---------
    waveform : torch.Tensor
        (..., samples), floating point; each row has a peak of its own.

    Returns
    -------
    torch.Tensor
        Same shape, peaks 1 or 0.

    Raises
    ------
    ValueError
        If a sample is NaN or infinite.

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
    mean : torch.Tensor
        (n_mels,) float64.
    std : torch.Tensor
        (n_mels,) float64, of the population.

    Raises
    ------
    ValueError
        If a clip is not a finite 1-D waveform, or there is no frame at all.

    Example
    -------
    >>> from speechbrain_mmsed.lobes.frontend import LogMelFrontend
    >>> frontend = LogMelFrontend()
    >>> mean, std = compute_statistics(frontend, [torch.randn(32000)])
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
