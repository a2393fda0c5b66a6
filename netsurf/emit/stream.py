"""Stream: elements that flow through the emitted top, some a cycle, from one layer to the next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from netsurf.emit.accelerator import Store
from netsurf.emit.timing import Timing
from netsurf.fault.registers import VOTER_INPUT, Register, RegisterKind
from netsurf.fixed import FixedFormat

SOURCE = "s_axis_t"
"""Prefix of the input port's handshake."""


@dataclass(frozen=True, slots=True)
class Stream:
    """A vector in flight.

    Parameters
    ----------
    handshake
        Prefix of the wires ``valid``, ``ready`` and ``last``.
    data
        Wire that holds ``per_beat`` elements.
    format
        Of an element.
    elements, per_beat
        Of the vector, and of a beat.
    pixels
        Whether beats are pixels of an image: then there is no wire ``last``, whoever takes them counts.
    """

    handshake: str
    data: str
    format: FixedFormat
    elements: int
    per_beat: int
    pixels: bool = False

    @property
    def last(self) -> str:
        """What says that a beat is the last of a vector."""
        if self.pixels:
            return "1'b1" if self.beats == 1 else "1'b0"
        return f"{self.handshake}last"

    @property
    def beats(self) -> int:
        """Cycles that the vector takes."""
        return self.elements // self.per_beat

    @property
    def width(self) -> int:
        """Bits of a beat."""
        return self.per_beat * self.format.width

    def changed(self, data: str, target: FixedFormat) -> Stream:
        """The same beats after an elementwise layer."""
        return replace(self, data=data, format=target)


@dataclass(frozen=True, slots=True)
class StorePort:
    """Between a store and who reads it: wires ``<name>_read``, ``_row`` (if ``row_width``) and ``_data``."""

    name: str
    row_width: int
    rows: int
    width: int


@dataclass(slots=True)
class Body:
    """The module that grows while the layers are walked: lines of text, stores, cells, registers.

    ``timing`` holds a node for every cell with a handshake, ``depths`` the depth of every FIFO by its name,
    once it is known, ``reads`` for every store the channel whose beats read it, and how many cycles later.
    ``store_lines`` and ``store_registers`` are those of the stores. ``registers`` counts flip-flops, ``idle``
    the bits of ``register_list`` that synthesis does not keep.
    """

    top: str
    lines: list[str] = field(default_factory=list)
    stores: list[Store] = field(default_factory=list)
    cells: set[str] = field(default_factory=set)
    registers: int = 0
    idle: int = 0
    register_list: list[Register] = field(default_factory=list)
    marks: set[tuple[str, str]] = field(default_factory=set)
    store_lines: set[int] = field(default_factory=set)
    store_registers: set[str] = field(default_factory=set)
    store_ports: list[StorePort] = field(default_factory=list)
    next_address: int = 0
    reads: list[tuple[str, int]] = field(default_factory=list)
    timing: Timing = field(default_factory=lambda: Timing(SOURCE))
    depths: Mapping[str, int] = field(default_factory=dict)

    def add(self, *lines: str) -> None:
        """Append lines."""
        self.lines.extend(lines)

    def register(
        self,
        name: str,
        kind: RegisterKind,
        shape: tuple[int, int],
        path: str,
        cell: str,
        replica: int = 0,
        idle: int = 0,
    ) -> None:
        """List a register: ``shape`` is (elements, width), ``path`` below the top, ``cell`` its module.

        ``idle`` of its bits keep the value that reset gives them, so that synthesis leaves them out.
        """
        self.register_list.append(Register(name, kind, *shape, f"{self.top}.{path}", replica))
        if kind != VOTER_INPUT:
            self.registers += shape[0] * shape[1] - idle
            self.idle += idle
            self.marks.add((cell, path.rsplit(".", 1)[1].removesuffix("[{}]")))

    def datapath_lines(self) -> list[str]:
        """The lines that belong to no store."""
        return [line for number, line in enumerate(self.lines) if number not in self.store_lines]

    def stores_lines(self) -> list[str]:
        """The lines of the stores."""
        return [line for number, line in enumerate(self.lines) if number in self.store_lines]

    def use(self, *cells: str) -> None:
        """Note that the design needs these modules of ``rtl/``."""
        self.cells.update(cells)
