"""Speech Commands, if the user supplies its MFCCs, and otherwise a synthetic twin: twelve classes, 49x10.

The twin's words are sequences of phones. A voiced phone is a glide of three formants that shape the
harmonics of a voice, an unvoiced one a band of noise; speakers differ in pitch, in the length of their
vocal tract and in speed; pink noise is added. As in the task for microcontrollers [1]_ there are 40 mel
bands from 20 to 4000 Hz, 30 ms frames every 20 ms, and 10 cepstral coefficients of each frame.

.. [1] P. Warden, Speech Commands, arXiv:1804.03209 (2018); C. Banbury et al., MLPerf Tiny Benchmark (2021).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from netsurf.frontend.datasets import sound
from netsurf.frontend.datasets.base import Split
from netsurf.frontend.datasets.generated import synthetic
from netsurf.frontend.datasets.supplied import Supplied, arrays

Floats = NDArray[np.float64]

CLASSES = ("down", "go", "left", "no", "off", "on", "right", "stop", "up", "yes", "silence", "unknown")
FRAMES, COEFFICIENTS, BANDS, LOW_HZ, HIGH_HZ = 49, 10, 40, 20.0, 4000.0
HARMONICS = 40
LINE_HZ = 1 / 0.03
"""Distance of independent spectral lines in a frame of 30 ms."""
SNR_DB = (0.0, 20.0)
BLOCK = 256
"""Words that are made at a time, to bound memory; part of what a seed means."""

VOWELS = {
    "aa": (730, 1090, 2440),
    "ae": (660, 1720, 2410),
    "eh": (530, 1840, 2480),
    "ih": (390, 1990, 2550),
    "iy": (270, 2290, 3010),
    "ow": (500, 900, 2400),
    "uh": (640, 1190, 2390),
    "uw": (300, 870, 2240),
    "m": (280, 1000, 2200),
    "n": (280, 1500, 2500),
    "l": (360, 1000, 2700),
    "r": (420, 1300, 1600),
}
"""Formants in Hz: vowels after Peterson and Barney (1952), sonorants near their usual places."""

NOISES = {"s": (3800, 700), "f": (3000, 2500), "t": (3200, 900), "p": (1200, 900), "d": (2500, 900)}
"""Centre and width in Hz of the noise of unvoiced phones."""

WORDS = {
    "down": ("d", "aa", "uw", "n"),
    "go": ("p", "ow", "uw"),
    "left": ("l", "eh", "f", "t"),
    "no": ("n", "ow", "uw"),
    "off": ("aa", "aa", "f"),
    "on": ("aa", "aa", "n"),
    "right": ("r", "aa", "iy", "t"),
    "stop": ("s", "t", "aa", "p"),
    "up": ("uh", "uh", "p"),
    "yes": ("iy", "eh", "s"),
}

CENTRE = np.array([-35.6, 1.4, 0.2, 0.4, 0.0, 0.5, 0.0, 0.3, 0.2, 0.0])
SPREAD = np.array([7.6, 2.5, 2.2, 1.24, 1.32, 1.1, 1.11, 0.98, 0.91, 0.89])
"""Mean and deviation of each coefficient over the twin, which its samples are standardised by."""


def samples(count: int, seed: int, snr_db: tuple[float, float] = SNR_DB) -> Split:
    """Standardised MFCCs of words: ``x`` float32 (count, 49, 10, 1), ``y`` int64 (count,).

    >>> split = samples(2, seed=0)
    >>> split.x.shape, split.x.dtype.name
    ((2, 49, 10, 1), 'float32')
    """
    random = np.random.default_rng(seed)
    label = random.integers(0, len(CLASSES), count)
    parts = [_coefficients(label[start : start + BLOCK], random, snr_db) for start in range(0, count, BLOCK)]
    scaled = (np.concatenate(parts) - CENTRE) / SPREAD
    return Split(scaled[..., None].astype(np.float32), label)


def _coefficients(
    label: NDArray[np.int64], random: np.random.Generator, snr_db: tuple[float, float]
) -> Floats:
    """Cepstral coefficients of words, relative to the loudest moment of each, ``(words, 49, 10)``."""
    words = [_power(CLASSES[number], random) for number in label]
    power = np.stack(words)
    level = 10 ** (-random.uniform(*snr_db, len(label)) / 10)
    loudest = np.where(power.sum(axis=2).max(axis=1) > 0, power.sum(axis=2).max(axis=1), 1.0)
    width = sound.widths(BANDS, LOW_HZ, HIGH_HZ)
    pink = width / sound.centres(BANDS, LOW_HZ, HIGH_HZ)
    hiss = (level * loudest)[:, None, None] * pink / pink.sum()
    power = power + sound.noise(random, np.broadcast_to(hiss, power.shape), width, LINE_HZ)
    power /= power.sum(axis=2).max(axis=1)[:, None, None]
    return sound.cepstrum(np.log(power + 1e-6), COEFFICIENTS)


def _power(name: str, random: np.random.Generator) -> Floats:
    """Mel powers of a word in silence, ``(49, 40)``."""
    power = np.zeros((FRAMES, BANDS))
    if name == "silence":
        return power
    phones = WORDS.get(name) or _babble(random)
    length = int(random.integers(18, 36))
    start = int(random.integers(0, FRAMES - length + 1))
    power[start : start + length] = _spoken(phones, length, random)
    return power


def _babble(random: np.random.Generator) -> tuple[str, ...]:
    """Phones of a word that is none of the ten."""
    names = (*VOWELS, *NOISES)
    while True:
        phones = tuple(names[i] for i in random.integers(0, len(names), random.integers(2, 5)))
        if phones not in WORDS.values() and set(phones) & set(VOWELS):
            return phones


def _spoken(phones: tuple[str, ...], length: int, random: np.random.Generator) -> Floats:
    """Mel powers of phones one after another, gliding, ``(length, 40)``."""
    parts = random.dirichlet(np.full(len(phones), 12.0))
    middle = np.cumsum(parts) - parts / 2
    time = (np.arange(length) + 0.5) / length
    tract = np.exp(random.normal(0, 0.12))
    own = [VOWELS.get(phone, VOWELS["uh"]) for phone in phones]
    formants = np.array(own) * tract * np.exp(random.normal(0, 0.05, (len(phones), 3)))
    track = np.stack([np.interp(time, middle, formants[:, i]) for i in range(3)], axis=1)
    loudness = np.array([1.0 if phone in VOWELS else 0.0 for phone in phones])
    voice = np.interp(time, middle, loudness) * np.sin(np.pi * time) ** 0.5
    power = voice[:, None] * _voiced(track, random)
    width, at = sound.widths(BANDS, LOW_HZ, HIGH_HZ), sound.centres(BANDS, LOW_HZ, HIGH_HZ)
    for phone, centre, part in zip(phones, middle, parts, strict=True):
        if phone in NOISES:
            hertz, broad = NOISES[phone]
            shape = width * np.exp(-0.5 * ((at - hertz * tract**0.5) / broad) ** 2)
            strength = 0.4 * np.exp(-0.5 * ((time - centre) / (0.5 * part)) ** 2 + random.normal(0, 0.5))
            power += sound.noise(random, strength[:, None] * shape / shape.sum(), width, LINE_HZ)
    return power


def _voiced(formants: Floats, random: np.random.Generator) -> Floats:
    """Mel powers of a voice through three resonances, of total 1 a frame, ``(frames, 40)``."""
    frames = len(formants)
    pitch = random.uniform(90, 250) * (1 + 0.15 * random.uniform(-1, 1) * np.linspace(-1, 1, frames))
    hertz = pitch[:, None] * np.arange(1, HARMONICS + 1)
    gain = np.zeros_like(hertz)
    for number, (height, broad) in enumerate(((1.0, 60.0), (0.35, 90.0), (0.12, 130.0))):
        away = (hertz - formants[:, number, None]) / broad
        gain += height / (1 + away**2)
    power = np.where(hertz < HIGH_HZ, gain * hertz**-0.5, 0)
    bands = sound.tones(hertz, power, BANDS, LOW_HZ, HIGH_HZ)
    return bands / bands.sum(axis=1, keepdims=True)


_raw = arrays(len(CLASSES))


def read(folder: Path) -> tuple[Split, Split]:
    """The real MFCCs of ``data.npz``, each coefficient standardised by the training samples."""
    train, test = _raw(folder)
    if train.x.dtype == np.uint8:
        raise ValueError("train_x is uint8, not floating point")
    mean = train.x.mean(axis=(0, 1), keepdims=True)
    deviation = np.maximum(train.x.std(axis=(0, 1), keepdims=True), np.float32(1e-6))
    scaled = ((split.x - mean) / deviation for split in (train, test))
    return tuple(Split(x, split.y) for x, split in zip(scaled, (train, test), strict=True))


REAL = Supplied(
    name="speech_commands",
    files=("data.npz",),
    origin="Speech Commands v2 (download.tensorflow.org/data/speech_commands_v0.02.tar.gz) as "
    "MFCCs of MLPerf Tiny's keyword_spotting/get_dataset.py, saved as train_x, test_x (n, 49, 10, 1) "
    "and train_y, test_y (n,), "
    f"classes 0 to 11 being {', '.join(CLASSES)}",
    read=read,
    shape=(FRAMES, COEFFICIENTS, 1),
)

DATA = synthetic(
    "speech_commands",
    "1.0",
    samples,
    sizes=(10_000, 2_500),
    calibration=1000,
    what="10 MFCCs of 49 frames of words made of formants and noise, 12 classes",
    supplied=REAL,
)
