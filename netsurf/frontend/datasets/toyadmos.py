"""A machine's sound, for an autoencoder that is to notice faults: a synthetic twin of ToyADMOS' toy car.

A motor at 20 to 35 turns a second with its harmonics, the mesh of a gear with sidebands, and noise through
a room. A sample is 5 frames of 64 log-mel bands, 320 numbers, and the network is to return it. It learns
from sound machines only; half of the clips that it is tested with have one of four faults, and the mean
squared error tells them apart as well as it can (area under the ROC curve over clips).

ToyADMOS: Y. Koizumi et al., WASPAA 2019; the task is MLPerf Tiny's.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from netsurf.frontend.datasets import sound
from netsurf.frontend.datasets.base import Split
from netsurf.frontend.datasets.generated import synthetic
from netsurf.frontend.datasets.supplied import Supplied

Floats = NDArray[np.float64]

BANDS, LOW_HZ, HIGH_HZ = 64, 20.0, 8000.0
CONTEXT = 5
"""Frames of a sample."""
FRAMES, HOP_S = 200, 0.032
LINE_HZ = 1 / 0.064
STRIDE = 4
"""Frames from a sample to the next; there are 49 samples a clip."""
SAMPLES = len(range(0, FRAMES - CONTEXT + 1, STRIDE))

FAULTS = ("sideband", "tooth", "squeal", "harmonic")
"""A defect that modulates the gear, a tooth that is missing, a dry bearing, a winding that is open."""
STRENGTH = 1.2
"""How loud faults are; 0 makes none."""

CENTRE_DB, SPREAD_DB = -21.0, 10.0
"""What samples are standardised by: nearly the mean and deviation of the levels."""


def healthy(count: int, seed: int) -> Split:
    """Samples of machines without a fault, ``x`` float32 (count, 320), which is the target too.

    >>> split = healthy(3, seed=0)
    >>> split.x.shape, split.y is split.x, bool(split.anomaly.any())
    ((3, 320), True, False)
    """
    return _samples(count, np.random.default_rng(seed), strength=0.0)


def mixed(count: int, seed: int, strength: float = STRENGTH) -> Split:
    """Samples of which every other clip has a fault; ``anomaly`` says which, ``group`` is the clip."""
    return _samples(count, np.random.default_rng(seed), strength)


def _samples(count: int, random: np.random.Generator, strength: float) -> Split:
    clips = -(-count // SAMPLES)
    faulty = (np.arange(clips) % 2 == 1) & (strength > 0)
    parts = []
    for clip in range(clips):
        fault = str(random.choice(FAULTS)) if faulty[clip] else ""
        level = (10 * np.log10(_clip(random, fault, strength)) - CENTRE_DB) / SPREAD_DB
        views = np.lib.stride_tricks.sliding_window_view(level, CONTEXT, axis=0)[::STRIDE]
        parts.append(views.transpose(0, 2, 1).reshape(SAMPLES, -1).astype(np.float32))
    x = np.concatenate(parts)[:count]
    clip = np.repeat(np.arange(clips), SAMPLES)[:count]
    return Split(x, x, anomaly=faulty[clip], group=clip)


def _clip(random: np.random.Generator, fault: str, strength: float) -> Floats:
    """Mel powers of one recording, ``(200, 64)``."""
    turns = random.uniform(20, 35) * (1 + 0.02 * _wander(random))
    amplitude = 10 ** (random.normal(0, 2.0, 30) / 10) / np.arange(1, 31)
    if fault == "harmonic":
        amplitude[random.integers(0, 4)] *= 10 ** (-2.5 * strength)
        amplitude[random.integers(6, 14)] *= 10 ** (1.2 * strength)
    motor = turns[:, None] * np.arange(1, 31)
    mesh = turns[:, None] * 23 * np.arange(1, 5)
    gear = np.tile(0.5 * 10 ** (random.normal(0, 2.0, 4) / 10) / np.arange(1, 5), (FRAMES, 1))
    if fault == "tooth":  # once a turn, which beats with the frames
        phase = 2 * np.pi * np.cumsum(turns) * HOP_S
        gear = gear * (1 + 2.5 * strength * np.maximum(np.sin(phase), 0)[:, None] ** 2)
    hertz, power = [motor, mesh], [np.tile(amplitude, (FRAMES, 1)), gear]
    if fault == "sideband":
        apart = random.uniform(3.0, 7.0) * turns[:, None]
        hertz += [mesh - apart, mesh + apart]
        power += [gear * 0.6 * strength] * 2
    bands = sound.tones(np.concatenate(hertz, axis=1), np.concatenate(power, axis=1), BANDS, LOW_HZ, HIGH_HZ)
    if fault == "squeal":
        bands += _squeal(random, strength)
    return _heard(bands, random)


def _wander(random: np.random.Generator) -> Floats:
    """A slow drift in [-1, 1] over the frames of a clip."""
    time = np.linspace(0, 2 * np.pi, FRAMES)
    return np.sin(time * random.uniform(0.3, 1.5) + random.uniform(0, 2 * np.pi))


def _squeal(random: np.random.Generator, strength: float) -> Floats:
    """A tone between 3 and 6 kHz that comes and goes."""
    pitch = random.uniform(3000, 6000) * (1 + 0.03 * _wander(random))
    loud = 0.02 * strength * np.maximum(_wander(random), 0)
    return sound.tones(pitch[:, None], loud[:, None], BANDS, LOW_HZ, HIGH_HZ)


def _heard(bands: Floats, random: np.random.Generator) -> Floats:
    """Through a room and with its noise: smooth gains that differ by clip, and a 1/f floor."""
    width, at = sound.widths(BANDS, LOW_HZ, HIGH_HZ), sound.centres(BANDS, LOW_HZ, HIGH_HZ)
    ripple = np.cos(np.outer(np.linspace(0, np.pi, BANDS), np.arange(1, 7))) @ random.normal(0, 1.0, 6)
    floor = 0.03 * 10 ** (random.normal(0, 1.5) / 10) * width / at
    quiver = 10 ** (random.normal(0, 0.5, bands.shape) / 10)
    return 10 ** (ripple / 10) * bands * quiver + sound.noise(
        random, np.broadcast_to(floor, bands.shape), width, LINE_HZ
    )


def read(folder: Path) -> tuple[Split, Split]:
    """The real samples of ``data.npz``, standardised by the mean and deviation of those to train."""
    with np.load(folder / "data.npz", allow_pickle=False) as archive:
        train, test = (archive[f"{half}_x"].astype(np.float32) for half in ("train", "test"))
        faulty, clip = archive["test_anomaly"].astype(bool), archive["test_group"].astype(np.int64)
    if not len(test) == len(faulty) == len(clip):
        raise ValueError("test_x, test_anomaly and test_group differ in length")
    mean, deviation = train.mean(), max(float(train.std()), 1e-6)
    train, test = (train - mean) / deviation, (test - mean) / deviation
    return Split(train, train, np.zeros(len(train), bool)), Split(test, test, faulty, clip)


REAL = Supplied(
    name="toyadmos",
    files=("data.npz",),
    origin="ToyADMOS' toy car (zenodo.org/records/3678171) as 5 frames of 64 log-mel bands: train_x, "
    "test_x (n, 320), test_anomaly (n,), 1 with a fault, and test_group (n,), the clip's number",
    read=read,
    shape=(CONTEXT * BANDS,),
)

DATA = synthetic(
    "toyadmos",
    "1.0",
    healthy,
    sizes=(300 * SAMPLES, 120 * SAMPLES),
    calibration=30 * SAMPLES,
    what="5 frames of 64 log-mel bands of a geared motor, clips with a fault among those to test",
    make_test=mixed,
    supplied=REAL,
)
