"""Sound as mel spectra, without making a sound: what tones and noise leave in each mel band.

A tone of power ``p`` at ``f`` Hz adds ``p`` to the two mel bands about ``f``, shared as the triangular
filters share it; noise adds a Gamma-distributed power whose shape is half the number of independent
spectral lines in the band, as the power spectrum of Gaussian noise does.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def mel(hertz: Floats | float) -> Floats:
    """``2595 log10(1 + f / 700)``, the pitch that is heard.

    >>> round(float(mel(1000.0)))
    1000
    """
    return 2595 * np.log10(1 + np.asarray(hertz) / 700)


def centres(bands: int, low: float, high: float) -> Floats:
    """Centre of each band in Hz, evenly spaced in mel between ``low`` and ``high``."""
    at = np.linspace(mel(low), mel(high), bands + 2)[1:-1]
    return 700 * (10 ** (at / 2595) - 1)


def widths(bands: int, low: float, high: float) -> Floats:
    """Width of each band in Hz, half of its filter's base."""
    edges = np.linspace(mel(low), mel(high), bands + 2)
    hertz = 700 * (10 ** (edges / 2595) - 1)
    return (hertz[2:] - hertz[:-2]) / 2


def tones(hertz: Floats, power: Floats, bands: int, low: float, high: float) -> Floats:
    """Mel powers of tones: ``(frames, tones)`` frequencies and powers to ``(frames, bands)``.

    >>> tones(np.array([[1000.0]]), np.array([[2.0]]), 40, 20.0, 4000.0).sum().round(6)
    2.0
    """
    step = (mel(high) - mel(low)) / (bands + 1)
    place = (mel(hertz) - mel(low)) / step - 1
    below = np.floor(place).astype(np.int64)
    part = place - below
    frames = len(hertz)
    row = np.arange(frames)[:, None] * (bands + 2)
    total = np.zeros(frames * (bands + 2))
    for band, share in ((below, 1 - part), (below + 1, part)):
        where = row + np.clip(band + 1, 0, bands + 1)
        total += np.bincount(where.ravel(), (share * power).ravel(), len(total))
    return total.reshape(frames, bands + 2)[:, 1:-1]


def noise(random: np.random.Generator, mean: Floats, width: Floats, line_hz: float) -> Floats:
    """Powers of Gaussian noise, of expectation ``mean (…, bands)``; ``line_hz`` parts spectral lines."""
    shape = np.maximum(width / line_hz, 1.0)
    return mean * random.gamma(np.broadcast_to(shape, mean.shape)) / shape


def cepstrum(log_mel: Floats, coefficients: int) -> Floats:
    """Orthonormal DCT-II along the bands, its first ``coefficients``."""
    from scipy.fft import dct

    return dct(log_mel, type=2, norm="ortho", axis=-1)[..., :coefficients]
