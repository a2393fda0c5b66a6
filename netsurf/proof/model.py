"""A netlist's graph with its flip-flops told apart: stored bits, by store, bank, word, bit; and registers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

from netsurf.emit import Accelerator
from netsurf.errors import SiteMapError
from netsurf.proof.aiger import Aiger, Bit
from netsurf.proof.circuit import FALSE, Circuit

Place = tuple[int, int, int, int]
"""A stored bit: store, bank, word, bit."""

Content = Callable[[Place], int]
"""The literal of each stored bit."""


@dataclass(frozen=True)
class Model:
    """A netlist and what its flip-flops are.

    Parameters
    ----------
    graph
        The netlist.
    accelerator
        Where it comes from.
    """

    graph: Aiger
    accelerator: Accelerator

    @cached_property
    def places(self) -> dict[int, Place]:
        """Flip-flop to the stored bit that it holds."""
        memories = {
            path.split(".", 1)[1]: (store, bank)
            for store, entry in enumerate(self.accelerator.stores)
            for bank, (path, _) in entry.memories.items()
        }
        found: dict[int, Place] = {}
        for latch, names in enumerate(self.graph.latch_names):
            for name, bit in names:
                memory, _, word = name.rpartition("[")
                if memory in memories and word.endswith("]"):
                    found[latch] = (*memories[memory], int(word[:-1]), bit)
        return found

    @cached_property
    def latches(self) -> dict[Place, int]:
        """Stored bit to its flip-flop."""
        return {place: latch for latch, place in self.places.items()}

    @cached_property
    def registers(self) -> dict[int, Bit]:
        """Flip-flops that hold no stored bit, to the first of their names."""
        names = enumerate(self.graph.latch_names)
        return {latch: min(own) for latch, own in names if latch not in self.places}

    @cached_property
    def flags(self) -> dict[int, int]:
        """Store to the flip-flop that drives its bit of ``tmr_error_o``; none without replicas."""
        flags = {}
        for number, store in enumerate(self.accelerator.stores):
            literal = self.graph.outputs.get(("tmr_error_o", store.error_bit), FALSE)
            latch = (literal >> 1) - 1 - self.graph.inputs
            if not literal & 1 and 0 <= latch < self.graph.latches:
                flags[number] = latch
        return flags

    def instance(self, store: int) -> str:
        """Name of a store in the top module."""
        return self.accelerator.stores[store].banks[0].split(".")[1]

    def words(self, store: int) -> list[Bit]:
        """Outputs of the graph that show the voted word of a store, least significant bit first."""
        name = f"{self.instance(store)}.data_o"
        found = sorted(bit for bit in self.graph.outputs if bit[0] == name)
        entry = self.accelerator.stores[store]
        if len(found) != entry.words_per_read * entry.word_width:
            raise SiteMapError(f"the netlist has no {name} of {entry.words_per_read * entry.word_width} bits")
        return found

    def copy(
        self,
        circuit: Circuit,
        content: Content,
        cut: Mapping[Bit, object] | None = None,
        names: Mapping[int, Bit] | None = None,
    ) -> Copy:
        """A copy of the netlist in a circuit.

        Parameters
        ----------
        content
            Literal of each stored bit. Inputs and registers are free variables, the same in every copy.
        cut
            Outputs that are replaced by the free variable of a name.
        names
            Names of registers, where they are to be those of another netlist.
        """
        graph, names = self.graph, names or self.registers
        leaves = [FALSE, *(circuit.leaf(("input", min(own))) for own in graph.input_names)]
        for latch in range(graph.latches):
            place = self.places.get(latch)
            leaves.append(content(place) if place else circuit.leaf(("register", names[latch])))
        nodes = {
            graph.outputs[bit] >> 1: circuit.leaf(name) ^ (graph.outputs[bit] & 1)
            for bit, name in (cut or {}).items()
            if graph.outputs[bit] > 1
        }
        # A word of a store that is read alone is the flip-flops themselves.
        leaves = [nodes.get(node, literal) for node, literal in enumerate(leaves)]
        return Copy(self, circuit.copy(graph.ands, graph.first_and, leaves, nodes))


@dataclass(frozen=True, slots=True)
class Copy:
    """A copy of a netlist: literals by node."""

    model: Model
    values: list[int]

    def output(self, bit: Bit) -> int:
        """Literal of an output."""
        return self._of(self.model.graph.outputs[bit])

    def following(self, latch: int) -> int:
        """Literal of a flip-flop's next value."""
        return self._of(self.model.graph.next[latch])

    def _of(self, literal: int) -> int:
        return self.values[literal >> 1] ^ (literal & 1)
