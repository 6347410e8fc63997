"""Number format of an image network: fast where that is harmless.

bfloat16 halves the time where a device computes in it, and is ten times
slower where a processor only emulates it. Most networks bear it; in some, of
which EfficientNet is one, small differences of large numbers matter. So it is
measured on pictures made for it, with the weights that are to be used.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import numpy as np
import torch

PRECISIONS = ("auto", "fp32", "bf16")

# Smallest cosine on the test pictures with which bfloat16 is chosen: half of
# the deviation that is allowed on films (0.999). Networks that bear it are
# ten times better, EfficientNet-Lite0 is ten times worse.
MIN_COSINE = 0.9995
SIDE = 256


def has_bf16(device):
    """Whether a device computes in bfloat16 and does not only emulate it.

    Arguments
    ---------
    device : str
        "cpu", "cuda", ...

    Returns
    -------
    native : bool

    Example
    -------
    >>> has_bf16("cpu") in (True, False)
    True
    """
    if torch.device(device).type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.ops.mkldnn._is_mkldnn_bf16_supported()


def choose_precision(precision, embed, device="cpu", bf16_accurate=None):
    """Number format to compute in.

    Arguments
    ---------
    precision : str
        "fp32", "bf16", or "auto": bf16 where the device computes in it and
        the network bears it.
    embed : callable
        (pictures, precision) -> (N, D) features, with pictures as decoded;
        asked only if it has to be measured what the network bears.
    device : str
        "cpu", "cuda", ...
    bf16_accurate : bool or None
        What is known of the network; None: measure.

    Returns
    -------
    precision : str
        "fp32" or "bf16".

    Example
    -------
    >>> choose_precision("fp32", None), choose_precision("bf16", None)
    ('fp32', 'bf16')
    """
    if precision not in PRECISIONS:
        raise ValueError(
            f"precision must be one of {PRECISIONS}, not {precision!r}"
        )
    if precision != "auto":
        return precision
    if bf16_accurate is False or not has_bf16(device):
        return "fp32"
    if bf16_accurate is None:
        pictures = check_pictures()
        exact, half = (embed(pictures, p) for p in ("fp32", "bf16"))
        bf16_accurate = cosines(exact, half).min() >= MIN_COSINE
    return "bf16" if bf16_accurate else "fp32"


def cosines(a, b):
    """Cosine of each pair of rows.

    Arguments
    ---------
    a, b : np.ndarray
        (N, D).

    Returns
    -------
    cosine : np.ndarray
        (N,); 0 where one of the two is all zeros, 1 where both are.

    Example
    -------
    >>> cosines(np.array([[3.0, 0.0]]), np.array([[1.0, 0.0]])).tolist()
    [1.0]
    """
    norms = np.linalg.norm(a, axis=1), np.linalg.norm(b, axis=1)
    cosine = (a * b).sum(1) / np.maximum(norms[0] * norms[1], 1e-12)
    return np.where((norms[0] == 0) & (norms[1] == 0), 1.0, cosine)


def check_pictures(seed=0):
    """A black picture, and noise whose spectrum is more or less steep.

    Photographs lie between: their amplitudes fall about as one over the
    frequency.

    Arguments
    ---------
    seed : int
        Of the noise.

    Returns
    -------
    pictures : np.ndarray
        (4, 256, 256, 3) uint8.

    Example
    -------
    >>> check_pictures().shape
    (4, 256, 256, 3)
    """
    rng = np.random.default_rng(seed)
    along = np.fft.fftfreq(SIDE)
    frequency = np.hypot(along[:, None], along)
    frequency[0, 0] = 1.0 / SIDE
    pictures = [np.zeros((SIDE, SIDE, 3), np.uint8)]
    for power in (0.5, 1.0, 1.5):
        noise = rng.standard_normal((3, SIDE, SIDE))
        noise[1:] = 0.7 * noise[0] + 0.3 * noise[1:]  # colours go together
        smooth = np.fft.ifft2(np.fft.fft2(noise) / frequency**power).real
        smooth = 127.0 + 60.0 * (smooth - smooth.mean()) / smooth.std()
        smooth = np.clip(smooth, 0, 255).astype(np.uint8)
        pictures.append(smooth.transpose(1, 2, 0))
    return np.stack(pictures)
