"""Witnesses against brute force: the first sample on which the reference sees each upset."""

from __future__ import annotations

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from netsurf.engine import ReferenceEngine
from netsurf.fault import FaultList
from netsurf.harden import DesignPoint
from netsurf.inject import witness
from netsurf.ir import execute
from tests.strategies import inputs, networks

SETTINGS = settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))


@st.composite
def cases(draw):
    """A network and inputs."""
    network = draw(networks(max_size=5))
    return network, draw(inputs(network, max_samples=8))


def seen(network, x) -> np.ndarray:
    """Whether the reference output vector changes, ``(S, samples)``."""
    faults = FaultList.single(np.arange(network.stored_bits))
    outputs = ReferenceEngine(DesignPoint.unprotected(network)).run(faults, x).outputs
    return (outputs != execute(network, x)).any(axis=-1)


@SETTINGS
@given(cases())
def test_is_the_first_sample_that_changes(case):
    changes = seen(*case)
    expected = np.where(changes.any(axis=1), changes.argmax(axis=1), -1)
    assert witness(*case, jobs=1).tolist() == expected.tolist()


@settings(SETTINGS, max_examples=20)
@given(cases())
def test_without_its_witness_a_fault_is_seen_elsewhere_or_never(case):
    """Negative control: where the witness is taken away, its number is not given again."""
    network, x = case
    first, changes = witness(network, x), seen(network, x)
    for sample in np.unique(first[first >= 0])[:2]:
        rest = witness(network, np.delete(x, sample, axis=0))
        lost = first == sample
        others = np.delete(changes[lost], sample, axis=1)
        assert ((rest[lost] >= 0) == others.any(axis=1)).all()
