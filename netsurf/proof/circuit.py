"""An and-inverter graph that several copies of a netlist share: equal structure is one node.

A theorem about a netlist compares copies of it whose flip-flops hold different values. Copies are added to
one graph; a node is made once for each pair of operands, so that whatever does not depend on what differs
is the very same literal, and nothing is left to prove about it. The rest goes to a SAT solver, cone by cone.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from netsurf.errors import MissingToolError, ToolFailedError

FALSE, TRUE = 0, 1


class Circuit:
    """A graph of ANDs with inverters on the edges; literal ``2*n + 1`` is the inverse of node ``n``.

    >>> c = Circuit()
    >>> a, b = c.leaf("a"), c.leaf("b")
    >>> c.conj(a, b) == c.conj(b, a), c.conj(a, a ^ 1) == FALSE, c.xor(a, a) == FALSE
    (True, True, True)
    """

    def __init__(self) -> None:
        self.operands: list[tuple[int, int] | None] = [None]
        self.names: dict[int, object] = {}
        self._known: dict[tuple[int, int], int] = {}
        self._leaves: dict[object, int] = {}

    def leaf(self, name: object) -> int:
        """The literal of a free variable, the same for the same name."""
        if name not in self._leaves:
            self._leaves[name] = 2 * len(self.operands)
            self.names[len(self.operands)] = name
            self.operands.append(None)
        return self._leaves[name]

    def conj(self, a: int, b: int) -> int:
        """``a and b``."""
        if a > b:
            a, b = b, a
        if a == FALSE or a == b ^ 1:
            return FALSE
        if a in (TRUE, b):
            return b
        key = (a, b)
        literal = self._known.get(key)
        if literal is None:
            literal = self._known[key] = 2 * len(self.operands)
            self.operands.append(key)
        return literal

    def disj(self, a: int, b: int) -> int:
        """``a or b``."""
        return self.conj(a ^ 1, b ^ 1) ^ 1

    def xor(self, a: int, b: int) -> int:
        """``a`` differs from ``b``."""
        return self.conj(self.conj(a, b) ^ 1, self.conj(a ^ 1, b ^ 1) ^ 1)

    def any(self, literals: Iterable[int]) -> int:
        """Whether one of them is true."""
        total = FALSE
        for literal in literals:
            total = self.disj(total, literal)
        return total

    def copy(
        self, ands: Sequence[tuple[int, int]], first: int, leaves: Sequence[int], cut: dict[int, int]
    ) -> list[int]:
        """A copy of a netlist: the literal of each of its nodes.

        Parameters
        ----------
        ands, first
            Operand pairs of the nodes from ``first`` on, in topological order.
        leaves
            Literals of nodes ``0 .. first - 1``; node 0 is the constant false.
        cut
            Nodes that are replaced by another literal.
        """
        values = list(leaves)
        add, conj = values.append, self.conj
        for node, (a, b) in enumerate(ands, start=first):
            literal = conj(values[a >> 1] ^ (a & 1), values[b >> 1] ^ (b & 1))
            add(cut.get(node, literal) if cut else literal)
        return values

    def support(self, literal: int) -> set[object]:
        """Names of the variables that the structure behind a literal reads."""
        return {self.names[node] for node in self._cone([literal]) if node in self.names}

    def _cone(self, literals: Iterable[int]) -> list[int]:
        seen: set[int] = set()
        stack = [literal >> 1 for literal in literals]
        while stack:
            node = stack.pop()
            if node in seen or node == 0:
                continue
            seen.add(node)
            pair = self.operands[node]
            if pair is not None:
                stack += (pair[0] >> 1, pair[1] >> 1)
        return sorted(seen)


@dataclass(slots=True)
class Solver:
    """Decides whether literals of a circuit can be true together; each verdict is the SAT solver's own.

    Attributes
    ----------
    queries, hashed
        How many verdicts the solver gave, and how many needed none, because the structure is one.
    seconds
        Time that the solver took.
    """

    circuit: Circuit
    queries: int = 0
    hashed: int = 0
    seconds: float = 0.0
    _sat: object = None
    _added: set[int] = field(default_factory=set)

    def witness(self, *literals: int) -> dict[object, bool] | None:
        """Values of the variables with which all ``literals`` are true; None if there are none.

        Raises
        ------
        ToolFailedError
            If the solver gives no verdict.
        """
        if FALSE in literals:
            self.hashed += 1
            return None
        started = time.perf_counter()
        verdict, model = self._solve([literal for literal in literals if literal != TRUE])
        self.seconds += time.perf_counter() - started
        self.queries += 1
        if verdict is False:
            return None
        if verdict is not True:
            raise ToolFailedError(f"the SAT solver (no verdict: {verdict!r})", Path("python-sat"))
        return model

    def _solve(self, assumptions: list[int]) -> tuple[object, dict[object, bool]]:
        sat = self._sat = self._sat or _cadical()
        cone = self.circuit._cone(assumptions)
        for node in cone:
            if node not in self._added:
                self._added.add(node)
                for clause in _clauses(node, self.circuit.operands[node]):
                    sat.add_clause(clause)
        verdict = sat.solve(assumptions=[_signed(literal) for literal in assumptions])
        if verdict is not True:
            return verdict, {}
        true = {variable for variable in sat.get_model() if variable > 0}
        names = self.circuit.names
        return verdict, {names[node]: node in true for node in cone if node in names}


def _clauses(node: int, pair: tuple[int, int] | None) -> list[list[int]]:
    """Tseitin's clauses of an AND."""
    if pair is None:
        return []
    a, b = map(_signed, pair)
    return [[-node, a], [-node, b], [node, -a, -b]]


def _signed(literal: int) -> int:
    return -(literal >> 1) if literal & 1 else literal >> 1


def _cadical() -> object:
    """CaDiCaL 1.9.5 of the package python-sat."""
    try:
        from pysat.solvers import Solver as Sat
    except ImportError as error:
        raise MissingToolError("python-sat", "make setup (or: pip install python-sat==1.9.dev17)") from error
    return Sat(name="cadical195")


def solver_version() -> str:
    """What decides the theorems."""
    from importlib.metadata import version

    return f"CaDiCaL 1.9.5 (python-sat {version('python-sat')})"
