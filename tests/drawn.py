"""One loop for every strategy: an engine against the reference executor on drawn design points."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from netsurf.engine import Engine, EngineResult, ReferenceEngine, compare
from netsurf.harden import DesignPoint
from tests.strategies import fault_lists, inputs

DRAWN = settings(
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate],  # shrinking would compile for an hour
    suppress_health_check=list(HealthCheck),
)


def unprotected(networks: st.SearchStrategy) -> st.SearchStrategy:
    """Design points of drawn networks that protect nothing."""
    return networks.map(DesignPoint.unprotected)


def assert_equal(
    engine: Callable[[DesignPoint], Engine],
    examples: int,
    designs: st.SearchStrategy,
    features: Callable[[DesignPoint, EngineResult], Iterable[str]],
    max_samples: int = 12,
    start: int = 0,
) -> Counter:
    """Compare an engine with the reference on design points, faults and inputs drawn from seed ``start``.

    Returns
    -------
    How many design points had each of their ``features``, and how many ``pairs`` were compared.
    """
    covered: Counter = Counter()

    @seed(start)
    @settings(DRAWN, max_examples=examples)
    @given(st.data())
    def check(data):
        design = data.draw(designs)
        faults = data.draw(fault_lists(design, max_faults=12))
        x = data.draw(inputs(design.network, max_samples=max_samples))
        expected = ReferenceEngine(design).run(faults, x)
        agreement = compare("other", expected, engine(design).run(faults, x))
        assert agreement.count == 0, agreement.mismatches[0]
        covered.update({"pairs": agreement.pairs})
        covered.update(set(features(design, expected)))

    check()
    return covered
