"""A protected design and its unprotected twin: synthesise both, find every replica, prove the theorems."""

from __future__ import annotations

import hashlib
import json
import resource
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from netsurf import paths
from netsurf.emit import Accelerator, require_match
from netsurf.errors import SiteMapError, UsageError
from netsurf.files import sha256, write_json
from netsurf.harden import DesignPoint
from netsurf.proof import statements
from netsurf.proof.circuit import solver_version
from netsurf.proof.flipflops import Text, find
from netsurf.proof.model import Model
from netsurf.proof.synthesis import Netlist, graph, synthesise
from netsurf.proof.theorems import Bench, Counterexample, Theorem

Told = Callable[[Theorem], None]

ASSUMPTIONS = (
    "No bound on time: each theorem is a step of an induction over cycles, from every state that it names.",
    "An upset is confined to one replica between two writes of its word; any number of bits of that replica "
    "may be upset, a single upset is the smallest case.",
    "The netlist is that of Yosys; what place and route and the silicon make of it is not covered.",
    "The stores are loaded through the configuration port before they are read; reads beyond the last word, "
    "which no inference makes, are covered too.",
)


@dataclass(frozen=True, slots=True)
class Proof:
    """What was decided of a design.

    Parameters
    ----------
    theorems
        In order; all of them, unless the replicas are not there, of which nothing more is said then.
    technology, yosys, solver
        Of the netlist, and what worked on it.
    protected_bits, flip_flops
        Of the design; the flip-flops are those of the netlist's graph.
    synthesis_seconds, seconds, peak_mb
        Processor time of Yosys, time of the theorems, and the largest resident set of this process.
    """

    theorems: tuple[Theorem, ...]
    technology: str
    yosys: str
    solver: str
    protected_bits: int
    flip_flops: int
    synthesis_seconds: float
    seconds: float
    peak_mb: float

    @property
    def proved(self) -> bool:
        """Whether every theorem holds."""
        return all(theorem.proved for theorem in self.theorems)


def prove(
    accelerator: Accelerator,
    design: DesignPoint,
    plain: Accelerator,
    technology: str = "gates",
    told: Told = lambda theorem: None,
) -> Proof:
    """Prove the theorems about a protected design, or refute them.

    Parameters
    ----------
    accelerator, design
        The protected design point as emitted.
    plain
        The same network emitted without protection, in the same micro-architecture.
    technology
        Entry of :data:`~netsurf.proof.synthesis.TECHNOLOGIES`.
    told
        Called with each theorem as soon as it is decided.

    Raises
    ------
    UsageError
        If the design protects nothing, or protects by schemes that have no theorem here.
    ToolFailedError
        If Yosys or the SAT solver gives no explicit result.
    """
    require_match(accelerator, design)
    _require_theorems(accelerator)
    kept = _record(accelerator, plain, technology)
    if kept.is_file():
        proof = _read(json.loads(kept.read_text()))
        for theorem in proof.theorems:
            told(theorem)
        return proof
    proof = _proved(accelerator, design, plain, technology, told)
    write_json(kept, asdict(proof))
    return proof


def _proved(
    accelerator: Accelerator, design: DesignPoint, plain: Accelerator, technology: str, told: Told
) -> Proof:
    spent = 0.0
    theorems: list[Theorem] = []
    netlist = synthesise(accelerator, technology)
    for theorem in _theorems(netlist, design, plain):
        if isinstance(theorem, float):
            spent += theorem
            continue
        theorems.append(theorem)
        told(theorem)
    spent += netlist.seconds
    return Proof(
        tuple(theorems),
        technology,
        netlist.version,
        solver_version(),
        sum(store.protected_bits for store in accelerator.stores),
        accelerator.flip_flops,
        spent,
        sum(theorem.seconds for theorem in theorems),
        resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    )


def _theorems(netlist: Netlist, design: DesignPoint, plain: Accelerator) -> Iterator[Theorem | float]:
    """Theorems, and the processor time of each synthesis step between them."""
    audit = replicas(netlist, design)
    yield audit
    if not audit.proved:
        return
    aig, seconds = graph(netlist)
    yield seconds
    model = Model(aig, netlist.accelerator)
    yield flip_flops(model, design)
    bench = Bench(model)
    yield statements.loading(model)
    yield statements.containment(bench)
    yield statements.lockstep(bench)
    for store in bench.stores:
        yield statements.voted_word(bench, store)
        yield statements.flag(bench, store)
    yield statements.isolation(bench)
    other = synthesise(plain, netlist.technology)
    aig, seconds = graph(other)
    yield other.seconds + seconds
    yield statements.same_without_faults(bench, Model(aig, plain))


def replicas(netlist: Netlist, design: DesignPoint) -> Theorem:
    """The audit: every stored bit, replicas included, has a flip-flop of its own in the netlist."""
    started = time.perf_counter()
    lost: tuple[Counterexample, ...] = ()
    try:
        find(Text.read(netlist.verilog), netlist.accelerator, design)
    except SiteMapError as error:
        lost = (Counterexample("design", str(error)),)
    return Theorem(
        "replicas",
        "every stored bit and every replica has a flip-flop of its own after synthesis",
        not lost,
        design.space.size,
        0,
        time.perf_counter() - started,
        lost,
    )


def flip_flops(model: Model, design: DesignPoint) -> Theorem:
    """The graph that the other theorems are about has every stored bit, and no flip-flop but those emitted.

    Synthesis may remove a register of the datapath that never changes, or that equals another.
    """
    stored, wanted = len(model.latches), design.space.size
    got, stated = model.graph.latches, model.accelerator.flip_flops
    wrong = [] if stored == wanted else [f"{stored} flip-flops hold stored bits, {wanted} were emitted"]
    wrong += [] if got <= stated else [f"{got} flip-flops, {stated} were emitted"]
    return Theorem(
        "flip-flops",
        f"of {got:,} flip-flops in the netlist ({stated:,} emitted), {stored:,} hold every stored bit",
        not wrong,
        got,
        0,
        0.0,
        tuple(Counterexample("design", sentence) for sentence in wrong),
    )


def _require_theorems(accelerator: Accelerator) -> None:
    if not any(store.protected_bits for store in accelerator.stores):
        raise UsageError("the plan protects no bit by tmr, so there is nothing to prove; type: --level 20")
    other = [s.tensor for s in accelerator.stores if s.guard is not None]
    if other:
        raise UsageError(
            f"{', '.join(other)}: only tmr has theorems here; choose a plan that protects with tmr alone"
        )


def _record(accelerator: Accelerator, plain: Accelerator, technology: str) -> Path:
    """Where the proof of these very files by this very code is kept."""
    sources = sorted(Path(__file__).parent.glob("*.py"))
    hasher = hashlib.sha256(f"{technology} {solver_version()}".encode())
    for path in (*sources, *accelerator.paths, *plain.paths):
        hasher.update(f"{path.name} {sha256(path)}\n".encode())
    return paths.build() / "proofs" / f"{hasher.hexdigest()[:16]}.json"


def _read(document: dict) -> Proof:
    theorems = [
        Theorem(**{**t, "counterexamples": tuple(Counterexample(**c) for c in t["counterexamples"])})
        for t in document["theorems"]
    ]
    return Proof(**{**document, "theorems": tuple(theorems)})
