"""Synthetic sounds, from which recipes build corpora.

Ten kinds of sound that a small network tells apart, so that a whole system
can be tried and tested without a download. `synthetic_film.py` has a picture
for each kind. What a kind stands for is the recipe's matter.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import numpy as np

N_KINDS = 10
SAMPLE_RATE = 16000
_EDGE_SECONDS = 0.005


def _normalised(wave):
    """The wave at unit root mean square."""
    return wave / (np.sqrt(np.sum(wave**2) / max(len(wave), 1)) + 1e-12)


def _band_noise(n, low, high, rng):
    """Noise between two frequencies, unit root mean square."""
    size = 1 << max(n - 1, 1).bit_length()  # a prime n makes the FFT slow
    spectrum = np.fft.rfft(rng.standard_normal(size))
    frequency = np.fft.rfftfreq(size, 1 / SAMPLE_RATE)
    spectrum[(frequency < low) | (frequency > high)] = 0
    return _normalised(np.fft.irfft(spectrum, size)[:n])


def _glide(frequency):
    """Sine whose frequency in Hz is given for every sample."""
    return np.sin(2 * np.pi * np.cumsum(frequency) / SAMPLE_RATE)


def _two_tones(t, pitch, rng):
    high = (t * 5 + rng.random()) % 1 < 0.5
    return _glide(pitch * np.where(high, 2900.0, 2200.0))


def _low_harmonics(t, pitch, rng):
    wave = sum(
        np.sin(2 * np.pi * 110 * pitch * k * t + rng.uniform(0, 6.28))
        for k in range(1, 11)
    )
    return wave * (1 + 0.5 * np.sin(2 * np.pi * 25 * t))


def _slow_fm(t, pitch, rng):
    swing = np.sin(2 * np.pi * (2.5 * t + rng.random()))
    frequency = pitch * (750 + 250 * swing)
    return _glide(frequency) + 0.5 * _glide(2 * frequency)


def _clicks(t, pitch, rng):
    since = (t + rng.uniform(0, 0.1)) % 0.1
    ring = np.sin(2 * np.pi * 5200 * pitch * since)
    hiss = _band_noise(len(t), 4700, 6200, rng)
    return np.exp(-since / 0.025) * (ring + 0.5 * hiss)


def _barks(t, pitch, rng):
    since = (t + rng.uniform(0, 0.17)) % 0.17
    frequency = pitch * (550 - 1900 * since)
    rough = _band_noise(len(t), 200, 650, rng)
    return np.exp(-since / 0.06) * (_glide(frequency) + rough)


def _high_buzz(t, pitch, rng):
    noise = _band_noise(len(t), 6600 * pitch, 7300 * pitch, rng)
    return noise * (0.3 + ((t * 60) % 1 < 0.5))


def _crackling_noise(t, pitch, rng):
    noise = _band_noise(len(t), 3300 * pitch, 4500 * pitch, rng)
    return noise * (1 + 0.6 * np.sin(2 * np.pi * 9 * t + rng.uniform(0, 6.28)))


def _rising_chirps(t, pitch, rng):
    since = (t + rng.uniform(0, 0.25)) % 0.25
    return _glide(pitch * (1200 + 10000 * since))


def _syllables(t, pitch, rng):
    formant = 700 + 350 * np.sin(2 * np.pi * (3 * t + rng.random()))
    frequency = pitch * (200 + 15 * np.sin(2 * np.pi * 4 * t))
    turn = np.exp(2j * np.pi * np.cumsum(frequency) / SAMPLE_RATE)
    harmonic, wave = np.ones(len(t), complex), np.zeros(len(t))
    for k in range(1, 15):
        harmonic *= turn  # cheaper than a sine for each
        near = np.exp(-(((200 * k - formant) / 250) ** 2))
        second = 0.7 * np.exp(-(((200 * k - 2500) / 250) ** 2))
        wave += (near + second) * harmonic.imag
    return wave * (0.55 + 0.45 * np.sin(2 * np.pi * 6 * t))


def _steady_roar(t, pitch, rng):
    hiss = _band_noise(len(t), 1200, 1900, rng)
    return hiss + np.sin(2 * np.pi * 1500 * pitch * t)


_SOUNDS = (
    _two_tones,
    _low_harmonics,
    _slow_fm,
    _clicks,
    _barks,
    _high_buzz,
    _crackling_noise,
    _rising_chirps,
    _syllables,
    _steady_roar,
)


def make_sound(kind, n_samples, rng):
    """A sound of one kind (0 to 9) with sharp edges, at unit mean square.

    Pitch (4 %) and phases vary with every draw. Gives (n_samples,) float64.

    Example
    -------
    >>> make_sound(2, 8000, np.random.default_rng(0)).shape
    (8000,)
    """
    check_kind(kind)
    t = np.arange(n_samples) / SAMPLE_RATE
    pitch = rng.uniform(0.96, 1.04)
    wave = _normalised(_SOUNDS[kind](t, pitch, rng))
    edge = min(int(_EDGE_SECONDS * SAMPLE_RATE), n_samples // 2)
    ramp = np.linspace(0, 1, edge)
    wave[:edge] *= ramp
    wave[n_samples - edge :] *= ramp[::-1]
    return wave


def mix_sounds(events, n_samples, rng):
    """A clip: sounds at their times over low background noise.

    `events` are (onset, offset, kind) in seconds, cut at the clip's end;
    level (within 8 dB) and pitch vary. Gives (n_samples,) int16.

    Example
    -------
    >>> mix_sounds([(0.5, 1.5, 3)], 32000, np.random.default_rng(0)).shape
    (32000,)
    """
    clip = 0.002 * rng.standard_normal(n_samples)
    for onset, offset, kind in events:
        first = round(onset * SAMPLE_RATE)
        last = min(round(offset * SAMPLE_RATE), n_samples)
        level = 0.1 * 10 ** (rng.uniform(-8, 0) / 20)
        clip[first:last] += level * make_sound(kind, last - first, rng)
    return np.round(np.clip(clip, -1, 1) * 32767).astype(np.int16)


def check_kind(kind):
    """Refuse a number that is no kind of sound or picture."""
    if not 0 <= kind < N_KINDS:
        raise ValueError(f"Kinds are 0 to {N_KINDS - 1}, not {kind}.")
