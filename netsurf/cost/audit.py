"""The replica audit: every stored bit, replica and check bit is a flip-flop of the netlist, and is voted.

Registers are found through synthesis: by the names that Yosys gives the words of a memory when it maps it to
flip-flops, and by the nets that those flip-flops drive. Nothing is guessed from the emitted text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from netsurf.cost.netlist import Cell, Netlist
from netsurf.cost.targets import Target
from netsurf.emit import Accelerator, locate
from netsurf.errors import DisagreementError
from netsurf.harden import DesignPoint

SHOWN = 10
"""Lost bits that a message lists; the report has them all."""

Has = Callable[[str, int, int], bool]
"""Whether bit ``[word][bit]`` of a memory, by its path without the top module, is a flip-flop of its own."""


@dataclass(frozen=True, slots=True)
class Audit:
    """What was looked for and what was found.

    Attributes
    ----------
    protected_bits
        Stored bits under any scheme.
    sites, found
        Stored bits, replicas and check bits that there must be, and that are flip-flops of their own.
    replicas, replicas_found
        The same without the bits themselves: second and third copies, check bits.
    voters, voters_found
        Voted bits of reads that there must be, and that three replicas meet in.
    lost
        What was not found, as ``tensor[index].bit`` with the replica, or the voter.
    """

    protected_bits: int
    sites: int
    found: int
    replicas: int
    replicas_found: int
    voters: int
    voters_found: int
    lost: tuple[str, ...]

    def require(self, where: str) -> None:
        """Raise DisagreementError, with the list of what was lost, unless everything was found."""
        if self.lost:
            more = f" and {len(self.lost) - SHOWN:,} more" if len(self.lost) > SHOWN else ""
            raise DisagreementError(
                f"{where}: synthesis lost {len(self.lost):,} of {self.sites + self.voters:,} flip-flops and "
                f"voters: {', '.join(self.lost[:SHOWN])}{more}; what protects them must stand in a module of "
                "its own with keep_hierarchy"
            )


def audit(design: DesignPoint, accelerator: Accelerator, has: Has, rest: Netlist, target: Target) -> Audit:
    """Look for every stored bit of a design point, and for every voter.

    Parameters
    ----------
    has
        Answers for registers; see :data:`Has`.
    rest
        Netlist of the top with what is not kept apart.
    """
    sites = design.space.sites
    lost = list(_lost_registers(design, accelerator, has))
    lost_replicas = sum(not text.endswith(".r0") for text in lost)
    voters, lost_voters = _voters(design, accelerator, rest, target)
    replicas = len(sites) - design.network.stored_bits
    return Audit(
        protected_bits=_protected(design),
        sites=len(sites),
        found=len(sites) - len(lost),
        replicas=replicas,
        replicas_found=replicas - lost_replicas,
        voters=voters,
        voters_found=voters - len(lost_voters),
        lost=(*lost, *lost_voters),
    )


def _protected(design: DesignPoint) -> int:
    return len(design.plan.bits) + sum(len(scheme.bits) for scheme in design.plan.schemes)


def _lost_registers(design: DesignPoint, accelerator: Accelerator, has: Has) -> Iterator[str]:
    sites = design.space.sites
    place = locate(accelerator, sites)
    memories = [
        {bank: path.removeprefix(f"{accelerator.top}.") for bank, (path, _) in store.memories.items()}
        for store in accelerator.stores
    ]
    rows = zip(
        sites.tolist(),
        place.store.tolist(),
        place.replica.tolist(),
        place.word.tolist(),
        place.bit.tolist(),
        strict=True,
    )
    for number, store, replica, word, bit in rows:
        if not has(memories[store][replica], word, bit):
            yield _name(design, number)


def _name(design: DesignPoint, number: int) -> str:
    site = design.space.site(number)
    return f"{site.tensor}[{site.index}].{site.bit}.r{site.replica}"


def _voters(
    design: DesignPoint, accelerator: Accelerator, rest: Netlist, target: Target
) -> tuple[int, list[str]]:
    """How many voted bits there must be, and those that the three replicas do not meet in."""
    cone = _Cone(rest, target)
    wanted, lost = 0, []
    replica, number = np.divmod(design.space.sites, max(design.network.stored_bits, 1))
    bits = number[replica == 2]  # a third copy is there to be voted with
    offsets = design.space.offsets
    for store in accelerator.stores:
        first = offsets[store.tensor]
        own = bits[(bits >= first) & (bits < first + store.bits)] - first
        words, columns = np.divmod(own, store.word_width)
        read = (words % store.words_per_read) * store.word_width + columns
        banks = [path.removeprefix(f"{accelerator.top}.").rpartition(".") for path in store.banks]
        for column in np.unique(read).tolist():
            here = np.flatnonzero(read == column)[0]
            word, bit = int(words[here]), int(columns[here])
            sources = [cone.source(instance, memory, column, word, bit) for instance, _, memory in banks]
            wanted += 1
            if not cone.meet(sources):
                lost.append(f"{_name(design, first + int(own[here])).removesuffix('.r0')} voter")
    return wanted, lost


class _Cone:
    """Which nets replicas reach, error flags left aside."""

    def __init__(self, rest: Netlist, target: Target) -> None:
        self.rest = rest
        self.boxes = {box.name: box for box in rest.boxes}
        gates = [cell for cell in rest.cells if target.class_of(cell.kind) != "FF"]
        flops = [cell for cell in rest.cells if target.class_of(cell.kind) == "FF"]
        self.sinks: dict[str, list[str]] = {}
        drivers: dict[str, list[str]] = {}
        for cell in gates:
            ins = [rest.net(net) for net in cell.ins.values()]
            for out in cell.outs.values():
                drivers[out] = ins
            for net in ins:
                self.sinks.setdefault(net, []).extend(cell.outs.values())
        ends = [net for cell in flops if not self._is_flag(cell) for net in cell.ins.values()]
        ends += [net for box in rest.boxes for net in box.ins.values()] + list(rest.outputs)
        self.useful = _reached([rest.net(net) for net in ends], drivers)

    def _is_flag(self, cell: Cell) -> bool:
        return any(net.endswith("error_q") for net in cell.outs.values())

    def source(self, instance: str, memory: str, column: int, word: int, bit: int) -> str:
        """The net on which a replica is read: the output of its bank, or the flip-flop itself."""
        box = self.boxes.get(instance)
        if box is None:
            return self.rest.net(f"{instance}.{memory}[{word}][{bit}]")
        pin = f"data_o[{column}]" if f"data_o[{column}]" in box.outs else "data_o"
        return box.outs.get(pin, "")

    def meet(self, sources: Sequence[str]) -> bool:
        """Whether three different nets reach one and the same gate that something but a flag depends on."""
        if len(set(sources)) < 3 or "" in sources:
            return False
        reached: list[set[str]] = [set() for _ in sources]
        fronts = [{source} for source in sources]
        while any(fronts):
            fronts = [self._next(front, seen) for front, seen in zip(fronts, reached, strict=True)]
            if set.intersection(*reached):
                return True
        return False

    def _next(self, front: set[str], seen: set[str]) -> set[str]:
        fresh = {out for net in front for out in self.sinks.get(net, ()) if out in self.useful} - seen
        seen |= fresh
        return fresh


def _reached(starts: Sequence[str], edges: Mapping[str, Sequence[str]]) -> set[str]:
    """Everything that can be reached, the starts included."""
    seen, stack = set(starts), list(starts)
    while stack:
        fresh = [net for net in edges.get(stack.pop(), ()) if net not in seen]
        seen.update(fresh)
        stack += fresh
    return seen
