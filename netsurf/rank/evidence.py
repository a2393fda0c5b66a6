"""Evidence: the arrays that rankers read beside the network itself, each named, shaped and checked.

Rankers only combine; what costs time (gradients, Hessians, activations, fault injection) is measured
elsewhere on the *calibration split* and handed over as flat arrays: `netsurf.frontend.gather` measures
what a set of methods needs and keeps it. Letters of shapes are those of :mod:`netsurf.rank.bits`, and
``K`` is the number of eigenpairs. ``L`` is the mean loss over the samples, in natural units: softmax
cross-entropy of the real outputs, or the mean squared error.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from netsurf.errors import UnknownNameError, UsageError
from netsurf.ir import Network
from netsurf.rank.bits import planes, widths

Source = Literal["gradients", "activations", "injection"]


@dataclass(frozen=True, slots=True)
class Kind:
    """What one array of evidence is: axes (letters of S, E, P, K), who measures it, and what it says."""

    axes: str
    source: Source
    summary: str


EVIDENCE: dict[str, Kind] = {
    "gradient": Kind("E", "gradients", "dL/dw at the stored weights, straight through quantisers"),
    "fisher": Kind("E", "gradients", "mean over samples of the squared gradient of the sample's loss"),
    "hessian_diagonal": Kind("E", "gradients", "d2L/dw2 of each element, exact for networks of relu layers"),
    "hutchinson_diagonal": Kind("E", "gradients", "diagonal of the Hessian estimated from Rademacher probes"),
    "eigenvalues": Kind("K", "gradients", "eigenvalues of the Hessian that are largest in size"),
    "eigenvectors": Kind("KE", "gradients", "their eigenvectors, of unit length"),
    "delta_gradient": Kind(
        "PE", "gradients", "dL/dw where all weights are replaced by their deltas of a plane"
    ),
    "delta_eigenvalues": Kind("PK", "gradients", "eigenvalues of the Hessian there"),
    "delta_eigenvectors": Kind("PKE", "gradients", "eigenvectors of the Hessian there"),
    "flip_probability": Kind(
        "S", "gradients", "flip probabilities learnt by aiber, later the earlier frozen"
    ),
    "corrupted_input": Kind("E", "activations", "mean factor of each element when every stored bit is upset"),
    "loss_change": Kind("S", "injection", "exact change of L when the bit alone is upset"),
    "accuracy_drop": Kind("S", "injection", "exact fall of the accuracy when the bit alone is upset"),
    "expected_loss_change": Kind("S", "injection", "mean change of L by the bit among other upsets"),
}
"""Name of an array to what it is."""


@dataclass(frozen=True, eq=False)
class Evidence:
    """Measured arrays of one network.

    Parameters
    ----------
    network_digest
        Network that they were measured on.
    arrays
        Name in :data:`EVIDENCE` to ``float64`` array.

    Raises
    ------
    UnknownNameError
        If a name is not in :data:`EVIDENCE`.
    """

    network_digest: str
    arrays: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in self.arrays:
            if name not in EVIDENCE:
                raise UnknownNameError("evidence", name, EVIDENCE)
        checked = {name: np.asarray(array, np.float64) for name, array in self.arrays.items()}
        object.__setattr__(self, "arrays", checked)

    def __getitem__(self, name: str) -> NDArray[np.float64]:
        return self.arrays[name]

    def __contains__(self, name: object) -> bool:
        return name in self.arrays

    def __or__(self, other: Evidence) -> Evidence:
        """Both, the right one's arrays where a name is in both; they must be of one network."""
        if self.network_digest != other.network_digest:
            raise UsageError("evidence of two networks cannot be joined; measure again")
        return Evidence(self.network_digest, {**self.arrays, **other.arrays})


def none(network: Network) -> Evidence:
    """No evidence at all, which is what rankers that read the weights alone need."""
    return Evidence(network.digest)


def check(evidence: Evidence, network: Network, needs: tuple[str, ...], who: str) -> None:
    """Raise UsageError unless ``evidence`` is of ``network`` and holds every array of ``needs`` in shape."""
    if evidence.network_digest != network.digest:
        raise UsageError(
            f"evidence is of network {evidence.network_digest[:12]}, not of {network.name} "
            f"{network.digest[:12]}; measure it again"
        )
    missing = [name for name in needs if name not in evidence]
    if missing:
        raise UsageError(
            f"ranker '{who}' reads {', '.join(missing)}, which was not measured; "
            f"type: netsurf rank BENCH --method {who}"
        )
    sizes = {"S": network.stored_bits, "E": len(widths(network)), "P": planes(network)}
    for name in needs:
        _check_array(name, evidence[name], sizes)


def _check_array(name: str, array: NDArray[np.float64], sizes: Mapping[str, int]) -> None:
    axes = EVIDENCE[name].axes
    fits = array.ndim == len(axes) and all(
        axis not in sizes or size == sizes[axis] for axis, size in zip(axes, array.shape, strict=False)
    )
    if not fits:
        wanted = ", ".join(str(sizes.get(axis, axis)) for axis in axes)
        raise UsageError(f"evidence '{name}' must have the shape ({wanted}), not {array.shape}")
    if not np.isfinite(array).all():
        raise UsageError(f"evidence '{name}' has values that are not finite; the model or its loss diverged")
