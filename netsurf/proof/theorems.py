"""The theorems, each about every state of the netlist that an upset can bring about, for ever.

The words: two copies of a netlist *agree* if their inputs and registers hold the same and every stored bit,
in each bank that has it, holds the same variable. An *upset replica* is a bank whose protected bits hold
other variables: it stands for a single upset, and for any number of them in that replica.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from netsurf.proof.circuit import Circuit, Solver
from netsurf.proof.model import Copy, Model, Place

REPLICAS = 3


@dataclass(frozen=True, slots=True)
class Counterexample:
    """Why a theorem does not hold: a stored bit that is upset, where known, and what it does.

    Parameters
    ----------
    tensor, element, bit, replica
        The upset bit; ``tensor`` alone where no single bit is to blame.
    cycle
        Cycle of the inference in which its word is read.
    what
        What goes wrong.
    """

    tensor: str
    what: str
    element: int | None = None
    bit: int | None = None
    replica: int | None = None
    cycle: int | None = None

    def __str__(self) -> str:
        where = self.tensor
        if self.element is not None:
            where += f"[{self.element}].{self.bit} of replica {self.replica}, read in cycle {self.cycle}"
        return f"{where}: {self.what}"


@dataclass(frozen=True, slots=True)
class Theorem:
    """A statement and the verdict on it.

    Parameters
    ----------
    name, statement
        Short, and whole.
    proved
        Whether it holds.
    checks
        Equalities and implications that it consists of.
    queries
        Those that the SAT solver decided; the others hold because the two structures are one.
    seconds
        Time that it took.
    counterexamples
        At most a few, if it does not hold.
    """

    name: str
    statement: str
    proved: bool
    checks: int
    queries: int
    seconds: float
    counterexamples: tuple[Counterexample, ...] = ()


Check = tuple[list[int], Callable[[dict[object, bool]], Counterexample]]
"""Literals that must not be true together, and what to say of values with which they are."""

LISTED = 3


def decide(name: str, statement: str, solver: Solver, checks: Iterator[Check]) -> Theorem:
    """Decide every check; stop when enough of them have failed."""
    started, before, count = time.perf_counter(), solver.queries, 0
    failed: list[Counterexample] = []
    for literals, explain in checks:
        count += 1
        witness = solver.witness(*literals)
        if witness is not None:
            failed.append(explain(witness))
            if len(failed) == LISTED:
                break
    seconds = time.perf_counter() - started
    return Theorem(name, statement, not failed, count, solver.queries - before, seconds, tuple(failed))


@dataclass
class Bench:
    """Copies of one protected netlist in one circuit, made when first asked for."""

    model: Model
    circuit: Circuit = field(default_factory=Circuit)
    _copies: dict[object, Copy] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.solver = Solver(self.circuit)
        latches = self.model.latches
        self.protected = {(s, w, b) for (s, bank, w, b) in latches if bank == 1 and (s, 2, w, b) in latches}
        self.stores = sorted({s for s, _, _ in self.protected})

    def golden(self, place: Place) -> int:
        """The variable of a stored bit, the same in each bank that has it."""
        store, _, word, bit = place
        return self.circuit.leaf(("bit", store, word, bit))

    def _upset(self, place: Place) -> int:
        store, _, word, bit = place
        return self.circuit.leaf(("upset", store, word, bit))

    def agreeing(self) -> Copy:
        """All banks agree."""
        return self._made("agreeing", self.golden)

    def upset(self, replica: int) -> Copy:
        """The protected bits of one replica, in every store, hold anything."""

        def content(place: Place) -> int:
            hit = place[1] == replica and (place[0], *place[2:]) in self.protected
            return self._upset(place) if hit else self.golden(place)

        return self._made(replica, content)

    def changed(self) -> Copy:
        """All replicas of the protected bits hold what the upset replica holds: no voter can tell."""

        def content(place: Place) -> int:
            return self._upset(place) if (place[0], *place[2:]) in self.protected else self.golden(place)

        return self._made("changed", content)

    def distinct(self) -> Copy:
        """Every stored bit of every bank is a variable of its own."""
        return self._made("distinct", lambda place: self.circuit.leaf(("own", *place)))

    def _made(self, key: object, content: Callable[[Place], int]) -> Copy:
        if key not in self._copies:
            self._copies[key] = self.model.copy(self.circuit, content)
        return self._copies[key]

    def blame(self, store: int, replica: int, what: str, *literals: int) -> Callable[..., Counterexample]:
        """Explain a witness by a single upset bit, if one bit of that replica is enough."""

        def explain(witness: dict[object, bool]) -> Counterexample:
            differing = self._differing(store, witness)
            for place in differing[:64]:
                others = [self._same(store, other) for other in differing if other != place]
                if len(differing) == 1 or self.solver.witness(*literals, *others) is not None:
                    return self._named(store, replica, place, what)
            return Counterexample(self.model.accelerator.stores[store].tensor, what)

        return explain

    def _differing(self, store: int, witness: dict[object, bool]) -> list[tuple[int, int]]:
        """Words and bits whose upset value is not the loaded one; an absent variable may be anything."""
        upset = [n[2:] for n in witness if isinstance(n, tuple) and n[:2] == ("upset", store)]
        return [
            (w, b)
            for w, b in upset
            if witness["upset", store, w, b]
            != witness.get(("bit", store, w, b), not witness["upset", store, w, b])
        ]

    def _same(self, store: int, place: tuple[int, int]) -> int:
        upset, loaded = (self.circuit.leaf((kind, store, *place)) for kind in ("upset", "bit"))
        return self.circuit.xor(upset, loaded) ^ 1

    def _named(self, store: int, replica: int, place: tuple[int, int], what: str) -> Counterexample:
        entry = self.model.accelerator.stores[store]
        word, bit = place
        element = word * entry.elements_per_word + bit // entry.element_width
        cycle = entry.first_read + word // entry.words_per_read
        return Counterexample(entry.tensor, what, element, bit % entry.element_width, replica, cycle)
