"""The ladder against brute force: every upset of small random networks, by the reference executor."""

from __future__ import annotations

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from netsurf.engine import ReferenceEngine
from netsurf.fault import FaultList
from netsurf.harden import DesignPoint
from netsurf.inject import exhaustive
from netsurf.ir import Network, execute
from tests.strategies import inputs, networks

SETTINGS = settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))


@st.composite
def cases(draw):
    """A network, inputs and labels (or targets)."""
    network = draw(networks(max_size=5))
    x = draw(inputs(network, max_samples=6))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    if network.task == "classification":
        return network, x, rng.integers(network.output.size, size=len(x))
    return network, x, rng.normal(size=(len(x), network.output.size))


def brute(network: Network, x: np.ndarray, labels: np.ndarray) -> tuple:
    """Correct samples, SDCs and mean loss of every upset, the slow way."""
    faults = FaultList.single(np.arange(network.stored_bits))
    outputs = ReferenceEngine(DesignPoint.unprotected(network)).run(faults, x).outputs
    golden = execute(network, x)
    real = outputs * 2.0**-network.output.format.fraction
    if network.task == "regression":
        return None, (outputs != golden).any(-1).sum(1), ((real - labels) ** 2).mean((1, 2))
    chosen = outputs.argmax(-1)
    top = real.max(-1)
    label = np.take_along_axis(real, np.broadcast_to(labels[None, :, None], (len(real), len(x), 1)), 2)[
        ..., 0
    ]
    loss = np.log(np.exp(real - top[..., None]).sum(-1)) + top - label
    return (chosen == labels).sum(1), (chosen != golden.argmax(-1)).sum(1), loss.mean(1)


def agrees(network: Network, x: np.ndarray, labels: np.ndarray, **options) -> bool:
    """Whether the injector's scores are those of brute force."""
    result = exhaustive(network, x, labels, jobs=1, **options)
    correct, sdc, loss = brute(network, x, labels)
    same = (result.sdc == sdc).all() and (correct is None or (result.correct == correct).all())
    return bool(same and (result.loss is None or np.allclose(result.loss, loss, rtol=1e-9, atol=1e-9)))


@SETTINGS
@given(cases(), st.booleans())
def test_equals_brute_force(case, loss):
    assert agrees(*case, loss=loss)


@SETTINGS
@given(cases(), st.booleans())
def test_forward_rung_serves_everything(case, loss):
    network, x, labels = case
    assert agrees(network, x, labels, loss=loss, force=dict.fromkeys(network.parameters, "forward"))
