"""What the injector costs on mnist_fnn and 10,000 images. Figures, not assertions on time.

``pytest tests/perf/test_inject_speed.py --benchmark-only`` prints them; what is asserted is that the work
was done. The images are those of the benchmark where they can be had, made-up strokes where not.
"""

import numpy as np
import pytest

from netsurf.fault import bernoulli
from netsurf.harden import DesignPoint
from netsurf.inject import Models, exhaustive, witness
from netsurf.ir import execute, load
from netsurf.paths import benchmarks

pytestmark = pytest.mark.slow

SAMPLES = 10_000


def strokes(count: int, seed: int) -> np.ndarray:
    """Images of 28 x 28 of which a fifth of the pixels is not black, three strokes each."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:28, :28]
    images = np.zeros((count, 28, 28))
    for image in images:
        for _ in range(3):
            (cy, cx), angle = rng.uniform(8, 20, 2), rng.uniform(0, np.pi)
            across = np.abs((y - cy) * np.cos(angle) + (x - cx) * np.sin(angle))
            along = np.abs((y - cy) * np.sin(angle) - (x - cx) * np.cos(angle))
            np.maximum(image, np.clip(2.2 - across, 0, 1) * (along < 7), out=image)
    return np.round(images * 255).astype(np.int64).reshape(count, -1)


@pytest.fixture(scope="module")
def task():
    """The trained network, images, and its own decisions as labels with one in twenty wrong."""
    network = load(benchmarks() / "mnist_fnn")
    x = strokes(SAMPLES, 1)
    labels = execute(network, x).argmax(1)
    rng = np.random.default_rng(2)
    wrong = rng.random(SAMPLES) < 0.05
    labels[wrong] = rng.integers(10, size=wrong.sum())
    return network, x, labels


@pytest.mark.parametrize("loss", [False, True], ids=["accuracy", "accuracy and loss"])
def test_exhaustive(benchmark, task, loss):
    result = benchmark.pedantic(exhaustive, task, {"loss": loss}, rounds=3, warmup_rounds=1)
    assert result.faults == task[0].stored_bits
    assert set(result.rungs.values()) == {"interval"}


@pytest.mark.parametrize("kernel", ["native", "portable"])
@pytest.mark.parametrize("ber", [1e-3, 1e-2, 1e-1])
def test_a_faulty_model_drawing_included(benchmark, task, kernel, ber):
    """Sixteen models a round."""
    network, x, labels = task
    design = DesignPoint.unprotected(network)
    models = Models(design, x, labels, kernel=kernel)
    models.run(bernoulli(design.space, 2, ber, 0))
    result = benchmark.pedantic(lambda: models.run(bernoulli(design.space, 16, ber, 1)), rounds=3)
    assert (result.sdc > 0).all()


def test_witnesses(benchmark, task):
    network, x, _ = task
    found = benchmark.pedantic(witness, (network, x), rounds=2, warmup_rounds=1)
    assert (found >= 0).any()
