"""Fashion-MNIST: 60,000 + 10,000 pictures of clothes, 28x28 (Xiao, Rasul, Vollgraf 2017; MIT)."""

from __future__ import annotations

from functools import partial

from netsurf.frontend.datasets import clients
from netsurf.frontend.datasets.base import DataSet
from netsurf.frontend.datasets.cache import Archive
from netsurf.frontend.datasets.mnist import images

_DEBIAN = "dataset-fashion-mnist"

ARCHIVE = Archive(
    name="fashion_mnist",
    digests={
        "train_x": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        "train_y": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        "test_x": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        "test_y": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    },
    sources={
        f"apt-get download {_DEBIAN}": partial(
            clients.apt, package=_DEBIAN, prefix="usr/share/datasets/fashion-mnist"
        ),
        "Keras' download": partial(clients.keras, module="fashion_mnist"),
    },
)

DATA = DataSet(
    name="fashion_mnist",
    training=partial(images, ARCHIVE, "train"),
    test=partial(images, ARCHIVE, "test"),
    calibration=5000,
    source="real",
    provenance="Fashion-MNIST, all 70,000 images, official split; checked by the SHA-256 of the originals",
)
