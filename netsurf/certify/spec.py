"""JobSpec: what the main job runs, and its defaults."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from netsurf.errors import FaultError, PlanError


@dataclass(frozen=True, slots=True)
class JobSpec:
    """Size and seeds of the main job; :func:`netsurf.certify.sizes.job_spec` chooses them for a network.

    Parameters
    ----------
    levels
        Protection levels, 0 to 1; the first one stands for the unprotected design if it is 0.
    architectures
        Micro-architectures that are emitted: ``serial``, ``parallel``, ``spec``.
    ranker
        Name of the ranking whose first bits are protected.
    ber
        Bit error rate of the Bernoulli faults.
    faults
        Faults of each block (one block of single upsets, one of Bernoulli faults) a level.
    samples
        Test samples that each fault runs, drawn anew for every fault.
    transients
        Transient upsets a level and micro-architecture (RTL engines only).
    icarus
        Faults and samples of each block that Icarus repeats, by micro-architecture: it takes seconds for a
        cycle in which the whole store is read.
    csim
        Faults and samples of each block that hls4ml's C simulation runs; None stands for all.
    fault_free
        Most samples of the test split whose fault-free decision an engine (``reference``, ``csim``) or the
        simulator of a micro-architecture is asked for; all of them, if it is not here.
    netlist
        Faults and samples of each block that the synthesised netlist repeats, if it is run.
    seed
        Seed of faults and samples.
    """

    levels: tuple[float, ...] = (0.0, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0)
    architectures: tuple[str, ...] = ("serial", "parallel")
    ranker: str = "msb"
    ber: float = 1e-2
    faults: int = 24
    samples: int = 96
    transients: int = 48
    icarus: Mapping[str, tuple[int, int]] = field(
        default_factory=lambda: {"serial": (4, 4), "parallel": (1, 1)}
    )
    csim: tuple[int, int] | None = None
    fault_free: Mapping[str, int] = field(default_factory=dict)
    netlist: tuple[int, int] = (8, 8)
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.levels or not all(0 <= level <= 1 for level in self.levels):
            raise PlanError("protection levels must be fractions from 0 to 1, for example 0,0.2,1")
        if not 0 <= self.ber <= 1:
            raise FaultError(f"BER {self.ber} is no probability; choose 0 to 1")
        missing = sorted(set(self.architectures) - set(self.icarus))
        if missing:
            raise FaultError(f"the job must say what Icarus runs of {', '.join(missing)}")
        if self.faults < 2 or self.samples < 1:
            raise FaultError("a job needs at least 2 faults a block and 1 sample a fault")
