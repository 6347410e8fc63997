"""What follows from sample rate, clip length, hop and mel bins.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import collections
import math

from speechbrain_mmsed.dataio.corpus.preparation_report import PrepareError

WINDOW_SECONDS = 0.064  # of the paper: 1024 samples at 16 kHz
TIME_POOLING = 8  # of the convolutional feature extractor
N_STACKS = 7
LOWEST_RATE, SHORTEST_CLIP = 8000, 1.0


def derived_sizes(sample_rate, clip_seconds, hop_seconds, n_mels):
    """Keys of the training's yaml that follow from four settings.

    Arguments
    ---------
    sample_rate : int
        Hz, 8000 or more.
    clip_seconds : float
        1 or more.
    hop_seconds : float
        Between two log-mel frames, of which eight give one output.
    n_mels : int
        Mel bins, up to half the sample rate.

    Returns
    -------
    dict
        Of the yaml: top-level keys, frontend and extractor.

    Example
    -------
    >>> sizes = derived_sizes(16000, 10.0, 313 / 16000, 64)
    >>> sizes["hop_length"], sizes["n_frames"], sizes["frontend"]["n_fft"]
    (313, 64, 1024)
    """
    if sample_rate < LOWEST_RATE or clip_seconds < SHORTEST_CLIP:
        raise PrepareError(
            f"sample_rate is {sample_rate} and clip_seconds {clip_seconds}, "
            f"expected {LOWEST_RATE} Hz and {SHORTEST_CLIP:g} s or more."
        )
    hop_length = round(hop_seconds * sample_rate)
    n_frames = math.ceil(
        round(sample_rate * clip_seconds) / max(1, TIME_POOLING * hop_length)
    )
    if hop_length < 1 or n_frames < 4:
        most = clip_seconds / (4 * TIME_POOLING)
        raise PrepareError(
            f"hop_seconds is {hop_seconds}, expected {1 / sample_rate:.6f} to "
            f"{most:.4f}: four outputs a clip at least."
        )
    win_length = round(WINDOW_SECONDS * sample_rate)
    f_max = sample_rate / 2
    n_fft = 2 ** math.ceil(math.log2(win_length))
    while sample_rate / n_fft > 2 * _narrowest(f_max, n_mels):
        n_fft *= 2  # or a mel bin would hold no frequency at all
    return {
        "sample_rate": sample_rate,
        "clip_seconds": clip_seconds,
        "n_mels": n_mels,
        "hop_length": hop_length,
        "n_frames": n_frames,
        "frontend": {"n_fft": n_fft, "win_length": win_length, "f_max": f_max},
        "extractor": {"poolings": poolings(n_mels)},
    }


def default_sample_rate(rates):
    """The rate of most recordings, from 8 to 16 kHz."""
    (most, _), *_ = collections.Counter(rates).most_common(1)
    return min(max(most, LOWEST_RATE), 16000)


def default_clip_seconds(durations):
    """The length of the longest recording, from 1 to 10 s."""
    return min(max(round(max(durations), 1), SHORTEST_CLIP), 10.0)


def poolings(n_mels):
    """(time, frequency) poolings of the stacks that end at one mel bin.

    Example
    -------
    >>> [frequency for _, frequency in poolings(96)]
    [2, 2, 2, 2, 2, 3, 1]
    """
    factors, rest, factor = [], n_mels, 2
    while rest > 1:
        if rest % factor:
            factor += 1
        else:
            factors.append(factor)
            rest //= factor
    while len(factors) > N_STACKS:
        smallest, second, *others = sorted(factors)
        factors = [smallest * second, *others]
    factors = sorted(factors) + [1] * (N_STACKS - len(factors))
    return [[2 if k < 3 else 1, f] for k, f in enumerate(factors)]


def _narrowest(f_max, n_mels):
    """Distance in Hz of the two lowest centres on the HTK mel scale."""
    step = 2595 * math.log10(1 + f_max / 700) / (n_mels + 1)
    return 700 * (10 ** (step / 2595) - 1)
