"""Signatures: how the sensitivity of a network is spread over its weights and bits.

A *profile* holds the values of a few quantities, each a distribution over the stored elements or bits.
Comparing the profile before training with the one after says what training did to them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netsurf.errors import UnknownNameError, UsageError
from netsurf.ir import Network
from netsurf.rank import distribution
from netsurf.rank.bits import deltas, elements, pruned, reals, spread, widths
from netsurf.rank.distribution import Divergence, Signature
from netsurf.rank.evidence import EVIDENCE, Evidence, check

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Quantity:
    """One quantity of a profile.

    Parameters
    ----------
    axis
        ``E`` for a value an element, ``S`` for a value a stored bit.
    values
        From network and evidence to the values.
    needs
        Evidence that it reads.
    """

    axis: str
    values: Callable[[Network, Evidence], Floats]
    needs: tuple[str, ...]
    summary: str


QUANTITIES: dict[str, Quantity] = {
    "magnitude": Quantity("E", lambda n, e: np.abs(reals(n)), (), "|w| of each element"),
    "gradient": Quantity(
        "E", lambda n, e: np.abs(e["gradient"]), ("gradient",), "|dL/dw| of each element, mean over samples"
    ),
    "fisher": Quantity(
        "E", lambda n, e: e["fisher"], ("fisher",), "mean squared gradient of a sample's loss, each element"
    ),
    "delta": Quantity("S", lambda n, e: deltas(n), (), "signed change of the weight by an upset of each bit"),
    "qpolar": Quantity(
        "S",
        lambda n, e: np.abs(spread(n, e["corrupted_input"]) * deltas(n)),
        ("corrupted_input",),
        "mean change of the sum that the weight feeds, each bit, everything upset",
    ),
}
"""Name of a quantity to what it is; gradients are those of the calibration loss."""


def needs(quantities: Iterable[str] = tuple(QUANTITIES)) -> tuple[str, ...]:
    """Names of the evidence that any of the quantities reads, in the order of ``EVIDENCE``.

    Raises
    ------
    UnknownNameError
        If there is no such quantity.

    >>> needs(["magnitude", "fisher"])
    ('fisher',)
    """
    read = {name for quantity in quantities for name in _quantity(quantity).needs}
    return tuple(name for name in EVIDENCE if name in read)


def _quantity(name: str) -> Quantity:
    if name not in QUANTITIES:
        raise UnknownNameError("quantity", name, QUANTITIES)
    return QUANTITIES[name]


@dataclass(frozen=True, slots=True, eq=False)
class Profile:
    """Values of quantities of one network.

    Parameters
    ----------
    network_digest
        Of the network.
    values
        Quantity to ``(E,)`` or ``(S,)`` values.
    kept
        Axis (``E``, ``S``) to a mask of what belongs to the distribution: all but pruned weights.
    """

    network_digest: str
    values: Mapping[str, Floats]
    kept: Mapping[str, NDArray[np.bool_]]

    def distribution(self, quantity: str) -> Floats:
        """The values of a quantity, without pruned weights."""
        return self.values[quantity][self.kept[_quantity(quantity).axis]]

    def signatures(self) -> dict[str, Signature]:
        """Statistics of every quantity."""
        return {name: distribution.signature(self.distribution(name)) for name in self.values}

    def lorenz(self, points: int = 101) -> dict[str, Floats]:
        """Lorenz curve of every quantity, ``(points,)``."""
        return {name: distribution.lorenz(self.distribution(name), points) for name in self.values}


def profile(network: Network, evidence: Evidence, quantities: Iterable[str] = tuple(QUANTITIES)) -> Profile:
    """Values of quantities of a network.

    Raises
    ------
    UnknownNameError
        If there is no such quantity.
    UsageError
        If evidence is missing, or of another network.
    """
    quantities = tuple(quantities)
    missing = [name for name in needs(quantities) if name not in evidence]
    if missing:
        raise UsageError(f"a signature reads {', '.join(missing)}, which was not measured; gather it first")
    check(evidence, network, needs(quantities), "signature")
    values = {name: np.asarray(_quantity(name).values(network, evidence), np.float64) for name in quantities}
    gone = pruned(network)
    left = np.ones(len(widths(network)), bool)
    left[elements(network)[gone]] = False
    return Profile(network.digest, values, {"E": left, "S": ~gone})


@dataclass(frozen=True, slots=True)
class Change:
    """What became of one quantity from one profile to another.

    Parameters
    ----------
    before, after
        Statistics.
    divergence
        Between the two distributions.
    correlation
        Spearman's rank correlation of the values of the same elements or bits, of those in both profiles:
        whether the same ones are large. None if either does not vary.
    """

    before: Signature
    after: Signature
    divergence: Divergence
    correlation: float | None


def compare(before: Profile, after: Profile) -> dict[str, Change]:
    """What became of every quantity.

    Raises
    ------
    UsageError
        If the profiles hold different quantities, or are of networks with different elements.
    """
    if set(before.values) != set(after.values):
        raise UsageError(f"one profile holds {', '.join(before.values)}, the other {', '.join(after.values)}")
    if any(len(before.kept[axis]) != len(after.kept[axis]) for axis in before.kept):
        sizes = " and ".join(f"{len(one.kept['S']):,}" for one in (before, after))
        raise UsageError(
            f"the profiles are of {sizes} stored bits; compare networks of the same layers and widths"
        )
    return {name: _change(before, after, name) for name in before.values}


def _change(before: Profile, after: Profile, name: str) -> Change:
    old, new = before.distribution(name), after.distribution(name)
    axis = QUANTITIES[name].axis
    both = before.kept[axis] & after.kept[axis]
    return Change(
        distribution.signature(old),
        distribution.signature(new),
        distribution.divergence(old, new),
        _spearman(before.values[name][both], after.values[name][both]),
    )


def _spearman(left: Floats, right: Floats) -> float | None:
    """Correlation of ranks, equal values sharing their mean rank."""
    from scipy.stats import rankdata

    if len(left) < 2 or not np.ptp(left) or not np.ptp(right):
        return None
    return float(np.corrcoef(rankdata(left), rankdata(right))[0, 1])
