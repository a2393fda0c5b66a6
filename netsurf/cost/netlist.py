"""The mapped netlist, as Yosys writes it to BLIF: cells, aliases of nets, registers by name, depth."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from netsurf.cost.targets import Target
from netsurf.errors import DisagreementError

WRITE = "write_blif -gates -icells -cname {file}"
"""The Yosys command whose output is read here."""

CONSTANTS = frozenset({"$false", "$true", "$undef"})
_REGISTER = re.compile(r"(?P<memory>(?:.*\.)?\w+_q)\[(?P<word>\d+)\]\[(?P<bit>\d+)\]")
_CLOCKS = frozenset({"C", "CLK", "CLOCK"})

Register = tuple[str, int, int]
"""Bit ``[word][bit]`` of a memory, by its hierarchical name inside the netlist."""


@dataclass(slots=True)
class Cell:
    """A cell: its type, its instance name, its nets by pin, and which of the pins drive."""

    kind: str
    name: str = ""
    ins: dict[str, str] = field(default_factory=dict)
    outs: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Netlist:
    """One mapped module.

    Attributes
    ----------
    inputs, outputs
        Bits of its ports.
    cells
        Cells of the target.
    boxes
        Instances of modules that were mapped by themselves.
    alias
        Net to the net that it is another name of.
    """

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    cells: tuple[Cell, ...]
    boxes: tuple[Cell, ...]
    alias: Mapping[str, str]

    def net(self, name: str) -> str:
        """The name under which a net is driven."""
        while name in self.alias:
            name = self.alias[name]
        return name


def parse(text: str, target: Target, box_outputs: Mapping[str, frozenset[str]]) -> Netlist:
    """Read BLIF.

    Parameters
    ----------
    box_outputs
        Output ports of every module that was left out, by module name.

    Raises
    ------
    DisagreementError
        If there is a cell that is none of the target's: it was not mapped, and an area would leave it out.
    """
    lines = iter(text.replace("\\\n", " ").splitlines())
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    cells: list[Cell] = []
    boxes: list[Cell] = []
    alias: dict[str, str] = {}
    last: Cell | None = None
    for line in lines:
        head, _, rest = line.partition(" ")
        if head in (".gate", ".subckt"):
            kind, *pins = rest.split()
            last = Cell(kind)
            known = box_outputs.get(kind)
            _connect(last, pins, target, known)
            (cells if known is None else boxes).append(last)
            if known is None and target.class_of(kind) is None:
                raise DisagreementError(
                    f"{kind} is no cell of {target.title}; Yosys left it unmapped, so there is no area"
                )
        elif head == ".cname" and last is not None:
            last.name = rest
        elif head == ".names":
            nets = rest.split()
            if len(nets) == 2:
                alias[nets[1]] = nets[0]
            elif len(nets) > 2:
                raise DisagreementError(f"the netlist for {target.title} has logic that is no cell: {line}")
        elif head == ".inputs":
            inputs = tuple(rest.split())
        elif head == ".outputs":
            outputs = tuple(rest.split())
        elif head == ".latch":
            raise DisagreementError(f"the netlist for {target.title} has a register that is no cell: {line}")
        elif head == ".end":
            break
    return Netlist(inputs, outputs, tuple(cells), tuple(boxes), alias)


def _connect(cell: Cell, pins: Iterable[str], target: Target, box: frozenset[str] | None) -> None:
    for pin in pins:
        name, _, net = pin.partition("=")
        bare = name.partition("[")[0]
        drives = target.drives(cell.kind, bare) if box is None else bare in box
        (cell.outs if drives else cell.ins)[name] = net


def counts(netlist: Netlist) -> dict[str, int]:
    """Cells by type, in order of their names."""
    found: dict[str, int] = {}
    for cell in netlist.cells:
        found[cell.kind] = found.get(cell.kind, 0) + 1
    return dict(sorted(found.items()))


def registers(netlist: Netlist, target: Target) -> tuple[dict[Register, str], dict[Register, Register]]:
    """Memory bits that are flip-flops, with the net of each; and those that share one with another bit.

    A bit is found through the net that the flip-flop drives and the other names of that net. If one
    flip-flop has the names of several memory bits, it is that of the shortest path (bank A stands higher in
    the hierarchy than B and C): synthesis merged the others with it.
    """
    names: dict[str, list[str]] = {}
    for other in netlist.alias:
        names.setdefault(netlist.net(other), []).append(other)
    found: dict[Register, str] = {}
    merged: dict[Register, Register] = {}
    for cell in netlist.cells:
        if target.class_of(cell.kind) != "FF":
            continue
        named = {
            (match["memory"], int(match["word"]), int(match["bit"]))
            for net in cell.outs.values()
            for name in (net, *names.get(net, ()))
            if (match := _REGISTER.fullmatch(name))
        }
        bits = sorted(named, key=lambda register: (len(register[0]), register))
        for register in bits[:1]:
            found[register] = next(iter(cell.outs.values()))
        merged |= dict.fromkeys(bits[1:], bits[0]) if bits else {}
    return found, merged


@dataclass(frozen=True, slots=True)
class Depths:
    """Longest paths of a module, in cells.

    Attributes
    ----------
    through
        Input port to output port to the longest path between them; a port pair without a path is absent.
    leaving, entering
        Output port to the longest path from a register, input port to the longest path to a register.
    inside
        Longest path between registers.
    """

    through: Mapping[str, Mapping[str, int]]
    leaving: Mapping[str, int]
    entering: Mapping[str, int]
    inside: int

    @property
    def longest(self) -> int:
        """Longest path of all."""
        across = [cells for arcs in self.through.values() for cells in arcs.values()]
        return max([self.inside, *self.leaving.values(), *self.entering.values(), *across])


def depths(netlist: Netlist, target: Target, boxes: Mapping[str, Depths]) -> Depths:
    """Longest paths in cells, through the modules that were mapped by themselves as well.

    Every cell on the way counts 1, carry cells and multiplexers included. Through a box the longest path
    between the two *ports* counts, which may be longer than that between the two bits: never too short.

    Raises
    ------
    DisagreementError
        If there is a loop without a register.
    """
    return _Walk(netlist, target, boxes).run()


_REGISTERED = "\0"
"""Label of a path that starts at a register; other labels are input ports."""


class _Walk:
    """Longest paths by one pass in topological order; labels say where a path started."""

    def __init__(self, netlist: Netlist, target: Target, boxes: Mapping[str, Depths]) -> None:
        self.net = netlist.net
        self.netlist, self.target, self.boxes = netlist, target, boxes
        self.arrival: dict[str, dict[str, int]] = {}
        self.arcs: dict[str, list[tuple[str, int]]] = {}
        self.waiting: dict[str, int] = {}
        self.ends: list[tuple[str, int]] = []

    def run(self) -> Depths:
        for net in self.netlist.inputs:
            self._start(net, {net.partition("[")[0]: 0})
        for cell in self.netlist.cells:
            if self.target.class_of(cell.kind) == "FF":
                self._flip_flop(cell)
            else:
                self._gate(cell)
        for box in self.netlist.boxes:
            self._box(box, self.boxes[box.kind])
        self._propagate()
        return self._depths()

    def _start(self, net: str, labels: dict[str, int]) -> None:
        known = self.arrival.setdefault(net, {})
        for label, cells in labels.items():
            known[label] = max(known.get(label, 0), cells)

    def _flip_flop(self, cell: Cell) -> None:
        for net in cell.outs.values():
            self._start(net, {_REGISTERED: 0})
        self.ends += [(self.net(n), 0) for pin, n in cell.ins.items() if pin not in _CLOCKS]

    def _gate(self, cell: Cell) -> None:
        for source in {self.net(n) for n in cell.ins.values()}:
            for sink in cell.outs.values():
                self._arc(source, sink, 1)

    def _box(self, box: Cell, inner: Depths) -> None:
        for pin, sink in box.outs.items():
            if (cells := inner.leaving.get(_port(pin))) is not None:
                self._start(sink, {_REGISTERED: cells})
        for pin, name in box.ins.items():
            source, port = self.net(name), _port(pin)
            if port in inner.entering:
                self.ends.append((source, inner.entering[port]))
            for out, sink in box.outs.items():
                if (cells := inner.through.get(port, {}).get(_port(out))) is not None:
                    self._arc(source, sink, cells)

    def _arc(self, source: str, sink: str, cells: int) -> None:
        if source not in CONSTANTS:
            self.arcs.setdefault(source, []).append((sink, cells))
            self.waiting[sink] = self.waiting.get(sink, 0) + 1

    def _propagate(self) -> None:
        nets = set(self.arcs) | set(self.waiting)
        ready = deque(net for net in nets if not self.waiting.get(net))
        done = 0
        while ready:
            net = ready.popleft()
            done += 1
            labels = self.arrival.get(net, {})
            for sink, cells in self.arcs.get(net, ()):
                known = self.arrival.setdefault(sink, {})
                for label, before in labels.items():
                    if known.get(label, -1) < before + cells:
                        known[label] = before + cells
                self.waiting[sink] -= 1
                if not self.waiting[sink]:
                    ready.append(sink)
        if done < len(nets):
            stuck = min(net for net in nets if self.waiting.get(net))
            raise DisagreementError(f"the netlist has a loop without a register, through {stuck}")

    def _depths(self) -> Depths:
        through: dict[str, dict[str, int]] = {}
        leaving: dict[str, int] = {}
        entering: dict[str, int] = {}
        inside = 0
        for bit in self.netlist.outputs:
            port = _port(bit)
            for label, cells in self.arrival.get(self.net(bit), {}).items():
                arcs = leaving if label == _REGISTERED else through.setdefault(label, {})
                arcs[port] = max(arcs.get(port, 0), cells)
        for net, beyond in self.ends:
            for label, cells in self.arrival.get(net, {}).items():
                if label == _REGISTERED:
                    inside = max(inside, cells + beyond)
                else:
                    entering[label] = max(entering.get(label, 0), cells + beyond)
        return Depths(through, leaving, entering, inside)


def _port(bit: str) -> str:
    return bit.partition("[")[0]
